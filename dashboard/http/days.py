"""Reads days from addresses and forms."""

from datetime import date, datetime

from django.utils import timezone

# Midnight before or after one of these is a time in every zone.
_FIRST, _LAST = date(1000, 1, 1), date(9000, 1, 1)


def parse_day(text: str) -> date | None:
    """Return the day in this text in ISO 8601, or None when it is none, or one that nothing here can be of."""
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-05-31") else None
    except ValueError:
        return None
    return day if day and _FIRST <= day < _LAST else None


def midnight(day: date) -> datetime:
    """Return the beginning of the day in the user's time zone."""
    return timezone.make_aware(datetime(day.year, day.month, day.day))
