"""The overview of a whole dub: blocks of speech by speaker, starts of lines, outline of the waveform.

All results are in columns, which are equal parts of the dub's length. Each column holds at most one item, so a page
with 20,000 lines draws no more than is visible.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from results.models import Cue


class SpokenLine(Protocol):
    """A line with its speaker and its times: a cue, or what a page knows of one."""

    @property
    def speaker(self) -> str: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...


@dataclass(slots=True)
class SpeechBlock:
    """A speaker's speech in the columns from `start` up to, but not including, `end`."""

    speaker: str
    start: int
    end: int


def blocks(cues: Iterable[SpokenLine], length_ms: int, columns: int) -> list[SpeechBlock]:
    """Return blocks of speech in time order that do not overlap.

    The cues must be in time order. Where speakers overlap, the one that began first covers the others.
    """
    found: list[SpeechBlock] = []
    reached = 0
    for cue in cues:
        first = _column(cue.start_ms, length_ms, columns)
        start, end = max(first, reached), max(_column(cue.end_ms - 1, length_ms, columns), first) + 1
        if start >= end:
            continue
        if found and found[-1].speaker == cue.speaker and found[-1].end == start:
            found[-1].end = end
        else:
            found.append(SpeechBlock(cue.speaker, start, end))
        reached = end
    return found


def turns(found: Iterable[SpeechBlock], width: int) -> list[SpeechBlock]:
    """Return blocks that are `width` columns or a multiple wide, each of the speaker who has most of its speech.

    Seen from afar, lines of a second are a pattern of stripes; turns show who leads which part.
    """
    speech = defaultdict[int, Counter[str]](Counter)
    for block in found:
        for column in range(block.start, block.end):
            speech[column // width][block.speaker] += 1
    merged: list[SpeechBlock] = []
    for place, speakers in sorted(speech.items()):
        [(speaker, _columns)] = speakers.most_common(1)
        if merged and merged[-1].speaker == speaker and merged[-1].end == place * width:
            merged[-1].end += width
        else:
            merged.append(SpeechBlock(speaker, place * width, (place + 1) * width))
    return merged


def ticks(cues: Iterable[Cue], length_ms: int, columns: int) -> list[int]:
    """Return the sorted columns in which a line begins."""
    return sorted({_column(cue.start_ms, length_ms, columns) for cue in cues})


def waveform_path(peaks: bytes, columns: int, height: int) -> str:
    """Return the outline of a waveform as an SVG path that is `columns` wide and `height` high.

    `peaks` holds a loudness of 0 to 255 for each part of the sound, and at least one value a column. A column is as
    high as its loudest part; few columns keep the page small.
    """
    path = [f"M0 {height}"]
    edges = [column * len(peaks) // columns for column in range(columns + 1)]
    for start, end in pairwise(edges):
        path.append(f"V{height - max(peaks[start:end]) * height // 255}h1")
    return "".join(path) + f"V{height}z"


def _column(ms: int, length_ms: int, columns: int) -> int:
    # A page looks up thousands of columns: min() and max() would take three times as long.
    column = ms * columns // (length_ms or 1) if ms > 0 else 0
    return column if column < columns else columns - 1
