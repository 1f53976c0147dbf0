"""The one verb: how are due runs asked about, what is kept of the answer, and when are they asked again?

beat → ring_due → leases.claim_due → refresh_batch(lease) → camb → save
"""

import logging
import random
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from time import monotonic
from typing import Self

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from results import camb, queue
from results.models import Run
from results.refresh import claims, keys, limits
from results.refresh.calls import CallLog
from results.refresh.claims import DueRun, Lease
from results.refresh.save import MAX_CUES_PER_TRANSACTION, Outcome, Said, Status, _cue_count, save_outcomes
from results.refresh.schedule import backoff
from results.refresh.together import Clerk, Together
from results.secrets import SealBrokenError

logger = logging.getLogger(__name__)

# A lease's further calls begin within so many seconds, so that what was heard is soon stored, and before it ends.
ASK_SECONDS = min(2.0, settings.CAMB_TOTAL_SECONDS / 4)
# So long, at least and at most, a thread stays with one key before others that wait have their turn.
TURN_SECONDS = (2, 4)


# --- Asking ------------------------------------------------------------------------------------------


def enqueue_due() -> None:
    """Claim what is due and ring once for each lease."""
    queue.record_heartbeat()
    for lease in claims.claim_due():
        enqueue_lease(lease)


def enqueue_lease(lease: Lease) -> None:
    """Have a worker ask about the runs under this lease; while the broker is away they stay due instead."""
    queue.enqueue("refresh_batch", str(lease.id), unheard=partial(claims.release, lease.id, pks_of(lease.runs)))


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
            if lease and monotonic() > turn_ends and queue.is_thread_wanted():
                caller.settle()
                enqueue_lease(lease)
                return


# A sweep begins with as many messages as calls may be in flight.
_taking = Together(Clerk("usher"), claims.take)
# Who leaves something goes into a call or is in one: there is time to let a few more come. A few clerks, shared by
# all keys, so that hardly anybody waits for another team's long transcripts.
_clerks = [Clerk(f"clerk-{number}", patience=0.02) for number in range(4)]


@dataclass(frozen=True)
class Asked:
    """What came of a lease, to be stored."""

    lease: Lease
    history: CallLog
    heard: list[Outcome]


def _ask(lease: Lease, *, before_the_last: Callable[[], object] = lambda: None) -> Asked:
    """Ask about the runs under this lease, as many as there is time for, and tell before the last call."""
    started, asking_ends = timezone.now(), monotonic() + ASK_SECONDS
    if lease.until - started < 0.75 * claims.LEASE_DURATION:  # claimed during a call, which took long
        claims.renew([lease.id])
    asked = Asked(lease, CallLog(lease.key.pk), [])
    batch: Sequence[DueRun] = ()
    try:
        gate = limits.circuit_breaker(lease.key.pk)
        asking = _Asking(keys.client_for(lease.key), lease, asked.history, gate)
        batches = claims.batches(lease.runs)
        for number, batch in enumerate(batches, start=1):
            # Since the lease was given somebody else's trouble may have closed the gate.
            if not gate.is_open() or (asked.heard and monotonic() > asking_ends):
                break
            if number == len(batches):
                before_the_last()
            asked.heard.extend(Outcome(pk, lease.id, started, said) for pk, said in asking.ask(batch).items())
        if asked.heard:
            limits.record_success(lease.key)
    except (camb.CambError, SealBrokenError) as error:
        limits.record_failure(lease.key, error)
        _put_off(batch, error)
    except MemoryError:
        raise  # the worker ends, and must not begin with the same again: the lease runs out by itself
    except BaseException:
        claims.release(lease.id, pks_of(lease.runs))
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
        given = {lease.id: lease for lease in claims.claim_more(self._key_id, holders)}
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
            claims.release(lease.id, pks_of(lease.runs))

    def look_ahead(self) -> None:
        self._next = self._desk.claiming.leave(self._holder)

    def next_lease(self) -> Lease | None:
        wanted, self._next = self._next or self._desk.claiming.leave(self._holder), None
        return wanted.result()

    def bring(self, asked: Asked) -> None:
        """Have it stored, soon; what was brought before is stored by then."""
        self.settle()
        if sum(map(_cue_count, asked.heard)) > MAX_CUES_PER_TRANSACTION:
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
    stored = save_outcomes([heard for each in asked for heard in each.heard], [each.history for each in asked])
    # Storing gives a run back; where that is all of them, a write less is waited for.
    for each in asked:
        if rest := [pk for pk in pks_of(each.lease.runs) if pk not in stored]:
            claims.release(each.lease.id, rest)


def pks_of(runs: Sequence[DueRun]) -> list[int]:
    return [run.pk for run in runs]


def _put_off(runs: Sequence[DueRun], error: camb.CambError | SealBrokenError) -> None:
    """Let other runs be asked first: should these very runs be what makes CAMB.AI fail, they block nobody."""
    named = getattr(error, "retry_after", None)
    for run in runs:
        wait = max(backoff(run.attempts), limits.FIRST_PROBE) if named is None else timedelta(seconds=named)
        Run.objects.filter(pk=run.pk).exclude(due_at=None).update(
            attempts=F("attempts") + 1, due_at=timezone.now() + wait
        )


@dataclass(frozen=True)
class _Asking:
    """Batches being asked about, each with as many calls as its bad ids cost."""

    client: camb.Client
    lease: Lease
    history: CallLog
    gate: limits.CircuitBreaker

    def ask(self, runs: Sequence[DueRun]) -> dict[int, Said]:
        """What CAMB.AI says of each run, by our pk; a run is left out when somebody else's trouble closed the gate.

        Raises camb.Refused when it is the key that is refused, and the other errors of camb as they come.
        """
        found = self._halve(runs)
        refusals = [said for said in found.values() if isinstance(said, camb.Refused)]
        if len(refusals) == len(runs) and all(refusal.http_status == 403 for refusal in refusals):
            self._doubt_the_key(runs, refusals[0])
        return found

    def _doubt_the_key(self, runs: Sequence[DueRun], refusal: camb.Refused) -> None:
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

    def _halve(self, runs: Sequence[DueRun], *, is_half: bool = False) -> dict[int, Said]:
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
        claims.renew([self.lease.id])
        middle = len(runs) // 2
        return self._halve(runs[:middle], is_half=True) | self._halve(runs[middle:], is_half=True)

    def _call(self, runs: Sequence[DueRun]) -> dict[int, Said]:
        numbered = {run.camb_run_id: run.pk for run in runs if run.camb_run_id}
        if not numbered:
            return {run.pk: self.client.fetch_task(run.camb_task_id) for run in runs}
        return {numbered[run_id]: answer for run_id, answer in self.client.fetch(list(numbered)).items()}


# --- Storing -----------------------------------------------------------------------------------------


# --- When it is asked again --------------------------------------------------------------------------
