"""The circuit breaker of a key, kept in the key's row for all workers on all machines.

Failures that concern the key or the whole service open the circuit breaker: until `retry_at` no call begins. The
first call after that is a probe, and its success closes the breaker.
"""

import logging
import random
from datetime import datetime, timedelta

from django.db.models import F, Q

from results import camb, clock
from results.models import ApiKey, TeamVersion
from results.secrets import SealBrokenError

logger = logging.getLogger(__name__)

State = ApiKey.State

# A key that CAMB.AI refused is tried again now and then, in case it was mended on their side.
REFUSED_PROBE = timedelta(minutes=30)
LONGEST_PAUSE = 2 * REFUSED_PROBE
# The pause triples with each failed probe: a batch that fails costs at most five calls in ten minutes, although its
# second attempt is made in halves.
FIRST_PROBE = timedelta(seconds=20)
SLOWEST_PROBE = timedelta(minutes=15)


def calls_allowed(now: datetime) -> Q:
    """Return the condition under which a key may be used now.

    A pause that would last longer than any does began before the clock was set back.
    """
    return Q(retry_at=None) | Q(retry_at__lte=now) | Q(retry_at__gt=now + LONGEST_PAUSE)


def is_usable(key_id: int) -> bool:
    """Whether the key may be used now; asked before each call, since any thread may have opened the breaker."""
    return ApiKey.objects.filter(calls_allowed(clock.now()), pk=key_id).exists()


def record_success(key: ApiKey) -> None:
    """Close the circuit breaker, unless a failure was recorded since this call began: a 429 outweighs it."""
    now = clock.now()
    was_fine = key.state == State.WORKING and not key.failures
    if was_fine and key.last_call_at and now - key.last_call_at < timedelta(minutes=1):
        return
    seen = ApiKey.objects.filter(pk=key.pk, failures=key.failures, retry_at=key.retry_at)
    fine = {"state": State.WORKING, "message": "", "failures": 0, "retry_at": None, "last_call_at": now}
    if seen.update(**fine) and not was_fine:
        TeamVersion.bump(key.pk)


def record_failure(key: ApiKey, error: camb.CambError | SealBrokenError) -> None:
    """Count one failure, and open the circuit breaker unless it is a first one that CAMB.AI did not explain.

    Many calls that fail together count as one. After a first unexplained failure, the next call is made about other
    runs: one bad answer among thousands must not stop them all.
    """
    now = clock.now()
    message, state, wait, named = str(error), State.UNAVAILABLE, _pause(key.failures), None
    if isinstance(error, SealBrokenError):
        message = "The stored key cannot be decrypted, since FIELD_KEYS changed. Paste the key again."
        state, wait = State.REFUSED, REFUSED_PROBE
    elif isinstance(error, camb.Refused):
        state, wait = State.UNPAID if error.is_payment_required else State.REFUSED, REFUSED_PROBE
    elif (named := error.named_wait) is not None:
        # Obeyed to the second. If it was named too short once, our own pause counts too.
        wait = max(named, wait if key.failures else timedelta())
    fields: dict[str, object] = {"failures": F("failures") + 1, "last_call_at": now}
    is_explained = state != State.UNAVAILABLE or getattr(error, "concerns_key", True)
    if key.failures or is_explained:
        fields |= {"state": state, "message": message, "retry_at": now + wait}
    logger.warning("Key of team %s failed (%d before): %s", key.pk, key.failures, message)
    same = ApiKey.objects.filter(pk=key.pk, sealed=key.sealed)
    if same.filter(failures=key.failures).update(**fields):
        TeamVersion.bump(key.pk)
    elif named is not None:
        # Of calls that fail together, the one that names the longest time counts.
        same.filter(failures__gt=key.failures, retry_at__lt=now + wait).update(retry_at=now + wait)


def _pause(failures: int) -> timedelta:
    growth: int = 3 ** min(failures, 9)
    return min(FIRST_PROBE * growth, SLOWEST_PROBE) * random.uniform(1.0, 1.1)  # noqa: S311  jitter, not a secret
