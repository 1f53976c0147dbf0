"""Archives, removes and restores any number of runs, of which a request changes as many as fit into a moment.

A change of more runs than RUNS_AT_ONCE is noted in `LargeChange`, in one transaction with its entry in the audit
trail. The request goes on with the note for REQUEST_SECONDS, a worker with what is left. Each chunk changes some
runs and says so in the note in one transaction, so a killed process loses and repeats nothing. While a team has a
note, its further changes are noted too: they follow in the order in which people asked for them.
"""

import time
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, Value, When
from django.db.models.functions import Coalesce

from results import clock
from results.db import chunks
from results.models import LargeChange, Run, TeamVersion
from results.queue.backlogs import Quarantine
from teams import audit
from teams.models import MAX_ACTOR_NAME, Team

ChangeKind = LargeChange.ChangeKind

RUNS_AT_ONCE = 5000
REQUEST_SECONDS = 1.0
_RUNS_PER_CHUNK = 500
_SOURCES_PER_TRANSACTION = 500
# After each chunk a pause lets in a writer that waits for SQLite's write lock.
_PAUSE_SECONDS = 0.03
_quarantine = Quarantine("The large changes of team %s could not go on")

_AUDIT = {
    ChangeKind.ARCHIVED: audit.Action.RUNS_ARCHIVED,
    ChangeKind.UNARCHIVED: audit.Action.RUNS_UNARCHIVED,
    ChangeKind.REMOVED: audit.Action.RUNS_REMOVED,
    ChangeKind.RESTORED: audit.Action.RUNS_RESTORED,
    ChangeKind.DELETED: audit.Action.RUNS_DELETED,
}


def change_runs(
    team: Team, kind: ChangeKind, pks: Collection[int], *, at: datetime | None = None, by: str = ""
) -> int:
    """Change these runs of the team; return how many are, or will be once a worker has been there."""
    at, by = at or clock.now(), by[:MAX_ACTOR_NAME]
    which, fields = _change(kind, at, by)
    is_behind = is_pending(team)
    if len(pks) <= RUNS_AT_ONCE and not is_behind:
        count = chunks.update_in_chunks(team, pks, which=which, audit_kind=_AUDIT[kind], **fields)
        if kind == ChangeKind.REMOVED:
            _show_sources_anew(team, pks)
        return count
    # Behind another change, whether a run is to be changed is only known once that is done.
    runs = Run.objects.filter(team=team) if is_behind else Run.objects.filter(which, team=team)
    named = set(pks)
    rest = [pk for pk in runs.order_by("pk").pks() if pk in named]
    if rest:
        with transaction.atomic():
            LargeChange.objects.create(team=team, kind=kind, at=at, by=by, pks=rest)
            chunks.record_runs(team, _AUDIT[kind], rest)
        go_on(team, time.monotonic() + REQUEST_SECONDS)
    return len(rest)


def is_pending(team: Team) -> bool:
    """Return whether a worker still has to change runs of this team."""
    return LargeChange.objects.filter(team=team).exists()


def cancel(team: Team, kind: ChangeKind, at: datetime) -> None:
    """Leave what is not done of the change of this kind that was asked for at this time."""
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        LargeChange.objects.filter(team=team, kind=kind, at=at).delete()


def go_on_with_all(deadline: float) -> bool:
    """Go on with the changes of all teams; return whether all are done before the deadline.

    A team whose change fails is tried again after a while.
    """
    teams = Team.objects.filter(pk__in=LargeChange.objects.values("team"))
    for team in teams.exclude(pk__in=_quarantine.pks()):
        with _quarantine.isolated(team.pk):
            if not go_on(team, deadline):
                return False
    return True


def go_on(team: Team, deadline: float) -> bool:
    """Go on with the team's changes, one chunk at least; return whether all are done before the deadline."""
    pks: dict[int, list[int]] = {}
    while True:
        with transaction.atomic():
            # The same order of locks as in `update_in_chunks`: the team, its runs by pk, the version.
            if not Team.objects.select_for_update(no_key=True).filter(pk=team.pk).exists():
                return True
            note = LargeChange.objects.filter(team=team).defer("pks").order_by("pk").first()
            if note is None:
                return True
            if note.pk not in pks:
                pks = {note.pk: note.pks}
            chunk = pks[note.pk][note.done : note.done + _RUNS_PER_CHUNK]
            _change_chunk(team, note, chunk)
            if note.done + len(chunk) >= len(pks[note.pk]):
                note.delete()
            else:
                LargeChange.objects.filter(pk=note.pk).update(done=F("done") + len(chunk))
        if note.kind == ChangeKind.REMOVED:
            _show_sources_anew(team, chunk)
        if time.monotonic() > deadline:
            return not is_pending(team)
        time.sleep(_PAUSE_SECONDS)


def _change_chunk(team: Team, note: LargeChange, chunk: list[int]) -> None:
    which, fields = _change(ChangeKind(note.kind), note.at, note.by)
    locked = Run.objects.filter(which, team=team, pk__in=chunk).select_for_update().order_by("pk").pks()
    if locked:
        Run.objects.filter(pk__in=locked).update(version=TeamVersion.bump(team.pk), **fields)


def _change(kind: ChangeKind, at: datetime, by: str) -> tuple[Q, dict[str, Any]]:
    """Return which runs a change concerns, and what it sets."""
    if kind == ChangeKind.ARCHIVED:
        return Q(archived_at=None), {"archived_at": at, "due_at": None, "requested_at": None}
    if kind == ChangeKind.UNARCHIVED:
        due_at = Case(When(status__in=Run.UNFINISHED, then=at), default=None)
        return Q(archived_at__isnull=False, removed_at=None), {"archived_at": None, "due_at": due_at}
    if kind == ChangeKind.REMOVED:
        archived_at = Coalesce(F("archived_at"), Value(at, output_field=DateTimeField()))
        fields = {"removed_at": at, "removed_by": by, "archived_at": archived_at}
        return Q(removed_at=None), fields | {"due_at": None, "requested_at": None}
    if kind == ChangeKind.DELETED:
        return Q(removed_at__gt=at - Run.TRASH_TIME), {"removed_at": at - Run.TRASH_TIME}
    # A run that was archived before its removal stays archived; unfinished ones are refreshed again.
    was_current = Q(archived_at=F("removed_at"))
    return Q(removed_at__gt=at - Run.TRASH_TIME), {
        "archived_at": Case(When(was_current, then=None), default=F("archived_at")),
        "due_at": Case(When(was_current & Q(status__in=Run.UNFINISHED), then=at), default=None),
        "removed_at": None,
        "removed_by": "",
    }


def _show_sources_anew(team: Team, pks: Collection[int]) -> None:
    """Have pages show the runs anew that are of one source with these removed ones."""
    named = sorted(pks)
    for start in range(0, len(named), _SOURCES_PER_TRANSACTION):
        chunk = named[start : start + _SOURCES_PER_TRANSACTION]
        sources = Run.objects.filter(team=team, pk__in=chunk, source__isnull=False).values("source")
        others = Run.objects.present().filter(team=team, source__in=sources)
        if not others.exists():
            continue
        with transaction.atomic():
            left = others.select_for_update().order_by("pk").pks()
            Run.objects.filter(pk__in=left).update(version=TeamVersion.bump(team.pk))
