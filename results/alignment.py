"""Which lines of two dubs are read side by side?"""

from dataclasses import dataclass, field

from results.exports.cues import span
from results.exports.pairs import align
from results.models import Cue

_NEAR = 4


@dataclass
class Row:
    """Lines of the first dub, and those of the other that say the same; either may be none, not both."""

    cues: list[Cue] = field(default_factory=list)
    others: list[Cue] = field(default_factory=list)

    @property
    def start_ms(self) -> int:
        return min(lines[0].start_ms for lines in (self.cues, self.others) if lines)


def rows(cues: list[Cue], others: list[Cue]) -> list[Row]:
    """Put every line of both, which come in the order of time, into one row, by what overlaps most.

    Beyond what `align` finds, a line that was left without a counterpart joins the row of the line that says it
    together with its neighbour: two lines may stand beside one, or beside two.
    """
    found = [Row([pair.cue] if pair.cue else [], list(pair.others)) for pair in align(cues, others)]
    for place, row in enumerate(found):
        if row.others:
            continue
        near = found[max(place - _NEAR, 0) : place + _NEAR + 1]
        joined = max(near, key=lambda other: _shared(row.cues[0], other.others), default=None)
        if joined and _shared(row.cues[0], joined.others) > 0:
            joined.cues = sorted([*joined.cues, *row.cues], key=lambda cue: cue.position)
            row.cues = []
    return sorted((row for row in found if row.cues or row.others), key=lambda row: row.start_ms)


def _shared(cue: Cue, others: list[Cue]) -> int:
    """For how long the line is said together with the one of the others that is said most of it, if for half of
    either; less is a neighbour's."""
    start, end = span(cue)
    most = 0
    for other_start, other_end in map(span, others):
        together = min(end, other_end) - max(start, other_start)
        if together * 2 >= min(end - start, other_end - other_start):
            most = max(most, together)
    return most
