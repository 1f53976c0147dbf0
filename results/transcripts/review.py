"""Review checks: the lines of a dub that a reviewer should look at, and the reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from math import ceil

from django.utils.translation import gettext as _

from results.models import Cue
from results.transcripts import languages
from results.transcripts.reading_speed import SPEEDS, length, speed_for

SUBTITLE_SECONDS = 7
"""The longest time that a subtitle is shown. A line with more text than this time allows cannot be one subtitle."""
LONG_MS = 15_000
GAP_MS = 10_000
OVERLAP_MS = 40
"""One frame; a shorter overlap is a rounding error."""


class Kind(Enum):
    EMPTY = "empty"
    UNTIMED = "untimed"
    FAST = "fast"
    LONG = "long"
    OVERLAP = "overlap"
    GAP = "gap"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class ReviewCheck:
    """A reason to look at a line; `amount` is in characters a second for FAST, in seconds for OVERLAP and GAP.

    `language` is the tag that a FOREIGN line is in.
    """

    kind: Kind
    amount: float = 0
    language: str = ""

    def __str__(self) -> str:
        match self.kind:
            case Kind.EMPTY:
                return _("no text")
            case Kind.UNTIMED:
                return _("no length")
            case Kind.FAST:
                return _("%(n)d characters a second") % {"n": ceil(self.amount)}
            case Kind.LONG:
                return _("very long")
            case Kind.OVERLAP:
                return _("overlaps the next by %(n).1f s") % {"n": self.amount}
            case Kind.GAP:
                return _("%(n)d s of silence after it") % {"n": round(self.amount)}
            case Kind.FOREIGN:
                return _("in %(language)s") % {"language": languages.name(self.language)}


def review_checks(
    cues: Sequence[Cue], foreign: Sequence[tuple[int, int, str]] = ()
) -> list[tuple[ReviewCheck, ...]]:
    """Return the review checks of each of a dub's cues. The cues must be in time order.

    `foreign` holds the dub's stretches of lines in another language, each (first position, last position, tag).
    """
    in_language = {
        position: ReviewCheck(Kind.FOREIGN, language=tag)
        for first, last, tag in foreign
        for position in range(first, last + 1)
    }
    silent_from = accumulate((cue.end_ms for cue in cues), max)
    following = [*(cue.start_ms for cue in cues[1:]), None][: len(cues)]
    return [
        (*_of_text(cue), *_of_time(cue, silent_ms, next_ms), *_if_any(in_language.get(cue.position)))
        for cue, silent_ms, next_ms in zip(cues, silent_from, following, strict=True)
    ]


def _if_any(check: ReviewCheck | None) -> tuple[ReviewCheck, ...]:
    return (check,) if check else ()


def _of_text(cue: Cue) -> Iterator[ReviewCheck]:
    if not cue.text.strip():
        yield ReviewCheck(Kind.EMPTY)
        return
    seconds = (cue.end_ms - cue.start_ms) / 1000
    if seconds <= 0:
        yield ReviewCheck(Kind.UNTIMED)
        return
    is_long = cue.end_ms - cue.start_ms > LONG_MS
    # Most lines are slow enough for every script and skip the costly count of scripts.
    if len(cue.text) > min(SPEEDS.values()) * min(seconds, SUBTITLE_SECONDS):
        speed, letters = speed_for(cue.text), length(cue.text)
        if letters > speed * seconds:
            yield ReviewCheck(Kind.FAST, letters / seconds)
        is_long = is_long or letters > speed * SUBTITLE_SECONDS
    if is_long:
        yield ReviewCheck(Kind.LONG)


def _of_time(cue: Cue, silent_ms: int, next_ms: int | None) -> Iterator[ReviewCheck]:
    if next_ms is None:
        return
    if cue.end_ms - next_ms > OVERLAP_MS and cue.end_ms > cue.start_ms:
        yield ReviewCheck(Kind.OVERLAP, (cue.end_ms - next_ms) / 1000)
    elif next_ms - silent_ms > GAP_MS:
        yield ReviewCheck(Kind.GAP, (next_ms - silent_ms) / 1000)
