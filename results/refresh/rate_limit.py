"""The rate limit of a key, kept in the key's row for all workers on all machines."""

from datetime import datetime, timedelta

from django.conf import settings

from results.models import ApiKey


def calls_left(key: ApiKey, now: datetime) -> int:
    """Return how many calls the key may make at once without exceeding REFRESH_CALLS_PER_SECOND over one second.

    A rate below one call a second is kept over the time of one call.
    """
    left = now + _burst() - _rate_used_until(key, now)
    return int(round(left.total_seconds() * settings.REFRESH_CALLS_PER_SECOND, 3))


def count_calls(key: ApiKey, now: datetime, calls: int) -> None:
    """Count these calls against the key's rate and put it behind the others; the caller holds the key's row."""
    spent = timedelta(seconds=calls / settings.REFRESH_CALLS_PER_SECOND)
    ApiKey.objects.filter(pk=key.pk).update(rate_used_until=_rate_used_until(key, now) + spent, claimed_at=now)


def _burst() -> timedelta:
    return timedelta(seconds=max(1.0, 1 / settings.REFRESH_CALLS_PER_SECOND))


def _rate_used_until(key: ApiKey, now: datetime) -> datetime:
    # A time further ahead than the rate ever reaches was written before the clock was set back.
    is_ahead = key.rate_used_until and now < key.rate_used_until < now + max(timedelta(minutes=1), 2 * _burst())
    return key.rate_used_until if key.rate_used_until and is_ahead else now
