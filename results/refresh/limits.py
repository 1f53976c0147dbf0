"""The circuit breaker and the rate limit of a key, kept in the key's row for all workers on all machines."""

import logging
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from time import monotonic

from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from results import camb
from results.models import ApiKey, TeamVersion
from results.secrets import SealBrokenError

logger = logging.getLogger(__name__)

State = ApiKey.State

# A key that CAMB.AI refused is tried again now and then, in case it was mended on their side.
REFUSED_PROBE = timedelta(minutes=30)
LONGEST_PAUSE = 2 * REFUSED_PROBE
FIRST_PROBE = timedelta(seconds=20)
SLOWEST_PROBE = timedelta(minutes=15)


def calls_allowed(now: datetime) -> Q:
    """The condition under which a key may be used now.

    A gate that would stay closed longer than any does was closed before the clock was set back.
    """
    return Q(retry_at=None) | Q(retry_at__lte=now) | Q(retry_at__gt=now + LONGEST_PAUSE)


class CircuitBreaker:
    """May the key be used? Asked before each of many calls, and looked up a few times a second for all of them."""

    # Less than any call takes: what another process is told meanwhile, it may as well be told during a call.
    LASTS_S = 0.1

    def __init__(self, key_id: int) -> None:
        open_key = ApiKey.objects.filter(calls_allowed(timezone.now()), pk=key_id).values("pk")
        self._sql, (*_, self._key_id) = open_key.query.sql_with_params()
        self._door = threading.Lock()
        self._open_until = 0.0

    def is_open(self) -> bool:
        seen_until = self._open_until
        if monotonic() < seen_until:
            return True
        if not self._door.acquire(blocking=not seen_until):
            return True  # it was open a moment ago, and somebody is looking
        try:
            if monotonic() >= self._open_until:
                looked_at = monotonic()
                self._open_until = looked_at + self.LASTS_S if self._look() else 0.0
            return self._open_until > 0
        finally:
            self._door.release()

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Let nobody of this process through before the trouble that it met is written down."""
        with self._door:
            self._open_until = 0.0
            yield

    def _look(self) -> bool:
        now = timezone.now()
        moments = map(connection.ops.adapt_datetimefield_value, (now, now + LONGEST_PAUSE))
        with connection.cursor() as cursor:
            cursor.execute(self._sql, (*moments, self._key_id))
            return cursor.fetchone() is not None


circuit_breaker = cache(CircuitBreaker)


def calls_left(key: ApiKey, now: datetime) -> int:
    """How many calls the key may make at once without exceeding REFRESH_CALLS_PER_SECOND over one second."""
    left = now + timedelta(seconds=1) - _paced_to(key, now)
    return int(left.total_seconds() * settings.REFRESH_CALLS_PER_SECOND)


def count_calls(key: ApiKey, now: datetime, calls: int) -> None:
    """Note so many calls against the key's rate; the caller holds the key's row."""
    spent = timedelta(seconds=calls / settings.REFRESH_CALLS_PER_SECOND)
    ApiKey.objects.filter(pk=key.pk).update(rate_used_until=_paced_to(key, now) + spent)


def _paced_to(key: ApiKey, now: datetime) -> datetime:
    # What lies further ahead than the rate ever reaches was written before the clock was set back.
    is_ahead = key.rate_used_until and now < key.rate_used_until < now + timedelta(minutes=1)
    return key.rate_used_until if key.rate_used_until and is_ahead else now


def record_success(key: ApiKey) -> None:
    """Open the key's gate, unless somebody noted trouble since this call began: a 429 just now outweighs it."""
    now = timezone.now()
    was_fine = key.state == State.WORKING and not key.failures
    if was_fine and key.last_call_at and now - key.last_call_at < timedelta(minutes=1):
        return
    seen = ApiKey.objects.filter(pk=key.pk, failures=key.failures, retry_at=key.retry_at)
    fine = {"state": State.WORKING, "message": "", "failures": 0, "retry_at": None, "last_call_at": now}
    if seen.update(**fine) and not was_fine:
        TeamVersion.bump(key.pk)


def record_failure(key: ApiKey, error: camb.CambError | SealBrokenError) -> None:
    """Count one failure, and unless it is the first of its kind, close the key's gate for a while and say why.

    Many calls that fail together count as one. After a first failure that CAMB.AI did not explain, the next call is
    made by other runs: one odd answer among thousands must not stop them all.
    """
    now = timezone.now()
    message, state, wait = str(error), State.UNAVAILABLE, _wait(key.failures)
    named = getattr(error, "retry_after", None)
    if isinstance(error, SealBrokenError):
        message = "The stored key cannot be decrypted, since FIELD_KEYS changed. Paste the key again."
        state, wait = State.REFUSED, REFUSED_PROBE
    elif isinstance(error, camb.Refused):
        state, wait = State.UNPAID if error.http_status == 402 else State.REFUSED, REFUSED_PROBE
    elif named is not None:
        # Obeyed to the second; should it be named too short once more, our own patience counts too.
        wait = max(timedelta(seconds=named), wait if key.failures else timedelta())
    news: dict[str, object] = {"failures": F("failures") + 1, "last_call_at": now}
    is_plain = state == State.UNAVAILABLE and getattr(error, "http_status", None) not in (429, 503)
    if key.failures or not is_plain:
        news |= {"state": state, "message": message, "retry_at": now + wait}
    logger.warning("Key of team %s failed (%d before): %s", key.pk, key.failures, message)
    same = ApiKey.objects.filter(pk=key.pk, sealed=key.sealed)
    with circuit_breaker(key.pk).closing():
        if same.filter(failures=key.failures).update(**news):
            TeamVersion.bump(key.pk)
        elif named is not None:
            # Of those that fail together, the one that names the longest time counts.
            same.filter(failures__gt=key.failures, retry_at__lt=now + wait).update(retry_at=now + wait)


def _wait(failures: int) -> timedelta:
    jitter: float = random.uniform(1.0, 1.1)  # noqa: S311
    return min(FIRST_PROBE * (1 << min(failures, 20)), SLOWEST_PROBE) * jitter
