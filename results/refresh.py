"""The one verb: which runs are asked now, what is kept of the answer, and when are they asked again?

    beat → ring_due → claim_due (a lease on some runs) → refresh_batch(lease) → camb → _save

A lease is a UUID written on the runs of a batch, or a few, by a conditional UPDATE: whoever's UUID stands there may
ask, and only an answer that still finds it there is stored. So two beats, a message delivered twice, a worker that
died or one that took too long cost at most one lease and never a result.
"""

import logging
import random
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import chain, cycle, islice
from time import monotonic
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from results import bell, camb, history, keys, rows, store
from results.history import History
from results.models import ApiKey, Pulse, Run, RunQuerySet
from results.secrets import SealBrokenError
from results.together import Together

logger = logging.getLogger(__name__)

LEASE = Run.LEASE
# Claiming and storing cost as much as a call does, so while much is due they are done for a few calls at once: for
# so many, or for those that begin within so many seconds, which also ends them before the lease does.
MOST_CALLS = 8
ASK_SECONDS = min(2.0, settings.CAMB_TOTAL_SECONDS / 4)
# So long, at least and at most, a thread stays with one key before others have their turn.
TURN_SECONDS = (2, 4)
CUES_TOGETHER = 1000
# Of more, the caller stores all itself: PostgreSQL then works for several at once.
CUES_AT_THE_DESK = 100
MOST_CLAIMS = 1000
POISON_TRIES = 5
UNSTORABLE = "CAMB.AI's answer could not be stored. The log of the server says why; refresh once it is mended."
RUN_FIELDS = (
    "camb_run_id",
    "status",
    "reason",
    "notes",
    "changed_at",
    "due_at",
    "wanted_at",
    "asks",
    "checked_at",
    "lease",
    "lease_until",
    "languages",
    "duration_ms",
    "cue_count",
    "version",
)

Status = Run.Status
T = TypeVar("T")


class Due(NamedTuple):
    """What has to be known of a run to ask about it."""

    pk: int
    camb_run_id: int | None
    camb_task_id: str
    asks: int


@dataclass(frozen=True)
class Lease:
    """Runs of one key that only who holds this lease may ask about."""

    id: uuid.UUID
    key: ApiKey
    runs: Sequence[Due]


Said = camb.Answer | camb.Task | Exception


class Heard(NamedTuple):
    """What was said of a run, or the trouble with it; to be stored while the run is still under this lease."""

    pk: int
    lease: uuid.UUID
    asked_at: datetime
    said: Said


# --- Who is asked ------------------------------------------------------------------------------------


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
    usable = ApiKey.objects.filter(keys.is_open(now), has_due)
    if team_id is not None:
        usable = usable.filter(team=team_id)
    return [lease for key_id in usable.values_list("pk", flat=True) for lease in claim_for(key_id, now)]


def claim_for(key_id: int, now: datetime, *, most: int = MOST_CLAIMS, most_calls: int = MOST_CALLS) -> list[Lease]:
    """As `claim_due` for one key: so many leases at most, of so many calls each."""
    with transaction.atomic():
        # The key's row is the lock under which its leases are counted and given out.
        key = ApiKey.objects.select_for_update().filter(keys.is_open(now), pk=key_id).first()
        if key is None:
            return []
        leased = Run.objects.filter(team=key_id).leased(now).order_by().values("lease").distinct()
        in_flight = 1 if key.is_unproven else settings.REFRESH_CALLS_PER_KEY
        calls = keys.calls_left(key, now)
        room = min(most, in_flight - leased.count(), calls)
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
        keys.use_calls(key, now, sum(len(batches(group)) for group in groups))
        return [lease for group in groups if (lease := _put_lease(key, group, now))]


def _read(runs: RunQuerySet) -> list[Due]:
    return [Due(*row) for row in runs.values_list(*Due._fields)]


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


def _put_lease(key: ApiKey, runs: Sequence[Due], now: datetime) -> Lease | None:
    """Put a new lease on those of these runs that nobody is asking; None when somebody was first with all."""
    lease = Lease(uuid.uuid4(), key, runs)
    # Looked at again, as one may have been finished since by somebody whose lease had run out.
    unleased = Run.objects.unfinished().unleased(now).filter(pk__in=[run.pk for run in runs])
    count = unleased.update(lease=lease.id, lease_until=now + LEASE)
    return lease if count == len(runs) else _held(lease.id, key) if count else None


def _held(lease_id: uuid.UUID, key: ApiKey) -> Lease:
    return Lease(lease_id, key, _read(Run.objects.filter(lease=lease_id).order_by("due_at", "pk")))


def ring_due() -> None:
    """Claim what is due and ring once for each batch."""
    bell.note_heard()
    for lease in claim_due():
        hand_over(lease)


def hand_over(lease: Lease) -> None:
    """Have a worker ask about the runs under this lease; while the broker is away they stay due instead."""
    bell.ring("refresh_batch", str(lease.id), unheard=lambda: release(lease.id))


# --- Asking ------------------------------------------------------------------------------------------


def refresh_batch(lease_id: str, *, go_on: bool = True) -> None:
    """Ask CAMB.AI about the runs under this lease, store what it says, and go on with what the key has due next.

    Going on spares the way through the broker; once the turn is over it is taken nevertheless, so that others have
    theirs.
    """
    turn_ends = monotonic() + random.uniform(*TURN_SECONDS)  # noqa: S311  so that not all callers change at once
    lease = _take(lease_id)
    while lease:
        asked = _ask(lease)
        is_short = sum(map(_cue_count, asked.heard)) <= CUES_AT_THE_DESK
        if not go_on or not is_short:
            _keep([asked])
        if not go_on:
            return
        lease = _desk(lease.key.pk)(asked if is_short else None)
        if lease and monotonic() > turn_ends:
            hand_over(lease)
            return


def _take(lease_id: str) -> Lease | None:
    """Swap the lease for a new one, so that of a message delivered twice only one finds its runs.

    None when it was taken already, or when the runs or the key were removed, or the key's gate closed, meanwhile.
    """
    now, own = timezone.now(), uuid.uuid4()
    given, of_lease = Run.objects.filter(lease=lease_id).leased(now), Run.objects.filter(lease=own)
    # In a transaction, whose turn among threads comes sooner on SQLite than that of a bare UPDATE.
    with transaction.atomic():
        if not given.update(lease=own, lease_until=now + LEASE):
            return None
        if key := ApiKey.objects.filter(keys.is_open(now), team__in=of_lease.values("team")).first():
            return _held(own, key)
        release(own)
        return None


@dataclass(frozen=True)
class Asked:
    """What came of a lease, to be stored."""

    lease: Lease
    history: History
    heard: list[Heard]


def _ask(lease: Lease) -> Asked:
    """Ask about the runs under this lease, as many as there is time for."""
    started, asking_ends = timezone.now(), monotonic() + ASK_SECONDS
    asked, gate = Asked(lease, History(lease.key.pk), []), keys.Gate(lease.key, started)
    batch: Sequence[Due] = ()
    try:
        asking = _Asking(keys.client(lease.key), lease, asked.history, gate)
        for batch in batches(lease.runs):
            # Between two calls somebody else's trouble may have closed the gate.
            if asked.heard and (monotonic() > asking_ends or not gate.is_open()):
                break
            asked.heard.extend(Heard(pk, lease.id, started, said) for pk, said in asking.ask(batch).items())
        keys.note_success(lease.key)
    except (camb.CambError, SealBrokenError) as error:
        keys.note_trouble(lease.key, error)
        _put_off(batch, error)
    except MemoryError:
        raise  # the worker ends, and must not begin with the same again: the lease runs out by itself
    except BaseException:
        release(lease.id)
        raise
    return asked


@cache
def _desk(key_id: int) -> Together[Asked | None, Lease | None]:
    """Where this process's callers with one key bring what is not stored yet, and get what to ask next."""

    def serve(asked: Sequence[Asked | None]) -> Sequence[Lease | None]:
        if brought := [each for each in asked if each]:
            _keep(brought)
        claimed = claim_for(key_id, timezone.now(), most=len(asked))
        return [*claimed, *[None] * (len(asked) - len(claimed))]

    return Together(serve)


def _keep(asked: Sequence[Asked]) -> None:
    """Store what was heard under these leases of one key; runs that were not asked in time go back, still due."""
    stored = save([heard for each in asked for heard in each.heard], [each.history for each in asked])
    # Storing gives a run back; where that is all of them, a write less is waited for.
    for each in asked:
        if any(run.pk not in stored for run in each.lease.runs):
            release(each.lease.id)


def release(lease: uuid.UUID) -> None:
    Run.objects.filter(lease=lease).update(lease=None, lease_until=None)


def _renew(leases: Collection[uuid.UUID]) -> None:
    Run.objects.filter(lease__in=leases).update(lease_until=timezone.now() + LEASE)


def _put_off(runs: Sequence[Due], error: camb.CambError | SealBrokenError) -> None:
    """Let other runs be asked first: should these very runs be what makes CAMB.AI fail, they block nobody."""
    named = getattr(error, "retry_after", None)
    for run in runs:
        wait = max(backoff(run.asks), keys.FIRST_PROBE) if named is None else timedelta(seconds=named)
        Run.objects.filter(pk=run.pk).exclude(due_at=None).update(asks=F("asks") + 1, due_at=timezone.now() + wait)


@dataclass(frozen=True)
class _Asking:
    """Batches being asked about, each with as many calls as its bad ids cost."""

    client: camb.Client
    lease: Lease
    history: History
    gate: keys.Gate

    def ask(self, runs: Sequence[Due]) -> dict[int, Said]:
        """What CAMB.AI says of each run, by our pk; a run is left out when somebody else's trouble closed the gate.

        Raises camb.Refused when it is the key that is refused, and the other errors of camb as they come.
        """
        found = self._halve(runs)
        refusals = [said for said in found.values() if isinstance(said, camb.Refused)]
        if len(refusals) == len(runs) and all(refusal.http_status == 403 for refusal in refusals):
            self._doubt_the_key(runs, refusals[0])
        return found

    def _doubt_the_key(self, runs: Sequence[Due], refusal: camb.Refused) -> None:
        """Not one run may be seen. Raise the refusal if that is the key's fault: it no longer sees what it saw."""
        if not self.gate.is_open():
            raise refusal
        seen = Run.objects.filter(team=self.lease.key.pk, status__in=(Status.READY, Status.PARTLY))
        witness = seen.exclude(pk__in=[run.pk for run in runs]).order_by("-checked_at").first()
        if witness and witness.camb_run_id:
            try:
                with self.history.call([witness.pk]):
                    self.client.fetch([witness.camb_run_id])
            except camb.Refused as error:
                if error.http_status == 403:
                    raise
        elif len(runs) > 1:
            raise refusal

    def _halve(self, runs: Sequence[Due], *, is_half: bool = False) -> dict[int, Said]:
        """Halve a batch that is refused, or that we fail to read, until the guilty run stands alone."""
        if is_half and not self.gate.is_open():
            return {}
        try:
            with self.history.call([run.pk for run in runs]):
                return self._call(runs)
        except camb.Refused as error:
            if not error.blames_runs:
                raise
            trouble: Exception = error
        except (camb.CambError, MemoryError):
            raise
        except Exception as error:
            logger.exception("An answer could not be read")
            trouble = error
        if len(runs) == 1:
            return {runs[0].pk: trouble}
        _renew([self.lease.id])
        middle = len(runs) // 2
        return self._halve(runs[:middle], is_half=True) | self._halve(runs[middle:], is_half=True)

    def _call(self, runs: Sequence[Due]) -> dict[int, Said]:
        numbered = {run.camb_run_id: run.pk for run in runs if run.camb_run_id}
        if not numbered:
            return {run.pk: self.client.fetch_task(run.camb_task_id) for run in runs}
        return {numbered[run_id]: answer for run_id, answer in self.client.fetch(list(numbered)).items()}


# --- Storing -----------------------------------------------------------------------------------------


def save(heard: Sequence[Heard], histories: Sequence[History]) -> dict[int, str]:
    """Store what was heard of a key's runs, with the calls' histories, and say what that changed, by the run's pk.

    Short answers are stored together, long ones apart, so that no transaction lasts. Whatever one breaks must
    not spoil its mates: then each is stored alone, and the guilty one is put off, and after a few tries parked.
    """
    changes: dict[int, str] = {}
    left = _shares(heard) or [[]]
    while left:
        share = left.pop()
        try:
            with transaction.atomic():
                stored = _store(share, changes, () if left else histories)
        except MemoryError:
            raise  # no fault of the runs, which would be parked
        except Exception as error:
            if len(share) > 1:
                left += [[each] for each in share]
                continue
            for pk, lease, _, _ in share:
                logger.exception("The answer about run %s could not be stored", pk)
                if isinstance(error, OperationalError | InterfaceError):  # the database's trouble, which passes
                    _put_off_unstored(pk, lease)
                else:
                    changes[pk] = _park(pk, lease)
        else:
            changes |= stored
            if not left:
                return changes
        _renew({lease for share in left for _, lease, _, _ in share})
    history.write(histories, changes)
    return changes


def _shares(heard: Sequence[Heard]) -> list[list[Heard]]:
    """Cut what was heard so that no share has many more cues than CUES_TOGETHER, unless one run has."""
    shares: list[list[Heard]] = []
    cues = CUES_TOGETHER
    for each in heard:
        if cues >= CUES_TOGETHER:
            shares.append([])
            cues = 0
        shares[-1].append(each)
        cues += _cue_count(each)
    return shares


def _cue_count(heard: Heard) -> int:
    return sum(len(dub.cues) for dub in heard.said.dubs) if isinstance(heard.said, camb.Answer) else 0


def _store(heard: Sequence[Heard], earlier: dict[int, str], histories: Sequence[History]) -> dict[int, str]:
    """Store these answers in the transaction under way, but none of a run that was removed or is leased anew.

    With the last of what was heard come the histories, in which the changes of earlier shares stand too.
    """
    changes = dict.fromkeys((each.pk for each in heard), "Overtaken by a newer ask.")
    held: dict[tuple[int, uuid.UUID | None], Heard] = {(each.pk, each.lease): each for each in heard}
    locked = Run.objects.select_for_update().filter(pk__in=changes).order_by("pk")
    runs = [run for run in locked if (run.pk, run.lease) in held]
    stock = store.Stock(runs)
    for run in runs:
        _, _, run.checked_at, said = held[run.pk, run.lease]
        match said:
            case camb.Answer() as answer:
                changes[run.pk] = stock.merge(run, answer, run.checked_at)
            case camb.Task() as task:
                changes[run.pk] = store.store_task(run, task)
            case camb.Refused() as refusal:
                changes[run.pk] = store.store_refusal(run, refusal)
            case error:
                raise error
    stock.write()
    if histories:
        history.write(histories, earlier | changes)
    version = Pulse.beat(runs[0].team_id) if runs else 0
    kept = [run for run in runs if run.pk]
    for run in kept:
        run.due_at, run.version = next_due(run, timezone.now()), version
        run.lease = run.lease_until = run.wanted_at = None
    rows.update(kept, RUN_FIELDS)
    return changes


def _put_off_unstored(pk: int, lease: uuid.UUID) -> None:
    """Ask again later: while the database takes no answers, as when its disk is full, each call is for nothing."""
    held = Run.objects.filter(pk=pk, lease=lease).exclude(due_at=None)
    with suppress(OperationalError, InterfaceError):  # then the lease runs out by itself
        for asks in held.values_list("asks", flat=True):
            wait = max(backoff(asks), keys.FIRST_PROBE)
            held.update(asks=F("asks") + 1, due_at=timezone.now() + wait, lease=None, lease_until=None)


def _park(pk: int, lease: uuid.UUID) -> str:
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=pk, lease=lease).first()
        if run is None:
            return ""
        run.asks = run.asks + 1 if run.reason == UNSTORABLE else 1
        run.due_at = None if run.archived_at or run.asks >= POISON_TRIES else timezone.now() + backoff(run.asks)
        run.wanted_at = run.lease = run.lease_until = None
        run.reason = UNSTORABLE
        run.version = Pulse.beat(run.team_id)
        run.save(update_fields=["asks", "due_at", "wanted_at", "reason", "version", "lease", "lease_until"])
        return run.reason


# --- When it is asked again --------------------------------------------------------------------------


def backoff(asks: int) -> timedelta:
    """The time to wait after so many asks in vain: growing by half each time, with jitter, up to a bound."""
    seconds = min(settings.REFRESH_FIRST_SECONDS * 1.5 ** min(asks, 50), settings.REFRESH_SLOWEST_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311  jitter, not a secret


def next_due(run: Run, now: datetime) -> datetime | None:
    """When an unfinished run is asked again; None for a finished or archived one. No other is ever forgotten."""
    if run.archived_at or run.status not in Run.UNFINISHED:
        return None
    if now - run.created_at > timedelta(days=settings.REFRESH_DAILY_AFTER_DAYS):
        return now + timedelta(days=1)
    return now + backoff(run.asks)
