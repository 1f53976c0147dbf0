"""Removes runs and teams into the trash, restores them from it, and deletes them once their time there is over.

A removed run is an archived one with `removed_at`. So whatever passes over archived runs passes over it too: lists,
searches, suggestions and refreshes, even those of a release that knows no trash. Its lines leave the search index
as those of archived runs do. A removed team keeps its people and its data, and no one gets into it.

A request only marks what is removed, a soft delete. A worker purges what has been in the trash for TRASH_TIME, run
by run, so that no transaction grows with the number of runs.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Q, When

from results import clock, queue, tags
from results.db import chunks
from results.models import Cue, LargeChange, Run, RunQuerySet, TeamVersion
from results.queue import beat
from results.queue.backlogs import isolated
from results.refresh import merge
from results.runs import large_changes
from results.runs.source import delete_if_single
from results.search import vocabulary
from teams import audit
from teams.models import MAX_ACTOR_NAME, Team

ChangeKind = LargeChange.ChangeKind

TRASH_TIME = Run.TRASH_TIME

MAX_SECONDS = 60
_RUNS_PER_CHUNK = 100
_ANY = Q()


@dataclass(frozen=True)
class Removal:
    """What was removed at once: the number of runs, and the time by which they are found again."""

    count: int
    at: datetime


# --- Runs --------------------------------------------------------------------------------------------


def removed_runs(team: Team) -> RunQuerySet:
    """Return the team's runs that can be restored."""
    return Run.objects.removed().filter(team=team, removed_at__gt=clock.now() - TRASH_TIME)


def runs_of_removal(team: Team, at: datetime) -> RunQuerySet:
    """Return the team's runs that were removed at once at this time and can be restored."""
    return removed_runs(team).filter(removed_at=at)


def remove_runs(team: Team, pks: Collection[int], *, by: str) -> Removal:
    """Move these runs of the team into the trash; `by` is the name of the person who removes them."""
    now = clock.now()
    count = large_changes.change_runs(team, ChangeKind.REMOVED, pks, at=now, by=by)
    queue.enqueue("apply_run_changes")
    return Removal(count, now)


def restore_removed(team: Team, pks: Collection[int], *, into_list: bool = False) -> int:
    """Restore these runs of the team from the trash; return how many of them could be restored.

    Unfinished ones are refreshed again. A run that was archived before its removal stays archived, unless it comes
    back `into_list`.
    """
    if into_list:
        total = chunks.update_in_chunks(
            team,
            pks,
            which=Q(removed_at__gt=clock.now() - TRASH_TIME),
            audit_kind=audit.Action.RUNS_RESTORED,
            archived_at=None,
            due_at=Case(When(status__in=Run.UNFINISHED, then=clock.now()), default=None),
            removed_at=None,
            removed_by="",
        )
    else:
        total = large_changes.change_runs(team, ChangeKind.RESTORED, pks)
    queue.enqueue("apply_run_changes")
    queue.enqueue("refresh_due")
    return total


def undo_removal(team: Team, at: datetime) -> int:
    """Restore the runs that were removed at once at this time, and leave those that are not removed yet."""
    large_changes.cancel(team, ChangeKind.REMOVED, at)
    return restore_removed(team, runs_of_removal(team, at).pks())


def delete_removed(team: Team, pks: Collection[int]) -> int:
    """Delete these runs of the team, which are in the trash, as if their time were over; return how many.

    From now on they cannot be restored. A worker deletes their data.
    """
    total = large_changes.change_runs(team, ChangeKind.DELETED, pks)
    _purge_soon()
    return total


# --- Teams -------------------------------------------------------------------------------------------


def remove_team(team: Team, *, by: str) -> None:
    """Take the team from all its members. Its runs are not refreshed, and no access token of it works."""
    with transaction.atomic():
        Team.objects.filter(pk=team.pk).update(removed_at=clock.now(), removed_by=by[:MAX_ACTOR_NAME])
        audit.record(team, audit.Action.TEAM_REMOVED)


def restore_team(team: Team) -> bool:
    """Give the team back to its members as it was; return whether it could be restored."""
    restorable = Team.objects.filter(pk=team.pk, removed_at__gt=clock.now() - TRASH_TIME)
    with transaction.atomic():
        is_restored = bool(restorable.update(removed_at=None, removed_by=""))
        if is_restored:
            audit.record(team, audit.Action.TEAM_RESTORED)
    queue.enqueue("refresh_due")
    return is_restored


def delete_team(team: Team) -> None:
    """Delete the team as if its time in the trash were over. A worker deletes its data."""
    Team.objects.filter(pk=team.pk).update(removed_at=clock.now() - TRASH_TIME)
    _purge_soon()


# --- The end -----------------------------------------------------------------------------------------


def _purge_soon() -> None:
    beat.run_soon("purge-trash")
    queue.enqueue("purge_trash")


def purge_trash() -> None:
    """Delete the runs and teams whose time in the trash is over, and teams without members, with all their data.

    This goes on for MAX_SECONDS, and then enqueues a task for the rest. After a killed worker, the next one goes
    on from there.
    """
    is_over, deadline = Q(removed_at__lte=clock.now() - TRASH_TIME), time.monotonic() + MAX_SECONDS
    of_runs = Team.objects.filter(pk__in=Run.objects.filter(is_over).values("team"))
    whole = Team.objects.filter(Q(memberships=None) | is_over)
    for team, which in [*((team, is_over) for team in of_runs), *((team, _ANY) for team in whole)]:
        with isolated("What team %s has removed could not be deleted", team.pk):
            if not delete_runs(team, which, deadline):
                queue.enqueue("purge_trash")
                return
            if which == _ANY:
                _delete_empty(team)


def _delete_empty(team: Team) -> None:
    with transaction.atomic():
        # A worker may be storing the last call about this team: the lock lets it finish, or find the team gone.
        Team.objects.select_for_update().filter(pk=team.pk).first()
        team.delete()


def delete_runs(team: Team, which: Q, deadline: float) -> bool:
    """Delete the team's runs that match `which`, and what only they used: words and tags.

    Returns False when the deadline passed before.
    """
    while runs := list(Run.objects.filter(which, team=team)[:_RUNS_PER_CHUNK]):
        if time.monotonic() > deadline:
            return False
        words = vocabulary.words_of_cues(Cue.objects.filter(run__in=[run.pk for run in runs]))
        for run in runs:
            delete_run(run, which)
        vocabulary.delete_unused(team.pk, words)
        tags.delete_unused(team)
    return True


def delete_run(run: Run, which: Q = _ANY) -> None:
    """Delete the run with its dubs, its cues and their search terms, unless it no longer matches `which`."""
    with transaction.atomic():
        # One order of locks everywhere avoids deadlocks: the team, its runs by pk, the version. While the team is
        # locked, no run is joined with this one.
        Team.objects.select_for_update(no_key=True).filter(pk=run.team_id).first()
        of_source = Run.objects.filter(pk=run.pk, source__isnull=False).values("source")
        Run.objects.filter(Q(pk=run.pk) | Q(source__in=of_source)).select_for_update().order_by("pk").pks()
        locked = Run.objects.filter(which, pk=run.pk).first()
        if locked is None:
            return
        for dub in locked.dubs.all():
            merge.delete_cues(dub)
        source_id = locked.source_id
        locked.delete()
        version = TeamVersion.bump(run.team_id)
        if source_id:
            Run.objects.filter(source=source_id).update(version=version)
            delete_if_single(source_id)
