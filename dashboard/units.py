"""Prints durations and sizes in the words of a sentence: “a week”, “three days”, “1 MB”. Prints dates and times."""

from datetime import datetime, timedelta

from django.contrib.humanize.templatetags.humanize import apnumber
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_DAY = timedelta(days=1)


def duration_in_words(duration: timedelta) -> str:
    """Return whole days, or whole hours for a duration that is not a multiple of a day."""
    named = {
        timedelta(hours=1): _("an hour"),
        timedelta(days=1): _("a day"),
        timedelta(days=7): _("a week"),
        timedelta(days=365): _("a year"),
    }
    if duration in named:
        return named[duration]
    if duration % _DAY:
        hours = duration // timedelta(hours=1)
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": apnumber(hours)}
    return ngettext("%(n)s day", "%(n)s days", duration.days) % {"n": apnumber(duration.days)}


def size_in_words(size_bytes: int) -> str:
    """Return megabytes of 2**20 bytes, with as few decimals as are needed."""
    return f"{size_bytes / 2**20:g} MB"


def date_and_time(at: datetime) -> str:
    """Return a time in the user's time zone, which it names: `2026-05-31 18:00 CEST`."""
    return f"{localtime(at):%Y-%m-%d %H:%M %Z}"
