"""How do runs leave the list and the search, and how do they come back?

Whoever archives only marks: from then on no list and no search shows the runs, and nobody asks about them. A worker
then takes their lines out of the search index, run by run, and puts them back after a restore. How far it is stands
on the runs, so a lost bell or a worker that stops costs a while.
"""

import time
from collections.abc import Collection

from django.db import transaction
from django.db.models import Case, Q, When
from django.utils import timezone

from results import queue
from results.db import batches
from results.models import Run
from results.search import indexing
from teams.models import Team

TURN_SECONDS = 3
# After so many runs, who waits for SQLite's write lock is let in: he looks every 25 ms at first.
_RUNS_AT_ONCE = 10
_PAUSE_SECONDS = 0.03


def archive_runs(team: Team, pks: Collection[int]) -> int:
    """Put these runs of the team aside; returns how many were not yet."""
    current = Q(archived_at=None)
    total = batches.update_in_batches(
        team, pks, which=current, archived_at=timezone.now(), due_at=None, requested_at=None
    )
    queue.enqueue("sync_archived")
    return total


def restore_runs(team: Team, pks: Collection[int]) -> int:
    """Take these runs of the team back, and ask about the unfinished ones; returns how many were archived."""
    archived = Q(archived_at__isnull=False)
    due_at = Case(When(status__in=Run.UNFINISHED, then=timezone.now()), default=None)
    total = batches.update_in_batches(team, pks, which=archived, archived_at=None, due_at=due_at)
    queue.enqueue("sync_archived")
    queue.enqueue("refresh_due")
    return total


def sync_pending() -> None:
    """Bring the index in line with what was archived and restored, for a turn, and ring for the rest."""
    turn_ends = time.monotonic() + TURN_SECONDS
    while pks := _unsettled():
        if time.monotonic() > turn_ends:
            queue.enqueue("sync_archived")
            return
        for pk in pks:
            _settle(pk)
        time.sleep(_PAUSE_SECONDS)


def _settle(pk: int) -> None:
    with transaction.atomic():
        # As when an answer is stored: of the two, one waits for the other.
        run = Run.objects.select_for_update().filter(pk=pk).first()
        if run is None:
            return
        indexing.sync_run(run)
    if run.archived_at is None:
        # An index that was made anew meanwhile has not learned its words.
        for dub in run.dubs.all():
            indexing.learn_words(dub)


def _unsettled() -> list[int]:
    fading = Run.objects.fading().order_by("pk")[:_RUNS_AT_ONCE].pks()
    return fading or Run.objects.returning().order_by("pk")[:_RUNS_AT_ONCE].pks()
