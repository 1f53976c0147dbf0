"""Decides when a run is asked about again."""

import random
from datetime import datetime, timedelta

from django.conf import settings

from results.models import Run


def backoff(attempts: int) -> timedelta:
    """The time to wait after so many attempts in vain: growing by half each time, with jitter, up to a bound."""
    seconds = min(settings.REFRESH_FIRST_SECONDS * 1.5 ** min(attempts, 50), settings.REFRESH_SLOWEST_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311  jitter, not a secret


def next_due(run: Run, now: datetime) -> datetime | None:
    """When an unfinished run is asked again; None for a finished or archived one. No other is ever forgotten."""
    if run.archived_at or run.status not in Run.UNFINISHED:
        return None
    if now - run.created_at > timedelta(days=settings.REFRESH_DAILY_AFTER_DAYS):
        return now + timedelta(days=1)
    return now + backoff(run.attempts)
