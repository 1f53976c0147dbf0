"""Aligns the cues of two dubs by time, for bilingual exports and for reading side by side."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from results.models import Cue
from results.transcripts.cues import span

# A cue is compared with this many cues before and after its own start. Two dubs of a run differ by far less. The
# bound keeps the running time proportional to their length for any times.
_NEIGHBOURS_COMPARED = 8
# A cue without a counterpart may join a row this many rows away.
_ROWS_SEARCHED = 4


@dataclass
class AlignedCues:
    """Cues of one dub and the cues of the other dub that say the same. At most one of the two lists is empty."""

    cues: list[Cue] = field(default_factory=list)
    others: list[Cue] = field(default_factory=list)

    @property
    def _leading(self) -> Cue:
        return (self.cues or self.others)[0]

    @property
    def start_ms(self) -> int:
        return min(side[0].start_ms for side in (self.cues, self.others) if side)

    @property
    def span(self) -> tuple[int, int]:
        """Start and end, in milliseconds, of the leading cue: the first dub's, or else the other's."""
        return span(self._leading)

    @property
    def speaker(self) -> str:
        return self._leading.speaker

    @property
    def text(self) -> str:
        return "\n".join(cue.text for cue in self.cues)

    @property
    def other_text(self) -> str:
        return "\n".join(cue.text for cue in self.others)


def align(cues: Iterable[Cue], others: Iterable[Cue]) -> list[AlignedCues]:
    """Return pairs of the cues that say the same in two dubs; a cue without a counterpart stands alone.

    Where both dubs have the same lines in the same places, counterparts are the cues of equal position. Elsewhere
    the counterpart of an other cue is the first dub's cue with the longest overlap. Every cue is in exactly one
    pair, and each pair has at most one cue of the first dub. Arguments and pairs are in time order.
    """
    cues, others = list(cues), list(others)
    if _match_line_by_line(cues, others):
        return [AlignedCues([cue], [other]) for cue, other in zip(cues, others, strict=True)]
    pairs = [AlignedCues([cue]) for cue in cues]
    alone = []
    spans = [pair.span for pair in pairs]
    starts = [start for start, _ in spans]
    for other in others:
        own = span(other)
        place = bisect_right(starts, own[0])
        near = range(max(place - _NEIGHBOURS_COMPARED, 0), min(place + _NEIGHBOURS_COMPARED, len(pairs)))
        best = max(near, key=lambda number: _overlap_ms(spans[number], own), default=-1)
        if best >= 0 and _overlap_ms(spans[best], own) > 0:
            pairs[best].others.append(other)
        else:
            alone.append(AlignedCues(others=[other]))
    return sorted(pairs + alone, key=lambda pair: pair.span[0])


def align_in_rows(cues: list[Cue], others: list[Cue]) -> list[AlignedCues]:
    """Return the pairs of `align` as rows for reading, in which several cues of the first dub may share a row.

    A cue that `align` left without a counterpart joins the row of a neighbour if the other dub says both in one
    line. That happens where one dub needs two lines and the other needs one.
    """
    rows = align(cues, others)
    for place, row in enumerate(rows):
        if row.others:
            continue
        near = rows[max(place - _ROWS_SEARCHED, 0) : place + _ROWS_SEARCHED + 1]
        joined = max(near, key=lambda other: _shared_ms(row.cues[0], other.others), default=None)
        if joined and _shared_ms(row.cues[0], joined.others) > 0:
            joined.cues = sorted([*joined.cues, *row.cues], key=lambda cue: cue.position)
            row.cues = []
    return sorted((row for row in rows if row.cues or row.others), key=lambda row: row.start_ms)


def _match_line_by_line(cues: list[Cue], others: list[Cue]) -> bool:
    """Tell whether both dubs have the same lines in the same places.

    Both must have the same number of cues, and each gap between counterparts must be shorter than the longer of the
    two. A language that needs more time falls behind, until its cues overlap the next cues of the other dub most.
    """
    return len(cues) == len(others) and all(
        _overlap_ms(one, two) > -max(one[1] - one[0], two[1] - two[0])
        for one, two in zip(map(span, cues), map(span, others), strict=True)
    )


def _shared_ms(cue: Cue, others: list[Cue]) -> int:
    """Return the longest overlap in milliseconds with one of the others, if it covers half of either cue, else 0.

    A shorter overlap belongs to a neighbour.
    """
    start, end = own = span(cue)
    longest = 0
    for other in map(span, others):
        overlap = _overlap_ms(own, other)
        if overlap * 2 >= min(end - start, other[1] - other[0]):
            longest = max(longest, overlap)
    return longest


def _overlap_ms(one: tuple[int, int], two: tuple[int, int]) -> int:
    """Return the overlap of two spans in milliseconds; a gap between them is a negative overlap."""
    return min(one[1], two[1]) - max(one[0], two[0])
