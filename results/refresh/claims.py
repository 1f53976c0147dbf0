"""Which runs are asked about now, and by whom?

A lease is a UUID written on the runs of a batch, or a few, while they are locked: whoever's UUID stands there may
ask, and only an answer that still finds it there is stored. So two beats, a message delivered twice, a worker that
died or one that took too long cost at most one lease and never a result. Whoever holds a lease makes one call at a
time, so that the leases of a key count its calls in flight.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, cycle, islice, repeat
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from results import camb
from results.db import bulk
from results.models import ApiKey, Run, RunQuerySet
from results.refresh import limits

LEASE_DURATION = Run.LEASE
# Claiming and storing cost as much as a call does, so while much is due they are done for so many calls at once.
MOST_CALLS = 8
MOST_CLAIMS = 1000

T = TypeVar("T")


class DueRun(NamedTuple):
    """What has to be known of a run to ask about it."""

    pk: int
    camb_run_id: int | None
    camb_task_id: str
    attempts: int


class _Leased(NamedTuple):
    """A run as it is once it is leased."""

    id: int
    lease: uuid.UUID
    lease_until: datetime


@dataclass(frozen=True)
class Lease:
    """Runs of one key that only who holds this lease may ask about, until then."""

    id: uuid.UUID
    key: ApiKey
    runs: Sequence[DueRun]
    until: datetime


def batches(ids: Sequence[T]) -> list[list[T]]:
    """Cut them into lists of 2 to 5, as few as possible; a list of one only when there is one in all."""
    size = camb.BATCH_MAX
    cut = [list(ids[start : start + size]) for start in range(0, len(ids), size)]
    if len(cut) > 1 and len(cut[-1]) < camb.BATCH_MIN:
        cut[-1][:0] = cut[-2][-2:]
        del cut[-2][-2:]
    return cut


def claim_due(team_id: int | None = None) -> list[Lease]:
    """Lease due runs, fairly between keys, and return the leases, each for one caller.

    A key never has more than REFRESH_CALLS_PER_KEY leases out, nor more calls a second than its rate, however many
    workers, beats and machines there are; a key that is new or in trouble has one lease out, as a probe.
    """
    now = timezone.now()
    has_due = Exists(Run.objects.due(now).filter(team=OuterRef("pk")))
    usable = ApiKey.objects.filter(limits.calls_allowed(now), has_due)
    if team_id is not None:
        usable = usable.filter(team=team_id)
    return [lease for key_id in usable.values_list("pk", flat=True) for lease in claim(key_id, now)]


def claim(key_id: int, now: datetime, *, most: int = MOST_CLAIMS, most_calls: int = MOST_CALLS) -> list[Lease]:
    """As `claim_due` for one key: so many leases at most, of so many calls each."""
    return _claim(key_id, now, [uuid.uuid4() for _ in range(min(most, settings.REFRESH_CALLS_PER_KEY))], most_calls)


def claim_more(key_id: int, holders: Sequence[uuid.UUID]) -> list[Lease]:
    """As `claim_due` for some who hold leases of this key: more runs for each, or for as many as there are runs.

    They end what they have in hand before they ask about these.
    """
    return _claim(key_id, timezone.now(), holders, MOST_CALLS)


def _claim(key_id: int, now: datetime, holders: Sequence[uuid.UUID], most_calls: int) -> list[Lease]:
    with transaction.atomic():
        # The key's row is the lock under which its leases are counted and given out.
        key = ApiKey.objects.select_for_update().filter(limits.calls_allowed(now), pk=key_id).first()
        if key is None:
            return []
        others = Run.objects.filter(team=key_id).leased(now).exclude(lease__in=holders)
        in_flight = 1 if key.is_unproven else settings.REFRESH_CALLS_PER_KEY
        calls = limits.calls_left(key, now)
        room = min(len(holders), in_flight - others.order_by().values("lease").distinct().count(), calls)
        if room <= 0:
            return []
        waiting = Run.objects.unleased(now).unfinished().filter(team=key_id).order_by("due_at", "pk")
        due = waiting.due(now)
        # What is due, shared among all callers: many calls each while there is plenty, and at its end, when a sweep
        # must not wait for one of them, ever fewer.
        share = in_flight * camb.BATCH_MAX
        fair = due[: share * most_calls].count() // share
        calls_each = 1 if key.is_unproven else max(1, min(fair, calls // room))
        room_for = room * calls_each * camb.BATCH_MAX
        runs = _read(due[: room_for + 2])
        # Rather two are left for the next claim than one, which would cost a call of its own.
        runs = runs[: room_for - 1 if len(runs) == room_for + 1 else room_for]
        numbered = [run for run in runs if run.camb_run_id]
        if len(numbered) == 1:
            # Two cost one call, as one does: the run that would be next comes along a little early.
            numbered = _read(waiting.exclude(camb_run_id=None)[: camb.BATCH_MIN])
        groups = [list(chain(*asks)) for asks in _portions(batches(numbered), calls_each)]
        groups += [[run] for run in runs if not run.camb_run_id]
        del groups[room:]
        limits.count_calls(key, now, sum(len(batches(group)) for group in groups))
        given = [Lease(*each, now + LEASE_DURATION) for each in zip(holders, repeat(key), groups)]
        _write(given)
        return given


def _read(runs: RunQuerySet) -> list[DueRun]:
    """Read runs that are to be leased, and hold them; those that somebody else is writing are passed by."""
    return [
        DueRun(*row) for row in runs.select_for_update(skip_locked=True, no_key=True).values_list(*DueRun._fields)
    ]


def _portions(asks: Sequence[T], most: int) -> Iterator[list[T]]:
    """Cut them into lists of `most` and ever fewer down to one, again and again.

    Callers who begin together then end apart: if all came to store at once, nobody would ask meanwhile.
    """
    rest = iter(asks)
    for size in cycle(range(most, 0, -1)):
        portion = list(islice(rest, size))
        if not portion:
            return
        yield portion


def take(lease_ids: Sequence[str]) -> list[Lease | None]:
    """Swap each lease for a new one, so that of a message delivered twice only one finds its runs.

    None for one that was taken already, or when meanwhile its runs or key were removed, or the key's gate closed.
    """
    now, wanted = timezone.now(), [uuid.UUID(lease_id) for lease_id in lease_ids]
    held: dict[uuid.UUID, list[DueRun]] = defaultdict(list)
    teams: dict[uuid.UUID, int] = {}
    taken: dict[uuid.UUID, Lease] = {}
    with transaction.atomic():
        # Locked by pk, as everywhere, or two might wait for each other.
        runs = Run.objects.filter(lease__in=wanted).leased(now).select_for_update(no_key=True).order_by("pk")
        found = runs.values_list("due_at", "lease", "team", *DueRun._fields)
        for _, lease_id, teams[lease_id], *run in sorted(found, key=lambda row: row[0] or now):
            held[lease_id].append(DueRun(*run))
        open_keys = ApiKey.objects.filter(limits.calls_allowed(now)).in_bulk(set(teams.values()))
        for lease_id, team_id in teams.items():
            if key := open_keys.get(team_id):
                taken[lease_id] = Lease(uuid.uuid4(), key, held[lease_id], now + LEASE_DURATION)
            else:
                release(lease_id, [run.pk for run in held[lease_id]])
        _write(taken.values())
    return [taken.pop(lease_id, None) for lease_id in wanted]


def _write(given: Iterable[Lease]) -> None:
    leased = [_Leased(run.pk, lease.id, lease.until) for lease in given for run in lease.runs]
    bulk.update(Run, leased, ("lease", "lease_until"))


def renew(holders: Collection[uuid.UUID]) -> None:
    Run.objects.filter(lease__in=holders).update(lease_until=timezone.now() + LEASE_DURATION)


def release(holder: uuid.UUID, pks: Collection[int]) -> None:
    """Give back those of these runs that are still under the lease."""
    Run.objects.filter(lease=holder, pk__in=pks).update(lease=None, lease_until=None)
