"""The one verb: how are due runs asked about, what is kept of the answer, and when are they asked again?

beat → ring_due → leases.claim_due → refresh_batch(lease) → camb → save
"""

import logging
import random
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from time import monotonic
from typing import NamedTuple, Self

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from results import bell, camb, history, keys, leases, rows, store, writable
from results.history import History
from results.leases import Due, Lease
from results.models import Pulse, Run
from results.secrets import SealBrokenError
from results.together import Clerk, Together

logger = logging.getLogger(__name__)

# A lease's further calls begin within so many seconds, so that what was heard is soon stored, and before it ends.
ASK_SECONDS = min(2.0, settings.CAMB_TOTAL_SECONDS / 4)
# So long, at least and at most, a thread stays with one key before others that wait have their turn.
TURN_SECONDS = (2, 4)
# More are not stored in one transaction, nor by the clerk, for whom others wait.
CUES_TOGETHER = 1000
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

Said = camb.Answer | camb.Task | Exception


class Heard(NamedTuple):
    """What was said of a run, or the trouble with it; to be stored while the run is still under this lease."""

    pk: int
    lease: uuid.UUID
    asked_at: datetime
    said: Said


# --- Asking ------------------------------------------------------------------------------------------


def ring_due() -> None:
    """Claim what is due and ring once for each lease."""
    bell.note_heard()
    for lease in leases.claim_due():
        hand_over(lease)


def hand_over(lease: Lease) -> None:
    """Have a worker ask about the runs under this lease; while the broker is away they stay due instead."""
    bell.ring("refresh_batch", str(lease.id), unheard=partial(leases.release, lease.id, pks_of(lease.runs)))


def refresh_batch(lease_id: str, *, go_on: bool = True) -> None:
    """Ask CAMB.AI about the runs under this lease, store what it says, and go on with what the key has due next.

    Going on spares the way through the broker; once the turn is over it is taken nevertheless where others wait for
    theirs.
    """
    turn_ends = monotonic() + random.uniform(*TURN_SECONDS)  # noqa: S311  so that not all callers change at once
    lease = _taking(lease_id)
    if lease is None:
        return
    if not go_on:
        _keep([_ask(lease)])
        return
    with _Caller(lease) as caller:
        while lease:
            caller.bring(_ask(lease, before_the_last=caller.look_ahead))
            lease = caller.next_lease()
            if lease and monotonic() > turn_ends and bell.others_wait():
                caller.settle()
                hand_over(lease)
                return


# A sweep begins with as many messages as calls may be in flight.
_taking = Together(Clerk("usher"), leases.take)
# Who leaves something goes into a call or is in one: there is time to let a few more come. A few clerks, shared by
# all keys, so that hardly anybody waits for another team's long transcripts.
_clerks = [Clerk(f"clerk-{number}", patience=0.02) for number in range(4)]


@dataclass(frozen=True)
class Asked:
    """What came of a lease, to be stored."""

    lease: Lease
    history: History
    heard: list[Heard]


def _ask(lease: Lease, *, before_the_last: Callable[[], object] = lambda: None) -> Asked:
    """Ask about the runs under this lease, as many as there is time for, and tell before the last call."""
    started, asking_ends = timezone.now(), monotonic() + ASK_SECONDS
    if lease.until - started < 0.75 * leases.LASTS:  # claimed during a call, which took long
        leases.renew([lease.id])
    asked = Asked(lease, History(lease.key.pk), [])
    batch: Sequence[Due] = ()
    try:
        gate = keys.gate(lease.key.pk)
        asking = _Asking(keys.client(lease.key), lease, asked.history, gate)
        batches = leases.batches(lease.runs)
        for number, batch in enumerate(batches, start=1):
            # Since the lease was given somebody else's trouble may have closed the gate.
            if not gate.is_open() or (asked.heard and monotonic() > asking_ends):
                break
            if number == len(batches):
                before_the_last()
            asked.heard.extend(Heard(pk, lease.id, started, said) for pk, said in asking.ask(batch).items())
        if asked.heard:
            keys.note_success(lease.key)
    except (camb.CambError, SealBrokenError) as error:
        keys.note_trouble(lease.key, error)
        _put_off(batch, error)
    except MemoryError:
        raise  # the worker ends, and must not begin with the same again: the lease runs out by itself
    except BaseException:
        leases.release(lease.id, pks_of(lease.runs))
        raise
    return asked


class _Desk:
    """Where this process's callers with one key leave what they heard, and get what to ask next."""

    def __init__(self, key_id: int) -> None:
        self._key_id, clerk = key_id, _clerks[key_id % len(_clerks)]
        self.storing = Together(clerk, self._store)
        self.claiming = Together(clerk, self._claim)

    def _store(self, asked: Sequence[Asked]) -> Sequence[None]:
        _keep(asked)
        return [None] * len(asked)

    def _claim(self, holders: Sequence[uuid.UUID]) -> Sequence[Lease | None]:
        given = {lease.id: lease for lease in leases.claim_more(self._key_id, holders)}
        return [given.get(holder) for holder in holders]


_desk = cache(_Desk)


class _Caller:
    """Who asks about runs of one key, lease after lease, and hardly waits for storing and claiming.

    What was heard is left at the desk; one lease's at most, so that no more is asked for than can be stored. What
    to ask next is claimed there during the last call of the lease in hand.
    """

    def __init__(self, lease: Lease) -> None:
        self._holder, self._desk = lease.id, _desk(lease.key.pk)
        self._left: Future[None] | None = None
        self._next: Future[Lease | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()
        if self._next and (lease := self.next_lease()):
            leases.release(lease.id, pks_of(lease.runs))

    def look_ahead(self) -> None:
        self._next = self._desk.claiming.leave(self._holder)

    def next_lease(self) -> Lease | None:
        wanted, self._next = self._next or self._desk.claiming.leave(self._holder), None
        return wanted.result()

    def bring(self, asked: Asked) -> None:
        """Have it stored, soon; what was brought before is stored by then."""
        self.settle()
        if sum(map(_cue_count, asked.heard)) > CUES_TOGETHER:
            _keep([asked])
        else:
            self._left = self._desk.storing.leave(asked)

    def settle(self) -> None:
        """Wait until what was brought is stored."""
        left, self._left = self._left, None
        if left:
            left.result()


def _keep(asked: Sequence[Asked]) -> None:
    """Store what was heard under these leases of one key; runs that were not asked in time go back, still due."""
    stored = save([heard for each in asked for heard in each.heard], [each.history for each in asked])
    # Storing gives a run back; where that is all of them, a write less is waited for.
    for each in asked:
        if rest := [pk for pk in pks_of(each.lease.runs) if pk not in stored]:
            leases.release(each.lease.id, rest)


def pks_of(runs: Sequence[Due]) -> list[int]:
    return [run.pk for run in runs]


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
        witness = seen.exclude(pk__in=pks_of(runs)).order_by("-checked_at").first()
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
            with self.history.call(pks_of(runs)):
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
        leases.renew([self.lease.id])
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
                if isinstance(error, writable.PASSING):  # the database's trouble
                    writable.doubt(error)
                    _put_off_unstored(pk, lease)
                else:
                    logger.exception("The answer about run %s could not be stored", pk)
                    changes[pk] = _park(pk, lease)
        else:
            changes |= stored
            if not left:
                return changes
        leases.renew({lease for share in left for _, lease, _, _ in share})
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
    rows.update(Run, kept, RUN_FIELDS)
    return changes


def _put_off_unstored(pk: int, lease: uuid.UUID) -> None:
    """Ask again later: while the database takes no answers, as when its disk is full, each call is for nothing."""
    held = Run.objects.filter(pk=pk, lease=lease).exclude(due_at=None)
    with suppress(*writable.PASSING):  # then the lease runs out by itself
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
