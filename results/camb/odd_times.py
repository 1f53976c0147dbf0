"""Turns a transcript's times into seconds where they are points in time, or in a unit finer than milliseconds.

CAMB.AI's contract knows seconds from the beginning of the dub. Other programs send dates, seconds since 1970,
microseconds, ticks of .NET or nanoseconds. As seconds or milliseconds all of them are beyond every dub's length.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from django.utils.functional import Promise

from results.camb import notes
from results.camb.times import (
    CERTAIN_LINES,
    EARLIEST_POINT,
    FASTEST_PACE,
    IMPOSSIBLE_PACE,
    MAX_MS,
    SLOWEST_PACE,
    TOO_SHORT_TO_SPEAK_MS,
    Line,
    Seconds,
    plain_times,
    spans_of,
    spoken_paces,
)

_LATEST_POINT = 2.5e9  # seconds since 1970, in 2049
# The units of points in time: seconds, milliseconds, microseconds and nanoseconds.
_UNITS_SINCE_1970 = (1.0, 1e3, 1e6, 1e9)
# Microseconds, ticks and nanoseconds, as how many of them a second has.
_FINER = (1e6, 1e7, 1e9)
# How many times as fast as reading most lines of dubs are spoken.
_USUAL_PACE = 0.7
# In fewer milliseconds than these even one letter is not spoken impossibly slowly, whatever its script.
_SHORTEST_IMPOSSIBLE_MS = TOO_SHORT_TO_SPEAK_MS * FASTEST_PACE / IMPOSSIBLE_PACE


class InSeconds(NamedTuple):
    """A transcript whose times are read, with a sentence about how; empty if they are left as they came."""

    lines: Sequence[Line]
    note: str | Promise = ""


def in_seconds(lines: Sequence[Line], media_ms: int, *, may_guess: bool) -> InSeconds:
    """Return the lines with times from the beginning of the dub, in seconds, where they are none of the usual ones.

    `media_ms` is the length of the dubbed media, 0 if unknown. Without `may_guess`, the unit of plain numbers is
    left to the person who has chosen one.
    """
    if unit := _unit_since_1970(lines):
        first = min(_times(lines))
        return InSeconds([_map(line, first, unit) for line in lines], notes.POINTS_IN_TIME_TAKEN)
    if may_guess and (unit := _finer_unit(lines, media_ms)):
        return InSeconds([_map(line, 0.0, unit) for line in lines], notes.FINER_UNIT_TAKEN)
    return InSeconds(lines)


def _times(lines: Iterable[Line]) -> list[float]:
    return [time for line in lines for time in line[:2] if time is not None]


def _unit_since_1970(lines: Sequence[Line]) -> float:
    """Return how many of the times' units a second has, if all are points in time of one dub; or 0."""
    if not lines or (lines[0].start or 0.0) < EARLIEST_POINT or min(times := _times(lines)) < EARLIEST_POINT:
        return 0.0
    first, last = min(times), max(times)
    units = _UNITS_SINCE_1970[:1] if isinstance(first, Seconds) else _UNITS_SINCE_1970
    for unit in units:
        if (
            first / unit >= EARLIEST_POINT
            and last / unit <= _LATEST_POINT
            and (last - first) / unit <= MAX_MS / 1000
        ):
            return unit
    return 0.0


def _finer_unit(lines: Sequence[Line], media_ms: int) -> float:
    """Return how many of the times' units a second has, if as milliseconds the lines are impossibly slow; or 0.

    It is the unit in which the transcript is about as long as its media, or else as fast as most speech.
    """
    spans = spans_of(lines)
    # Nearly every transcript is in seconds: its paces, the largest part of all reading, are then not looked at.
    if max((span.duration for span in spans), default=0.0) < _SHORTEST_IMPOSSIBLE_MS:
        return 0.0
    paces = spoken_paces(spans)
    if len(paces) < CERTAIN_LINES or (pace := median(paces)) >= IMPOSSIBLE_PACE:
        return 0.0
    found = {unit: pace * unit / 1000 for unit in _FINER if SLOWEST_PACE <= pace * unit / 1000 <= FASTEST_PACE}
    end = max(plain_times(lines))

    def distance(unit: float) -> float:
        wrong = end / unit * 1000 / media_ms if media_ms else found[unit] / _USUAL_PACE
        return abs(math.log(wrong))

    return min(found, key=distance, default=0.0)


def _map(line: Line, first: float, unit: float) -> Line:
    return line._replace(start=_seconds(line.start, first, unit), end=_seconds(line.end, first, unit))


def _seconds(time: float | None, first: float, unit: float) -> float | None:
    """Return a time as seconds from the first one; a time that came as seconds has that unit."""
    if time is None:
        return None
    return Seconds((time - first) / (1.0 if isinstance(time, Seconds) else unit))
