"""Leases: which runs are asked about now, by which worker thread.

A claim locks due runs of one key and writes a lease on them: a UUID, its end, and the worker. Only the holder of
the lease may ask about its runs, and only an answer that still finds the lease is stored. So two beats, a message
delivered twice, a worker that died or one that took too long cost at most one lease, and never a result. A holder
makes one call at a time, so the leases of a key count its calls in flight.
"""

import logging
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from results import camb, clock
from results.db import bulk
from results.models import ApiKey, Run, TeamVersion, WorkerHeartbeat
from results.refresh import heartbeat, rate_limit

LEASE_DURATION = Run.LEASE
# The lease of a person's Refresh, until a worker swaps it for its own. If the message is lost, as when the web
# server is killed before it is sent, the run is due again after this time: with beat's tick within ten seconds.
MESSAGE_LEASE_DURATION = WorkerHeartbeat.DEAD_AFTER
# Claiming and saving cost several times what a call does, so while much is due a lease covers this many calls.
MAX_CALLS = 16
# Failed calls after which a run is asked about alone: its id makes CAMB.AI fail, and would spoil its batch again.
ASK_ALONE_AFTER = 2
# After so many leases in a row that were lost with their worker, a run is a suspect: it waits and is asked about
# alone, and in the end only when a person wants it. An answer that takes all memory would else end every worker.
SUSPECT_AFTER = 3
MAX_LOST_LEASES = 5
FIRST_SUSPECT_WAIT = timedelta(seconds=20)

# `RunQuerySet.leased` and `due` in raw SQL: each claim asks all three questions, and building and compiling their
# queries costs several times what the database does for them.
_LEASED = """
    (lease_until > %(now)s and lease_until <= %(longest)s and (leased_by is null or leased_by in (
        select id from results_workerheartbeat where seen_at > %(oldest)s and seen_at < %(newest)s
    )))
"""
_DUE = f"""
    from results_run where team_id = %(key)s and due_at <= %(now)s and (lease_until is null or not {_LEASED})
"""
_COUNT_LEASES = f"select count(distinct lease) from results_run where team_id = %(key)s and {_LEASED}"  # noqa: S608
_COUNT_DUE = f"select count(*) from (select 1 {_DUE} limit %(most)s) as due"  # noqa: S608
_DUE_LONGEST = f"""
    select id, camb_run_id, camb_task_id, attempts, call_failures, absences, is_absence_verified, lost_leases,
        leased_by
    {_DUE} order by due_at, id limit %(most)s
"""
# SQLite has one writer at a time, and so no locks of rows.
_LOCK_FREE_ROWS = " for no key update skip locked"

FATAL = _(
    "Each time Dubroom read CAMB.AI's answer about this run, its worker ended. Ask the administrator of this "
    "server, then refresh."
)

logger = logging.getLogger(__name__)

T = TypeVar("T")


class DueRun(NamedTuple):
    """What has to be known of a run to ask about it."""

    pk: int
    camb_run_id: int | None
    camb_task_id: str
    attempts: int
    call_failures: int
    absences: int
    is_absence_verified: bool
    lost_leases: int
    leased_by: object
    """The worker that has died and left its lease on the run, or None."""

    @property
    def losses(self) -> int:
        """How many leases in a row workers that died have lost, with the one that is still on the run."""
        return self.lost_leases + (self.leased_by is not None)


class _LeasedRow(NamedTuple):
    """The fields of a run that a claim writes."""

    id: int
    lease: uuid.UUID
    lease_until: datetime
    leased_by: uuid.UUID | None
    lost_leases: int


@dataclass(frozen=True)
class Lease:
    """Runs of one key that only the holder of this lease may ask about, until it ends."""

    id: uuid.UUID
    key: ApiKey
    runs: Sequence[DueRun]
    until: datetime
    has_more: bool = True
    """Whether more of the key's runs may be due than these."""


def batches(ids: Sequence[T]) -> list[list[T]]:
    """Cut the ids into batches of 2 to 5, as few as possible; a batch of one only when there is one id in all."""
    size = camb.BATCH_MAX
    cut = [list(ids[start : start + size]) for start in range(0, len(ids), size)]
    if len(cut) > 1 and len(cut[-1]) < camb.BATCH_MIN:
        cut[-1][:0] = cut[-2][-2:]
        del cut[-2][-2:]
    return cut


def plan_calls(runs: Sequence[DueRun]) -> list[list[DueRun]]:
    """Return the runs of each call: batches, and alone each task and each run whose id does harm to others."""
    alone = [run for run in runs if _is_alone(run)]
    return [*batches([run for run in runs if run not in alone]), *([run] for run in alone)]


def _is_alone(run: DueRun) -> bool:
    return not run.camb_run_id or run.call_failures >= ASK_ALONE_AFTER or run.losses >= SUSPECT_AFTER


def claim_next() -> Lease | None:
    """Lease due runs of the key whose last claim is longest ago; return None if nothing is due.

    The fewer keys wait, the more threads share one.
    """
    keys = list(_keys_with_due_runs(clock.now()).values_list("pk", flat=True))
    threads = -(-settings.WORKER_THREADS // max(1, len(keys)))
    return next(filter(None, (claim(key_id, threads=threads) for key_id in keys)), None)


def open_slots(most: int) -> int:
    """Return how many leases could be claimed now over all keys, counted up to `most`."""
    now, slots = clock.now(), 0
    for key in _keys_with_due_runs(now)[:most].iterator():
        free = _free_slots(key, now)
        due = Run.objects.due(now).filter(team=key.pk)[: free * camb.BATCH_MAX].count() if free > 0 else 0
        slots += -(-due // camb.BATCH_MAX)
        if slots >= most:
            return most
    return slots


def claim_for_message(key_id: int) -> Lease | None:
    """Lease due runs for one call, until a worker takes the lease whose id a message brings."""
    return claim(key_id, max_calls=1, duration=MESSAGE_LEASE_DURATION)


def claim(
    key_id: int,
    *,
    max_calls: int = MAX_CALLS,
    threads: int | None = None,
    duration: timedelta = LEASE_DURATION,
) -> Lease | None:
    """Lease due runs of this key for up to so many calls, those due longest first; None if there are none to lease.

    What is due is shared among so many threads, by default one for each call that the key may have in flight. A key
    for one thread alone is passed by while another thread claims from it.

    A key never has more than REFRESH_CALLS_PER_KEY leases out, nor more calls a second than its rate, however many
    workers, beats and machines there are. A key that is new or in trouble has one lease out, for one call.
    """
    lease_id = uuid.uuid4()
    heartbeat.held_leases.add(lease_id)
    lease, most = None, settings.REFRESH_CALLS_PER_KEY
    try:
        with transaction.atomic():
            lease = _claim(key_id, lease_id, max_calls, min(threads or most, most), duration)
        return lease
    finally:
        if lease is None:
            heartbeat.held_leases.discard(lease_id)


def _claim(key_id: int, lease_id: uuid.UUID, max_calls: int, threads: int, duration: timedelta) -> Lease | None:
    now = clock.now()
    # The key's row is the lock under which its leases are counted and given.
    key = ApiKey.objects.usable(now).select_for_update(skip_locked=threads == 1).filter(pk=key_id).first()
    if key is None:
        return None
    heartbeat.renew(now)
    calls = rate_limit.calls_left(key, now)
    if calls <= 0 or _free_slots(key, now) <= 0:
        return None
    [[due]] = _fetch(_COUNT_DUE, key_id, now, most=threads * max_calls * camb.BATCH_MAX + 1)
    most = 1 if key.is_unproven else max(1, min(_share(due, threads, max_calls), calls))
    room = most * camb.BATCH_MAX
    runs = _without_suspects(_lock_due(key_id, now, most=room + 2), key_id, now)
    # Rather two are left for the next claim than one, which would cost a call of its own.
    runs = runs[: room - 1 if len(runs) == room + 1 else room]
    if len(runs) == 1 and not _is_alone(runs[0]):
        # Two cost one call, as one does: the run that would be next comes along a little early.
        runs = _lock_waiting(key_id, now, most=camb.BATCH_MIN)
    # A task, or an id that makes CAMB.AI fail, takes its own call; what no longer fits waits for the next claim.
    runs = list(chain.from_iterable(plan_calls(runs)[:most]))
    if not runs:
        return None
    rate_limit.count_calls(key, now, len(plan_calls(runs)))
    lease = Lease(lease_id, key, runs, now + duration, has_more=due > len(runs))
    _write(lease)
    return lease


def _share(due: int, threads: int, max_calls: int) -> int:
    """Return how many calls a lease covers, of what is due and shared among so many threads.

    Many calls each while there is plenty, and ever fewer towards the end, when a sweep must not wait for one of
    the threads. Sizes differ, so that threads that begin together do not come to store together.
    """
    if threads == 1:
        return min(-(-due // camb.BATCH_MAX), max_calls)
    fair = due // (threads * camb.BATCH_MAX)
    return random.randint((fair + 1) // 2, fair) if fair > 1 else 1  # noqa: S311


def take(lease_id: str) -> Lease | None:
    """Swap this lease for a new one of this worker: of a message delivered twice only one finds its runs.

    So the lease of the message is its idempotency key.

    A message that comes after its lease has ended claims anew what is due first, which is the run it is about.

    None when it was taken already, its runs or key were removed meanwhile, the key may not be used any more, or the
    message holds no lease id at all.
    """
    try:
        old = uuid.UUID(lease_id)
    except ValueError:
        return None
    now, new, lease = clock.now(), uuid.uuid4(), None
    heartbeat.held_leases.add(new)
    try:
        with transaction.atomic():
            # Locked by pk, as everywhere, or two transactions might wait for each other.
            held = Run.objects.filter(lease=old).leased(now).select_for_update(no_key=True).order_by("pk")
            rows = list(held.values_list("due_at", "team", *DueRun._fields))
            if not rows:
                ended = Run.objects.filter(lease=old).values_list("team", flat=True).first()
                return claim(ended, max_calls=1) if ended else None
            key = ApiKey.objects.usable(now).filter(pk=rows[0][1]).first()
            if key is None:
                release(old, [row[2] for row in rows])
                return None
            runs = [DueRun(*run) for _due, _team, *run in sorted(rows, key=lambda row: row[0] or now)]
            lease = Lease(new, key, runs, now + LEASE_DURATION)
            _write(lease)
        return lease
    finally:
        heartbeat.held_leases.discard(old)
        if lease is None:
            heartbeat.held_leases.discard(new)


def renew(lease_id: uuid.UUID) -> None:
    Run.objects.filter(lease=lease_id).update(lease_until=clock.now() + LEASE_DURATION)


def release(lease_id: uuid.UUID, pks: Sequence[int]) -> None:
    """Release those of these runs that are still under the lease."""
    Run.objects.filter(lease=lease_id, pk__in=pks).update(lease=None, lease_until=None, leased_by=None)


def _keys_with_due_runs(now: datetime) -> QuerySet[ApiKey]:
    """Keys that may be used and have due runs, the one that waits longest first."""
    has_due = Exists(Run.objects.due(now).filter(team=OuterRef("pk")))
    return ApiKey.objects.usable(now).filter(has_due).order_by(F("claimed_at").asc(nulls_first=True))


def _free_slots(key: ApiKey, now: datetime) -> int:
    """Return how many more leases this key may have out."""
    most = 1 if key.is_unproven else settings.REFRESH_CALLS_PER_KEY
    [[leases]] = _fetch(_COUNT_LEASES, key.pk, now)
    return most - int(leases)


def _lock_due(key_id: int, now: datetime, *, most: int) -> list[DueRun]:
    """Read and lock the runs due longest; runs that another transaction is writing are passed by."""
    is_sqlite = connection.vendor == "sqlite"
    rows = _fetch(_DUE_LONGEST if is_sqlite else _DUE_LONGEST + _LOCK_FREE_ROWS, key_id, now, most=most)
    return [DueRun(*row) for row in rows]


def _lock_waiting(key_id: int, now: datetime, *, most: int) -> list[DueRun]:
    """Read and lock as `_lock_due` does runs with an id that are due next, though perhaps not yet."""
    waiting = Run.objects.unleased(now).unfinished().filter(team=key_id).exclude(camb_run_id=None)
    harmless = waiting.filter(lost_leases__lt=SUSPECT_AFTER)
    locked = harmless.order_by("due_at", "pk").select_for_update(skip_locked=True, no_key=True)
    return [DueRun(*row) for row in locked.values_list(*DueRun._fields)[:most]]


def _fetch(sql: str, key_id: int, now: datetime, **params: int) -> list[tuple[Any, ...]]:
    """Return all rows of one of the queries above."""
    fresh = WorkerHeartbeat.DEAD_AFTER
    times = {"now": now, "longest": now + 2 * LEASE_DURATION, "oldest": now - fresh, "newest": now + fresh}
    adapted = {name: connection.ops.adapt_datetimefield_value(time) for name, time in times.items()}
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted | params | {"key": key_id})
        return list(cursor.fetchall())


def _write(lease: Lease) -> None:
    rows = [_LeasedRow(run.pk, lease.id, lease.until, heartbeat.worker_id, run.losses) for run in lease.runs]
    bulk.update(Run, rows, _LeasedRow._fields[1:])


def _without_suspects(runs: list[DueRun], key_id: int, now: datetime) -> list[DueRun]:
    """Return those of these due runs that may be asked about together; a suspect that has waited comes alone."""
    left_behind = [run for run in runs if run.leased_by and run.losses >= SUSPECT_AFTER]
    if left_behind:
        _postpone_suspects(left_behind, key_id, now)
    rest = [run for run in runs if run not in left_behind]
    if rest and rest[0].losses >= SUSPECT_AFTER:
        return rest[:1]
    return [run for run in rest if run.losses < SUSPECT_AFTER]


def _postpone_suspects(runs: list[DueRun], key_id: int, now: datetime) -> None:
    """Have suspects wait that a worker's death has just left behind, so that the others come; give up on the last.

    Each waits for a time of its own: those that were only in flight with the guilty one are not so again.
    """
    version = TeamVersion.bump(key_id)
    for run in runs:
        wait = FIRST_SUSPECT_WAIT * 3 ** (run.losses - SUSPECT_AFTER) * random.uniform(1, 3)  # noqa: S311
        fields: dict[str, object] = {"due_at": now + wait}
        if run.losses >= MAX_LOST_LEASES:
            logger.error("Run %s is left alone: %s workers that asked about it died", run.pk, run.losses)
            fields = {"due_at": None, "requested_at": None, "reason": str(FATAL)}
        free = {"lease": None, "lease_until": None, "leased_by": None, "lost_leases": run.losses}
        Run.objects.filter(pk=run.pk).update(**free, **fields, version=version)


def forget(lease_id: uuid.UUID) -> None:
    """Note that this process no longer holds the lease; what is still under it in the database goes back soon."""
    heartbeat.held_leases.discard(lease_id)
