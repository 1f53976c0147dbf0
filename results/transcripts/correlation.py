"""Tells whether two transcripts begin their lines at the same times, as dubs of one original do."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

# Lines of two dubs begin together if they are no further apart than this, or than a share of the usual pause.
_MAX_TOLERANCE_MS = 500
_TOLERANCE_OF_PAUSE = 0.25
# The share of lines that must begin together beyond what chance brings, and how likely chance may bring as many: of
# few lines nearly all must, and of three lines all would do so too often by chance.
_ENOUGH = ((0.9, 2e-2), (0.45, 1e-3), (0.2, 1e-6))
# One dub may say in one line what another says in several, but not in very many.
_MIN_RATIO_OF_LINES = 0.4


def correlate(starts: Sequence[int], others: Sequence[int]) -> bool:
    """Tell whether lines that start at these times, in milliseconds, belong to one original.

    Both are in time order. One may be shifted or stretched against the other, as by a longer logo at the beginning.
    """
    fewer, more = sorted((starts, others), key=len)
    if len(fewer) < _MIN_RATIO_OF_LINES * len(more) or len(fewer) < 2:
        return False
    stretch = (more[-1] - more[0]) / max(fewer[-1] - fewer[0], 1)
    shifted = [start - fewer[0] + more[0] for start in fewer]
    stretched = [round((start - fewer[0]) * stretch) + more[0] for start in fewer]
    # A shift makes one pair begin together, and a stretch another: these are no evidence.
    return any(_begin_together(times, more, given) for given, times in enumerate((fewer, shifted, stretched)))


def _begin_together(fewer: Sequence[int], more: Sequence[int], given: int) -> bool:
    """Tell whether enough of these lines have a counterpart, besides the `given` pairs that certainly have one."""
    pauses = [after - before for before, after in pairwise(more)]
    tolerance = min(_MAX_TOLERANCE_MS, _TOLERANCE_OF_PAUSE * statistics.median(pauses))
    if tolerance <= 0:
        return False
    by_chance = 1 - math.exp(-2 * tolerance * len(more) / max(more[-1] - more[0], 1))
    common, total = _count_common(fewer, more, tolerance) - given, len(fewer) - given
    if total < 1:
        return False
    excess = (common / total - by_chance) / (1 - by_chance)
    likelihood = _tail(common, total, by_chance)
    return any(excess >= share and likelihood <= chance for share, chance in _ENOUGH)


def _count_common(fewer: Sequence[int], more: Sequence[int], tolerance: float) -> int:
    """Return how many of the times have a counterpart within the tolerance, each counterpart for one of them."""
    common = place = 0
    for start in fewer:
        while place < len(more) and more[place] < start - tolerance:
            place += 1
        if place < len(more) and more[place] <= start + tolerance:
            common += 1
            place += 1
    return common


def _tail(common: int, total: int, by_chance: float) -> float:
    """Return how likely at least this many of all begin together by chance."""
    return sum(
        math.comb(total, count) * by_chance**count * (1 - by_chance) ** (total - count)
        for count in range(common, total + 1)
    )
