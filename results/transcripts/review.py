"""Review checks: the lines of a dub that a reviewer should look at, and the reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from math import ceil

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from results.models import Cue
from results.transcripts import languages
from results.transcripts.reading_speed import length
from results.transcripts.review_limits import DubLimits, ReviewLimits

SUBTITLE_SECONDS = 7
"""The longest time that a subtitle is shown. A line with more text than this time allows cannot be one subtitle."""
LONG_MS = 15_000


class Kind(StrEnum):
    """The kinds of review checks, from the most to the least severe."""

    EMPTY = "empty"
    UNTIMED = "untimed"
    FOREIGN = "foreign"
    OVERLAP = "overlap"
    FAST = "fast"
    LONG = "long"
    GAP = "gap"

    @property
    def severity(self) -> int:
        """The kind's place among all kinds; 0 is the most severe."""
        return list(Kind).index(self)

    @property
    def label(self) -> str:
        match self:
            case Kind.EMPTY:
                return _("No text")
            case Kind.UNTIMED:
                return _("No length")
            case Kind.FOREIGN:
                return _("Another language")
            case Kind.OVERLAP:
                return _("Overlap")
            case Kind.FAST:
                return _("Fast")
            case Kind.LONG:
                return _("Long")
            case Kind.GAP:
                return _("Gap")


@dataclass(frozen=True, slots=True)
class ReviewCheck:
    """A reason to look at a line.

    `amount` and `limit` are in characters a second for FAST, in seconds for OVERLAP and GAP, and for LONG in
    seconds, or in characters if `is_of_text`. `language` is the tag that a FOREIGN line is in.
    """

    kind: Kind
    amount: float = 0
    limit: int = 0
    is_of_text: bool = False
    language: str = ""

    def __str__(self) -> str:
        """Say what is wrong, by how much, and what the limit is."""
        return _in_words(self, get_language())


@lru_cache(maxsize=2000)
def _in_words(check: ReviewCheck, _language: str | None) -> str:
    name, amount = check.kind.label, ceil(check.amount)
    match check.kind:
        case Kind.EMPTY | Kind.UNTIMED:
            return name
        case Kind.FOREIGN:
            return f"{name}: {languages.name(check.language)}"
        case Kind.OVERLAP:
            details = _("%(n).1f s into the next line") % {"n": check.amount}
        case Kind.FAST:
            details = _("%(n)d characters/s, limit %(limit)d") % {"n": amount, "limit": check.limit}
        case Kind.LONG if check.is_of_text:
            details = _("%(n)d characters, limit %(limit)d") % {"n": amount, "limit": check.limit}
        case Kind.LONG:
            details = _("%(n)d s, limit %(limit)d s") % {"n": amount, "limit": check.limit}
        case Kind.GAP:
            details = _("%(n)d s of silence after this line") % {"n": round(check.amount)}
    return f"{name}: {details}"


def review_checks(
    cues: Sequence[Cue],
    foreign: Sequence[tuple[int, int, str]] = (),
    limits: DubLimits = DubLimits(ReviewLimits(), ""),  # noqa: B008  (it is immutable)
    *,
    silent_from_ms: int | None = None,
    next_ms: int | None = None,
) -> list[tuple[ReviewCheck, ...]]:
    """Return the review checks of each of a dub's cues. The cues must be in time order.

    `foreign` holds the dub's stretches of lines in another language, each (first position, last position, tag).
    For some cues of a dub, `silent_from_ms` is when the last cue before them ends, `next_ms` when the next begins.
    """
    in_language = {
        position: ReviewCheck(Kind.FOREIGN, language=tag)
        for first, last, tag in foreign
        for position in range(first, last + 1)
    }
    ends = (cue.end_ms for cue in cues)
    silent_from = accumulate(ends if silent_from_ms is None else (max(silent_from_ms, end) for end in ends), max)
    following = [*(cue.start_ms for cue in cues[1:]), next_ms][: len(cues)]
    return [
        (
            *_of_text(cue, limits),
            *_of_time(cue, silent_ms, next_ms, limits.limits),
            *_if_any(in_language.get(cue.position)),
        )
        for cue, silent_ms, next_ms in zip(cues, silent_from, following, strict=True)
    ]


def _if_any(check: ReviewCheck | None) -> tuple[ReviewCheck, ...]:
    return (check,) if check else ()


def _of_text(cue: Cue, limits: DubLimits) -> Iterator[ReviewCheck]:
    if not cue.text.strip():
        yield ReviewCheck(Kind.EMPTY)
        return
    seconds = (cue.end_ms - cue.start_ms) / 1000
    if seconds <= 0:
        yield ReviewCheck(Kind.UNTIMED)
        return
    letters, speed = len(cue.text), 0
    # Most lines are slow enough for every script and skip the costly count of scripts.
    if letters > limits.lowest_speed * min(seconds, SUBTITLE_SECONDS):
        speed, letters = limits.speed_for(cue.text), length(cue.text)
        if letters > speed * seconds:
            yield ReviewCheck(Kind.FAST, letters / seconds, speed)
    if speed and letters > speed * SUBTITLE_SECONDS:
        yield ReviewCheck(Kind.LONG, letters, speed * SUBTITLE_SECONDS, is_of_text=True)
    elif cue.end_ms - cue.start_ms > LONG_MS:
        yield ReviewCheck(Kind.LONG, seconds, LONG_MS // 1000)


def _of_time(cue: Cue, silent_ms: int, next_ms: int | None, limits: ReviewLimits) -> Iterator[ReviewCheck]:
    if next_ms is None:
        return
    if cue.end_ms - next_ms > limits.overlap_ms and cue.end_ms > cue.start_ms:
        yield ReviewCheck(Kind.OVERLAP, (cue.end_ms - next_ms) / 1000)
    elif next_ms - silent_ms > limits.gap_ms:
        yield ReviewCheck(Kind.GAP, (next_ms - silent_ms) / 1000)
