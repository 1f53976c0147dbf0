"""Divides a long transcript into sections: a page is sent with one of them, and the browser loads the others."""

from collections.abc import Iterable, Sequence
from html import escape  # Django's takes three times as long
from typing import NamedTuple

# A transcript up to this size is sent as a whole: about 6,000 lines.
MAX_WHOLE_BYTES = 1_500_000
# A section has no more lines than make about so many bytes, without their review checks.
SECTION_BYTES = 800_000
# What a line takes beside its text.
_LINE_BYTES = 190
# A sign of a text takes so many bytes at most, escaped.
_MAX_SIGN_BYTES = 6


class Section(NamedTuple):
    """The rows from `start` up to, but not including, `stop` of a transcript. `number` counts from 1.

    `first` and `last` are the positions of the first and last own line; 0 without any.
    """

    number: int
    start: int
    stop: int
    start_ms: int
    first: int
    last: int


def size_of(text: str) -> int:
    """Return about how many bytes a line with this text takes in a page."""
    return _LINE_BYTES + len(escape(text).encode(errors="replace"))


def is_certainly_whole(texts: Sequence[str]) -> bool:
    """Return whether lines with these texts make a single section, whatever their letters are."""
    return len(texts) * _LINE_BYTES + sum(map(len, texts)) * _MAX_SIGN_BYTES <= MAX_WHOLE_BYTES


def divide(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the start and stop of each section of rows of these sizes; there is at least one."""
    if sum(sizes) <= MAX_WHOLE_BYTES:
        return [(0, len(sizes))]
    starts, filled = [0], 0
    for place, size in enumerate(sizes):
        if filled and filled + size > SECTION_BYTES:
            starts.append(place)
            filled = 0
        filled += size
    return list(zip(starts, [*starts[1:], len(sizes)], strict=True))


def section_at(sections: Iterable[Section], ms: int) -> Section:
    """Return the last of these sections that has begun at this time, else the first."""
    first, *others = sections
    return max((one for one in others if one.start_ms <= ms), key=lambda one: one.number, default=first)
