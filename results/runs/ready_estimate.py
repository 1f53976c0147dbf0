"""Estimates when a waiting run will be ready, from how long the team's own runs took, by their length."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from results.db.replica import fetch_rows
from results.models import Run
from results.runs.listed import ListedRun

# The history that counts: the newest runs, and only those that were waited for. A run that was ready when it was
# added says nothing of how long CAMB.AI takes.
RUNS_READ = 300
SHORTEST_WAIT = timedelta(minutes=1)
# With fewer runs to go by, nothing is said.
FEWEST_RUNS = 5
# Runs are alike whose length differs by no more than this factor.
ALIKE = 2
# Raw SQL, as each list with a waiting run asks, and the ORM takes longer than the database.
_READY = """
    select created_at, changed_at, duration_ms from results_run
    where team_id = %s and status = 'ready' and archived_at is null and changed_at is not null
    order by id desc limit %s
"""


class PastWait(NamedTuple):
    """How long the team waited for a run, from when it was added, and the length of its media (0: unknown)."""

    wait: timedelta
    duration_ms: int


class ReadyEstimate(NamedTuple):
    """When a run is usually ready: half of the runs like it by `at`, most between `earliest` and `latest`."""

    at: datetime
    earliest: datetime
    latest: datetime
    runs: int


def past_waits(team_id: int) -> list[PastWait]:
    """Return the waits for the team's newest ready runs, in no order."""
    rows = fetch_rows(_READY, [team_id, RUNS_READ])
    waits = (PastWait(changed - created, duration_ms) for created, changed, duration_ms in rows)
    return [past for past in waits if past.wait >= SHORTEST_WAIT]


def estimate_ready(run: Run | ListedRun, waits: Sequence[PastWait], now: datetime) -> ReadyEstimate | None:
    """Return when the run is usually ready; None if too few runs tell, or too few took as long as it has."""
    if run.status not in (Run.Status.NEW, Run.Status.WAITING) or run.due_at is None:
        return None
    alike = [past for past in waits if _is_alike(run.duration_ms, past.duration_ms)]
    if len(alike) < FEWEST_RUNS:
        return None
    elapsed = now - run.created_at
    # What has passed already is known: only runs that took longer say how long it may still be.
    longer = sorted(past.wait for past in alike if past.wait > elapsed)
    if len(longer) < FEWEST_RUNS:
        return None
    tenth, median, ninth = (longer[len(longer) * percent // 100] for percent in (10, 50, 90))
    return ReadyEstimate(run.created_at + median, run.created_at + tenth, run.created_at + ninth, len(longer))


def _is_alike(own_ms: int, other_ms: int) -> bool:
    # A waiting run's length is known only from another dub or from a check before.
    return not own_ms or not other_ms or own_ms <= ALIKE * other_ms <= ALIKE * ALIKE * own_ms
