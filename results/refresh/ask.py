"""Asks CAMB.AI about due runs and has the answers stored.

    beat → refresh_due → refresh: claims.claim_next → ask → save_outcomes (merge) → claims.claim → …

A worker thread claims a lease, asks, saves, and claims the next one of the same key, for KEY_SECONDS. No
thread hands work to another thread on the way.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from time import monotonic

from django.conf import settings
from django.utils.translation import gettext as _

from results import camb, clock, queue
from results.models import ApiKey, Run, WorkerHeartbeat
from results.refresh import circuit_breaker, claims, keys
from results.refresh.call_log import CallLog
from results.refresh.claims import DueRun, Lease
from results.refresh.save import Answer, Outcome, save_outcomes
from results.refresh.schedule import postpone
from results.secrets import SealBrokenError

logger = logging.getLogger(__name__)

# Further calls of a lease begin within this time, so that answers are soon stored, and before the lease ends.
ASK_SECONDS = min(2.0, settings.CAMB_TOTAL_SECONDS / 4)
# Failures that one id may cause for the whole batch.
_BATCH_FAILURES = (camb.Unavailable, camb.Malformed)
# A lease is renewed before a call once it is so old: a call takes at most CAMB_TOTAL_SECONDS of it.
RENEW_AFTER_SECONDS = min(5.0, settings.CAMB_TOTAL_SECONDS / 4)
# How long a thread stays with one key, at least and at most, before it looks which key is next.
KEY_SECONDS = (2.0, 4.0)
# A run that this many answers in a row left out is asked about once by itself, while answers name other runs.
VERIFY_AFTER_ABSENCES = 3

Status = Run.Status

# The threads of this process that may sweep. The worker has more, so a person's request never waits for a sweep.
_sweeping = BoundedSemaphore(settings.WORKER_THREADS)


def enqueue_due() -> None:
    """Have as many threads of all workers sweep as leases can be claimed; those that sweep already go on anyway."""
    workers = max(1, WorkerHeartbeat.objects.alive(clock.now()).count())
    for _slot in range(claims.open_slots(workers * settings.WORKER_THREADS)):
        queue.enqueue("refresh")


def refresh() -> None:
    """Refresh due runs, lease after lease, until none is left; return at once if enough threads do already."""
    if not _sweeping.acquire(blocking=False):
        return
    try:
        while not queue.is_worker_stopping() and (lease := claims.claim_next()):
            # At different times, so that not all threads change their key at once.
            deadline = monotonic() + random.uniform(*KEY_SECONDS)  # noqa: S311
            refresh_lease(lease)
            while lease.has_more and monotonic() < deadline and not queue.is_worker_stopping():
                if (next_lease := claims.claim(lease.key.pk)) is None:
                    break
                lease = next_lease
                refresh_lease(lease)
    finally:
        _sweeping.release()


def enqueue_lease(lease: Lease, *, on_unreachable: Callable[[], None] = lambda: None) -> None:
    """Have a worker refresh the runs under this lease before any sweep; while the broker is away they stay due."""

    def give_back() -> None:
        claims.release(lease.id, [run.pk for run in lease.runs])
        on_unreachable()

    queue.enqueue("refresh_requested", str(lease.id), on_unreachable=give_back)
    claims.forget(lease.id)  # the worker that receives the message swaps it for a lease of its own


def refresh_requested(lease_id: str) -> None:
    """Refresh the runs that a person asked for, whose lease the message brings."""
    if lease := claims.take(lease_id):
        refresh_lease(lease)


def refresh_lease(lease: Lease) -> None:
    """Ask about the runs under this lease and save the outcomes; runs without one are given back, still due."""
    log = CallLog(lease.key.pk)
    stored: dict[int, str] = {}
    try:
        outcomes = ask(lease, log)
        stored = save_outcomes(outcomes, log)
    except MemoryError:
        raise  # the worker process ends, and must not begin with the same again: the lease ends in time
    except BaseException:
        claims.release(lease.id, [run.pk for run in lease.runs])
        raise
    finally:
        claims.forget(lease.id)
    if rest := [run.pk for run in lease.runs if run.pk not in stored]:
        claims.release(lease.id, rest)


def ask(lease: Lease, log: CallLog) -> list[Outcome]:
    """Call CAMB.AI about these runs, while there is time and the key may be used, and return the outcomes."""
    started, ends = clock.now(), monotonic() + ASK_SECONDS
    outcomes: list[Outcome] = []
    batch: Sequence[DueRun] = ()
    try:
        calls = _BatchCalls(keys.client_for(lease.key), lease, log)
        # Those whose last call failed come first: what is slow about them holds up no answer that is here already.
        calls_planned = sorted(claims.plan_calls(lease.runs), key=lambda runs: not _have_failed(runs))
        for planned in calls_planned:
            # The other half stays due, and so is the next probe if this one fails.
            batch = _halves(planned)[0] if calls.is_probe_of_suspects(planned) else planned
            if outcomes and (monotonic() > ends or not calls.may_go_on()):
                break
            for pk, answer in calls.ask(batch).items():
                outcomes.append(Outcome(pk, lease.id, started, answer, pk in calls.verified))
        if any(_shows_success(lease.key, outcome.answer) for outcome in outcomes):
            circuit_breaker.record_success(lease.key)
    except (camb.CambError, SealBrokenError) as error:
        circuit_breaker.record_failure(lease.key, error)
        postpone(batch, error)
    return outcomes


def _shows_success(key: ApiKey, answer: Answer) -> bool:
    """Whether the answer about a run shows that calls with the key succeed.

    A refusal of the run says that CAMB.AI answers, but not that it accepts a key that was never seen to work.
    """
    if key.state == ApiKey.State.UNTRIED and not isinstance(answer, camb.RunAnswer | camb.TaskAnswer):
        return isinstance(answer, camb.Refused) and answer.is_unknown_run
    return not isinstance(answer, _BATCH_FAILURES)


@dataclass
class _BatchCalls:
    """The calls about the batches of one lease: each batch takes one call, and more where an id spoils it."""

    client: camb.Client
    lease: Lease
    log: CallLog
    verified: set[int] = field(default_factory=set)
    """Runs whose absence a single call has confirmed."""
    renewed_at: float = field(default_factory=monotonic)

    def ask(self, runs: Sequence[DueRun]) -> dict[int, Answer]:
        """Return the answer about each run, by its pk; a run is left out once no further call may begin.

        Raises the CambError that concerns the key or the whole service.
        """
        answers = self._ask_suspects(runs) if _have_failed(runs) else self._ask_or_halve(runs)
        refusals = [answer for answer in answers.values() if isinstance(answer, camb.Refused)]
        if len(refusals) == len(runs) and all(refusal.is_forbidden for refusal in refusals):
            self._check_key(runs, refusals[0])
        elif refusals and len(refusals) == len(answers):
            self._check_service()
        return answers

    def may_go_on(self) -> bool:
        """Whether a further call may begin: any thread's failure may have opened the circuit breaker meanwhile."""
        return not queue.is_worker_stopping() and circuit_breaker.is_usable(self.lease.key.pk)

    # --- A batch that CAMB.AI refuses, or whose answer cannot be read ----------------------------------

    def _ask_or_halve(self, runs: Sequence[DueRun]) -> dict[int, Answer]:
        """Ask about the runs, and halve a batch that is refused or unreadable until the run at fault is alone."""
        try:
            return self._ask_once(runs)
        except camb.Refused as error:
            if not error.blames_runs:
                raise
            reason: Exception = error
        except (camb.CambError, MemoryError):
            raise
        except Exception as error:
            logger.exception("An answer could not be read")
            reason = error
        if len(runs) == 1:
            return {runs[0].pk: reason}
        answers: dict[int, Answer] = {}
        for half in _halves(runs):
            if self.may_go_on():
                answers |= self._ask_or_halve(half)
        return answers

    def _check_key(self, runs: Sequence[DueRun], refusal: camb.Refused) -> None:
        """Raise the refusal if the key is at fault for it: the key no longer sees a run that it saw before."""
        if not circuit_breaker.is_usable(self.lease.key.pk):
            raise refusal
        seen = Run.objects.present().filter(team=self.lease.key.pk, status__in=(Status.READY, Status.PARTLY))
        witness = seen.exclude(pk__in=[run.pk for run in runs]).order_by("-checked_at").first()
        if witness and witness.camb_run_id:
            try:
                with self.log.record([witness.pk]):
                    self.client.fetch([witness.camb_run_id])
            except camb.Refused as error:
                if error.is_forbidden:
                    raise
        elif len(runs) > 1:
            raise refusal

    def _check_service(self) -> None:
        """Raise Unavailable if CAMB.AI also refuses what has nothing to do with runs: then no id is at fault."""
        try:
            self._renew()
            keys.check_address(self.client)
        except keys.InconclusiveError:
            return
        except camb.Refused as error:
            if not error.blames_runs:
                raise
            sentence = _("CAMB.AI refuses every call.")
            raise camb.Unavailable(f"{sentence} {error}", http_status=error.http_status) from error

    # --- A batch that has failed before ----------------------------------------------------------------

    def is_probe_of_suspects(self, runs: Sequence[DueRun]) -> bool:
        """Whether one call is to show that the key works again, and one of these runs may be what makes it fail."""
        return self.lease.key.is_in_trouble and len(runs) > 1 and _have_failed(runs)

    def _ask_suspects(self, runs: Sequence[DueRun]) -> dict[int, Answer]:
        """Ask in halves about runs whose last call failed, so that one id that makes CAMB.AI fail is found.

        Raises the failure when both halves fail: then the service is at fault, and no id.
        """
        if len(runs) == 1:
            return self._ask_alone(runs[0])
        if self.lease.key.is_in_trouble:
            return self._ask_or_halve(runs)  # a probe is one call
        answers: dict[int, Answer] = {}
        failures: list[tuple[Sequence[DueRun], camb.CambError]] = []
        for half in _halves(runs):
            try:
                answers |= self._ask_or_halve(half)
            except _BATCH_FAILURES as error:
                if not error.blames_runs:
                    raise
                failures.append((half, error))
        if len(failures) == 2:
            raise failures[0][1]
        for half, failure in failures:
            answers |= self._isolate(half, failure)
        return answers

    def _isolate(self, runs: Sequence[DueRun], error: camb.CambError) -> dict[int, Answer]:
        """Halve a batch that failed while CAMB.AI answers others, until each run at fault stands alone."""
        if len(runs) == 1:
            return {runs[0].pk: error}
        answers: dict[int, Answer] = {}
        for half in _halves(runs):
            try:
                answers |= self._ask_or_halve(half)
            except _BATCH_FAILURES as own_error:
                if not own_error.blames_runs:
                    raise
                answers |= self._isolate(half, own_error)
        return answers

    def _ask_alone(self, run: DueRun) -> dict[int, Answer]:
        """Ask about one run whose calls failed before; a failure that its id may cause does not concern the key."""
        try:
            return self._ask_or_halve([run])
        except _BATCH_FAILURES as error:
            is_known = run.call_failures >= claims.ASK_ALONE_AFTER
            if not error.blames_runs or not (is_known or self._answers_otherwise()):
                raise
            return {run.pk: error}

    def _answers_otherwise(self) -> bool:
        """Whether CAMB.AI answers what has nothing to do with runs: then its failure is about the run."""
        try:
            self._renew()
            keys.check_address(self.client)
        except (camb.CambError, keys.InconclusiveError):
            return False
        return True

    # --- One call --------------------------------------------------------------------------------------

    def _ask_once(self, runs: Sequence[DueRun]) -> dict[int, Answer]:
        self._renew()
        with self.log.record([run.pk for run in runs]):
            answers = self._call(runs)
        return answers | self._verify_absent(runs, answers)

    def _renew(self) -> None:
        """Renew the lease before a call, which may take most of it, unless that was done just now."""
        if monotonic() - self.renewed_at > RENEW_AFTER_SECONDS:
            claims.renew(self.lease.id)
            self.renewed_at = monotonic()

    def _call(self, runs: Sequence[DueRun]) -> dict[int, Answer]:
        numbered = {run.camb_run_id: run.pk for run in runs if run.camb_run_id}
        if not numbered:
            return {run.pk: self.client.fetch_task(run.camb_task_id) for run in runs}
        return {numbered[run_id]: answer for run_id, answer in self.client.fetch(list(numbered)).items()}

    def _verify_absent(self, runs: Sequence[DueRun], answers: dict[int, Answer]) -> dict[int, Answer]:
        """Ask once by itself about a run that several answers have left out while they named others."""
        absent = [run for run in runs if getattr(answers.get(run.pk), "is_absent", False)]
        if len(absent) == len(runs):
            return {}
        verified: dict[int, Answer] = {}
        for run in absent:
            is_due = run.absences + 1 >= VERIFY_AFTER_ABSENCES and not run.is_absence_verified
            if is_due and self.may_go_on():
                self._renew()
                try:
                    with self.log.record([run.pk]):
                        answer = self._call([run])[run.pk]
                    # An empty answer confirms the absence: that is what is stored.
                    if not (isinstance(answer, camb.RunAnswer) and answer.is_empty):
                        verified[run.pk] = answer
                except camb.Refused as error:
                    if not error.blames_runs:
                        raise
                    verified[run.pk] = error
                except camb.CambError as error:
                    logger.info("Run %s could not be verified: %s", run.pk, error)
                    continue
                self.verified.add(run.pk)
        return verified


def _have_failed(runs: Sequence[DueRun]) -> bool:
    """Whether the last call about one of these runs failed."""
    return any(run.call_failures for run in runs)


def _halves(runs: Sequence[DueRun]) -> list[Sequence[DueRun]]:
    middle = len(runs) // 2
    return [runs[:middle], runs[middle:]]
