"""Decides when a run is asked about again."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Least

from results import camb, clock
from results.models import ApiKey, Run
from results.refresh.circuit_breaker import FIRST_PROBE
from results.refresh.claims import DueRun
from results.secrets import SealBrokenError

# The failed calls of a run are counted up to here. A smallint would hold no more than 32,767.
MAX_CALL_FAILURES = 1000


def backoff(attempts: int) -> timedelta:
    """Return the wait after so many attempts in vain: an exponential backoff by half, with jitter and a bound."""
    seconds = min(settings.REFRESH_FIRST_SECONDS * 1.5 ** min(attempts, 50), settings.REFRESH_SLOWEST_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311  jitter, not a secret


def next_due(run: Run, now: datetime) -> datetime | None:
    """Return when an unfinished run is asked about again; None for a finished or archived one.

    An old run is asked about daily and never given up: docs/scale.md says why.
    """
    if run.archived_at or run.status not in Run.UNFINISHED:
        return None
    if now - run.created_at > timedelta(days=settings.REFRESH_DAILY_AFTER_DAYS):
        return now + timedelta(days=1)
    return now + backoff(run.attempts)


def postpone(runs: Sequence[DueRun], error: camb.CambError | SealBrokenError, *, is_at_fault: bool = False) -> None:
    """Ask about these runs later, since their call failed; other runs are asked meanwhile.

    All wait equally long, so that they are asked together again and their batch can be halved. `is_at_fault` says
    that the id itself makes CAMB.AI fail: an old run then waits a day, as it does after an answer. A wait that
    CAMB.AI named replaces ours only where the key waits as well: `Retry-After: 0` about one id would have it asked
    about without end.
    """
    now = clock.now()
    is_of_key = isinstance(error, SealBrokenError) or error.concerns_key
    named = None if isinstance(error, SealBrokenError) else error.named_wait
    wait = max(backoff(max((run.attempts for run in runs), default=0)), FIRST_PROBE)
    if named is not None:
        wait = named if is_of_key and not is_at_fault else max(named, wait)
    failures: object = 1
    due_at: object = now + wait
    if is_at_fault:
        failures = Least(F("call_failures"), MAX_CALL_FAILURES - 1) + 1
        is_old = Q(created_at__lt=now - timedelta(days=settings.REFRESH_DAILY_AFTER_DAYS))
        due_at = Case(When(is_old, then=Value(now + max(wait, timedelta(days=1)))), default=Value(now + wait))
    elif isinstance(error, SealBrokenError) or not error.blames_runs:
        failures = F("call_failures")
    Run.objects.filter(pk__in=[run.pk for run in runs]).exclude(due_at=None).update(
        attempts=F("attempts") + 1, call_failures=failures, due_at=due_at
    )


def recover_from_clock_change() -> None:
    """Correct times that were written before the clock was set back, and would be waited for."""
    now = clock.now()
    longest = max(timedelta(seconds=1.1 * settings.REFRESH_SLOWEST_SECONDS), timedelta(minutes=16))
    # What is further ahead than the longest backoff was not scheduled by this clock.
    Run.objects.filter(due_at__gt=now + longest).update(due_at=now)
    # Until the time that is ahead, a key would come behind all others, and its outage would be told to no one.
    ApiKey.objects.filter(claimed_at__gt=now).update(claimed_at=now)
    ApiKey.objects.filter(away_since__gt=now).update(away_since=now)
