"""Archives runs, which hides them from lists and searches, and unarchives them.

A request only marks the runs. From then on no list and no search shows them, and they are not refreshed. A worker
then removes their lines from the search index, run by run, and adds them again once they are unarchived. Its
progress is stored on the runs (`Run.is_indexed`), so a lost task or a worker that stops costs some time and nothing
else. After an upgrade that changes the index, all runs wait to be added in the same way.
"""

import time
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from results import queue
from results.dubs import checks
from results.models import LargeChange, Run
from results.queue.backlogs import Quarantine
from results.runs import large_changes
from results.search import indexing
from teams.models import Team

MAX_SECONDS = 3
# After each chunk a pause lets in a writer that waits for SQLite's write lock and tries every 25 ms at first.
_RUNS_PER_CHUNK = 10
_PAUSE_SECONDS = 0.03
_quarantine = Quarantine("The search index could not be synced with run %s")


def archive_runs(team: Team, pks: Collection[int], *, at: datetime | None = None) -> int:
    """Archive these runs of the team; return how many of them were not archived before.

    `at` is the time by which `undo_archiving` finds the runs again.
    """
    total = large_changes.change_runs(team, LargeChange.ChangeKind.ARCHIVED, pks, at=at)
    queue.enqueue("apply_run_changes")
    return total


def unarchive_runs(team: Team, pks: Collection[int]) -> int:
    """Unarchive these runs of the team and make the unfinished ones due; return how many of them were archived."""
    total = large_changes.change_runs(team, LargeChange.ChangeKind.UNARCHIVED, pks)
    queue.enqueue("apply_run_changes")
    queue.enqueue("refresh_due")
    return total


def undo_archiving(team: Team, at: datetime) -> int:
    """Restore the runs that were archived at once at this time, and leave those that are not archived yet."""
    large_changes.cancel(team, LargeChange.ChangeKind.ARCHIVED, at)
    return unarchive_runs(team, Run.objects.archived().filter(team=team, archived_at=at).pks())


def sync_pending() -> None:
    """Go on with changes of very many runs, and sync the search index with archived and unarchived runs.

    This takes MAX_SECONDS; then a task for the rest is enqueued.
    """
    deadline = time.monotonic() + MAX_SECONDS
    if not large_changes.go_on_with_all(deadline):
        queue.enqueue("apply_run_changes")
        return
    while pks := _next_pending():
        if time.monotonic() > deadline:
            queue.enqueue("apply_run_changes")
            return
        for pk in pks:
            with _quarantine.isolated(pk):
                _sync_run(pk)
        time.sleep(_PAUSE_SECONDS)


def _sync_run(pk: int) -> None:
    """Bring the run's lines into the index or out of it, and its words into the vocabulary."""
    with transaction.atomic():
        # Storing an answer takes the same lock, so one waits for the other.
        run = Run.objects.select_for_update().filter(pk=pk).first()
        if run is None:
            return
        indexing.sync_run(run)
        checks.sync_run(run)
    if run.archived_at is None:
        # A rebuild of the index while the run was archived dropped its words from the vocabulary.
        for dub in run.dubs.all():
            indexing.learn_words(dub)


def _next_pending() -> list[int]:
    """Return the next runs to sync: those to remove from the index first, then those to add, newest first."""
    runs = Run.objects.exclude(pk__in=_quarantine.pks())
    to_unindex = runs.to_unindex().order_by("pk")[:_RUNS_PER_CHUNK].pks()
    return to_unindex or runs.to_index().order_by("-pk")[:_RUNS_PER_CHUNK].pks()
