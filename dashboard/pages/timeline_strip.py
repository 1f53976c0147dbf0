"""Page model of the timeline strip: speech, starts of lines, review checks and waveform of a dub or a part of it.

Everything is drawn in columns, about as many in sight as the strip has pixels. A part of the dub is drawn with more
columns for the whole, so that it shows single lines where the whole shows turns of speakers.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from django.http import QueryDict

from dashboard.http.ids import parse_id
from results.models import Cue, Dub, MediaCopy
from results.transcripts import timeline
from results.transcripts.timeline import SpokenLine

COLUMNS = 1000
MAX_FACTOR = 1000
# The waveform has fewer columns, as each of them weighs four bytes.
WAVE_COLUMNS = 500
WAVE_HEIGHT = 64
# With more lines than this the strip shows turns, in parts of some columns, instead of lines.
MAX_DRAWN_LINES = 250
TURN_COLUMNS = 8


class DrawnPart(NamedTuple):
    """The part of a dub that is drawn, in milliseconds, with `factor` times COLUMNS columns for the whole dub.

    `screens` is how many times the width of the strip the part takes.
    """

    start_ms: int
    end_ms: int
    factor: int
    screens: int

    @classmethod
    def read(cls, query: QueryDict, length_ms: int) -> "DrawnPart":
        """Return the part that shows `from` to `to`, with as much before and after it, so that it can be moved."""
        start_ms = min(parse_id(query.get("from", "")) or 0, length_ms)
        end_ms = max(parse_id(query.get("to", "")) or length_ms, start_ms + 1)
        factor = min(max(length_ms // (end_ms - start_ms), 1), MAX_FACTOR)
        if factor == 1:
            return WHOLE
        span_ms = end_ms - start_ms
        return cls(max(start_ms - span_ms, 0), end_ms + span_ms, factor, screens=3)


WHOLE = DrawnPart(0, 2**62, factor=1, screens=1)


class WaveformPath(NamedTuple):
    """A waveform as a path of `columns` columns, which is stretched over `width` columns of the strip from `x`."""

    path: str
    columns: int
    x: int
    width: int

    @classmethod
    def of(cls, copy: MediaCopy, dub: Dub, part: DrawnPart) -> "WaveformPath":
        values = bytes(copy.waveform)
        # Media may end before the last line or go on after it.
        whole = COLUMNS * part.factor * copy.length_ms // max(dub.duration_ms, 1)
        first, last = (
            min(len(values) * ms // max(copy.length_ms, 1), len(values)) for ms in (part.start_ms, part.end_ms)
        )
        drawn = values[min(first, len(values) - 1) : last + 1]
        columns = min(WAVE_COLUMNS, len(drawn))
        return cls(
            timeline.waveform_path(drawn, columns, WAVE_HEIGHT),
            columns,
            whole * first // len(values),
            whole * len(drawn) // len(values),
        )


@dataclass(frozen=True)
class TimelineStrip:
    """The strip of a dub. `voices` are the colours of its speakers, `checked` the positions with review checks."""

    dub: Dub
    cues: Sequence[Cue]
    voices: Mapping[str, str]
    checked: Collection[int]
    hits: Sequence[SpokenLine]
    part: DrawnPart = WHOLE

    @property
    def columns(self) -> int:
        return COLUMNS * self.part.factor

    @property
    def columns_across(self) -> int:
        """The columns of the whole dub in the page's own strip, in which `hits_path` is sent to scripts."""
        return COLUMNS

    @cached_property
    def _drawn(self) -> list[Cue]:
        return list(filter(self._is_drawn, self.cues))

    def _is_drawn(self, line: SpokenLine) -> bool:
        return line.end_ms >= self.part.start_ms and line.start_ms <= self.part.end_ms

    @property
    def blocks(self) -> dict[str, str]:
        """The blocks of each voice as one path, so that the strip has few elements for any number of lines."""
        paths = defaultdict[str, str](str)
        blocks = timeline.blocks(self._drawn, self.dub.duration_ms, self.columns)
        if len(self._drawn) > MAX_DRAWN_LINES * self.part.screens:
            blocks = timeline.turns(blocks, TURN_COLUMNS)
        for block in blocks:
            paths[self.voices.get(block.speaker, "")] += f"M{block.start} 8H{block.end}V24H{block.start}z"
        return dict(paths)

    @property
    def checks_path(self) -> str:
        """The lines with review checks as one path."""
        columns = self._starts(cue for cue in self._drawn if cue.position in self.checked)
        return "".join(f"M{column} 21h3v3h-3z" for column in columns)

    @property
    def ticks(self) -> str:
        """The starts of the lines as one path; empty when the ticks would run together."""
        columns = self._starts(self._drawn)
        return (
            "".join(f"M{column} 0V5" for column in columns)
            if len(columns) <= COLUMNS * self.part.screens / 3
            else ""
        )

    def _starts(self, cues: Iterable[Cue]) -> list[int]:
        return timeline.ticks(cues, self.dub.duration_ms, self.columns)

    @property
    def hits_path(self) -> str:
        """The hits as one path."""
        hits = filter(self._is_drawn, self.hits)
        blocks = timeline.blocks(hits, self.dub.duration_ms, self.columns)
        return "".join(f"M{block.start} 0H{max(block.end, block.start + 4)}v6H{block.start}z" for block in blocks)
