"""Which cues of two dubs say the same?"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from results.exports.cues import span
from results.models import Cue

# A cue is compared with this many around its moment: two dubs of a run differ by far less, and the time it takes
# stays in proportion to their length whatever their times are.
_NEAR = 8


@dataclass
class Pair:
    """A cue of the first dub, or none, and what the other says meanwhile: one cue, several, or none."""

    cue: Cue | None = None
    others: list[Cue] = field(default_factory=list)

    @property
    def _leading(self) -> Cue:
        return self.cue or self.others[0]

    @property
    def span(self) -> tuple[int, int]:
        return span(self._leading)

    @property
    def speaker(self) -> str:
        return self._leading.speaker

    @property
    def text(self) -> str:
        return self.cue.text if self.cue else ""

    @property
    def other_text(self) -> str:
        return "\n".join(cue.text for cue in self.others)


def align(cues: Iterable[Cue], others: Iterable[Cue]) -> list[Pair]:
    """Put each cue of the other dub to that of the first which says the same; else it stands alone.

    That is the one in its place where the dubs go line by line, and elsewhere the one that it overlaps most. Every
    cue of either is in exactly one pair, and pairs are in the order of time. Both must come in theirs.
    """
    cues, others = list(cues), list(others)
    if _go_line_by_line(cues, others):
        return [Pair(cue, [other]) for cue, other in zip(cues, others, strict=True)]
    pairs = [Pair(cue) for cue in cues]
    alone = []
    spans = [pair.span for pair in pairs]
    starts = [start for start, _ in spans]
    for other in others:
        own = span(other)
        place = bisect_right(starts, own[0])
        near = range(max(place - _NEAR, 0), min(place + _NEAR, len(pairs)))
        best = max(near, key=lambda number: _overlap(spans[number], own), default=-1)
        if best >= 0 and _overlap(spans[best], own) > 0:
            pairs[best].others.append(other)
        else:
            alone.append(Pair(others=[other]))
    return sorted(pairs + alone, key=lambda pair: pair.span[0])


def _go_line_by_line(cues: list[Cue], others: list[Cue]) -> bool:
    """Have they as many lines, each nearer to its counterpart than the longer of the two lasts?

    A language that needs longer falls behind, until its lines overlap the next ones of the other most.
    """
    return len(cues) == len(others) and all(
        _overlap(one, two) > -max(one[1] - one[0], two[1] - two[0])
        for one, two in zip(map(span, cues), map(span, others), strict=True)
    )


def _overlap(one: tuple[int, int], two: tuple[int, int]) -> int:
    return min(one[1], two[1]) - max(one[0], two[0])
