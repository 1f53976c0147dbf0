"""The clock that every process and machine shares: the database's.

Due times, leases, heartbeats and pauses are written by one machine and compared by another, and machines differ by
minutes. So these times are read here. Within one process, durations are measured with `time.monotonic`.
"""

from datetime import UTC, date, datetime, timedelta
from time import monotonic

from django.db import connection
from django.utils import timezone

# How long a reading of PostgreSQL's clock is carried on by this process's monotonic clock.
READING_SECONDS = 2.0

# The longest time that a team may set for anything that is deleted after days.
MAX_DAYS = 36_500

_reading: tuple[float, datetime] | None = None


def now() -> datetime:
    """Return the database's time. SQLite has no clock of its own: its time is this machine's."""
    global _reading
    if connection.vendor != "postgresql":
        return timezone.now()
    reading = _reading
    if reading is None or monotonic() - reading[0] > READING_SECONDS:
        asked = monotonic()  # before the reading, so that this clock is never behind the database's
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            row = cursor.fetchone()
        reading = _reading = (asked, row[0])
    return reading[1] + timedelta(seconds=monotonic() - reading[0])


def days_ago(days: float) -> datetime:
    """Return the time so many days before now. More than MAX_DAYS count as that many: no date is too early."""
    return now() - timedelta(days=min(days, MAX_DAYS))


def midnight(day: date) -> datetime:
    """Return when the day begins in the current time zone, in UTC. Databases hold no time outside UTC's years."""
    try:
        return timezone.make_aware(datetime(day.year, day.month, day.day)).astimezone(UTC)
    except OverflowError:
        return (datetime.min if day.year == date.min.year else datetime.max).replace(tzinfo=UTC)


def end_of_day(day: date) -> datetime:
    """Return when the day ends in the current time zone, in UTC."""
    return midnight(day + timedelta(days=1)) if day < date.max else datetime.max.replace(tzinfo=UTC)
