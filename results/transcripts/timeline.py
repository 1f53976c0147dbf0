"""How does a dub look from afar: who speaks when, where do its lines begin, and how loud is it?

All answers are in columns, equal parts of the dub's length, and have at most one thing a column: what is drawn of
20,000 lines is no more than what can be seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from results.models import Cue


@dataclass(slots=True)
class SpeechBlock:
    """Somebody speaks from one column up to another."""

    speaker: str
    start: int
    end: int


def blocks(cues: Iterable[Cue], length_ms: int, columns: int) -> list[SpeechBlock]:
    """Return who speaks when, in the order of time and side by side: who speaks first covers whoever joins in."""
    found: list[SpeechBlock] = []
    reached = 0
    for cue in cues:
        own = _column(cue.start_ms, length_ms, columns)
        start, end = max(own, reached), max(_column(cue.end_ms - 1, length_ms, columns), own) + 1
        if start >= end:
            continue
        if found and found[-1].speaker == cue.speaker and found[-1].end == start:
            found[-1].end = end
        else:
            found.append(SpeechBlock(cue.speaker, start, end))
        reached = end
    return found


def ticks(cues: Iterable[Cue], length_ms: int, columns: int) -> list[int]:
    """Return the columns in which a line begins."""
    return sorted({_column(cue.start_ms, length_ms, columns) for cue in cues})


def skyline(peaks: bytes, columns: int, height: int) -> str:
    """Return the outline of the peaks, as a path on a ground `columns` wide and `height` high.

    So few columns that a page stays small: each is as high as the loudest of what it stands for.
    """
    path = [f"M0 {height}"]
    edges = [column * len(peaks) // columns for column in range(columns + 1)]
    for start, end in pairwise(edges):
        path.append(f"V{height - max(peaks[start:end]) * height // 255}h1")
    return "".join(path) + f"V{height}z"


def _column(ms: int, length_ms: int, columns: int) -> int:
    return min(max(ms, 0) * columns // max(length_ms, 1), columns - 1)
