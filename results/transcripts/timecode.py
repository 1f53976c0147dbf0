"""Formatting and parsing of timecodes."""

import re

_CLOCK = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,7})(?:[.,](\d{1,3})\d*)?", re.ASCII)
_UNITS = re.compile(r"(?=\d)(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,7})(?:[.,](\d{1,3})\d*)?s)?", re.ASCII)


def full(ms: int) -> str:
    """Return milliseconds as `HH:MM:SS.mmm`."""
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"


def short(ms: int) -> str:
    """Return milliseconds as `M:SS`, or `H:MM:SS` from one hour on; fractions of a second are cut off."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def parse(text: str) -> int | None:
    """Return the milliseconds of a timecode such as `83`, `83.5`, `1:23`, `1:01:23` or `1m23s`, or None."""
    match = _CLOCK.fullmatch(text.strip()) or _UNITS.fullmatch(text.strip().lower())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "").ljust(3, "0"))
