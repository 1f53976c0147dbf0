"""The time zones that a user can choose, by their names in the IANA database, such as `Europe/Berlin`."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from babel.core import get_global

DEFAULT = "UTC"
# Files of the database that are no place's time.
_NO_ZONES = {"Factory", "localtime", "posixrules"}


@cache
def names() -> list[str]:
    """Return the names of all zones, in order, and of those with several names the current one."""
    known = available_timezones() - _NO_ZONES
    return sorted({current if (current := _current_name(name)) in known else name for name in known})


def find(name: str) -> str:
    """Return the name under which `names` has this zone; empty if it is unknown.

    Browsers say `Asia/Calcutta` for `Asia/Kolkata`, and systems may know only one of the names.
    """
    return next((candidate for candidate in (_current_name(name), name) if candidate in names()), "")


def zone(name: str) -> ZoneInfo:
    """Return the zone of this name; UTC if the name is unknown or empty."""
    return ZoneInfo(find(name) or DEFAULT)


def _current_name(name: str) -> str:
    current = get_global("zone_aliases").get(name, name)
    return DEFAULT if current == "Etc/UTC" else str(current)
