"""Which lines would a reviewer look at twice, and why?

Reading speeds, in characters a second, are those of the subtitling guides that the trade goes by (Netflix's Timed
Text Style Guides, for adults): 20 for alphabets, 22 for the scripts of India, 17 for Thai, its neighbours and
Hebrew, 12 for Korean, 9 for Chinese. Japanese is read as Chinese here: its guide's 4 is for subtitles that shorten
what is said, and a dub's lines are what is said. Marks above and below a letter take no time.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from math import ceil

from django.utils.translation import gettext as _

from results.models import Cue

SPEED = 20
SPEEDS = {"han": 9, "hangul": 12, "thai": 17, "hebrew": 17, "indic": 22}
SUBTITLE_SECONDS = 7
"""No subtitle stands longer: a line with more text than can be read in this time cannot be one subtitle."""
LONG_MS = 15_000
GAP_MS = 10_000
OVERLAP_MS = 40
"""A frame: less is rounding."""

_SCRIPT = re.compile(
    r"(?P<han>[\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
    r"|(?P<hangul>[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3])"
    r"|(?P<thai>[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff])"
    r"|(?P<hebrew>[\u0590-\u05ff])"
    r"|(?P<indic>[\u0900-\u0dff])"
    r"|(?P<alphabet>\w)"
)
_WITHOUT_WIDTH = {"Mn", "Me", "Cf", "Cc"}


class Kind(Enum):
    EMPTY = "empty"
    UNTIMED = "untimed"
    FAST = "fast"
    LONG = "long"
    OVERLAP = "overlap"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class ReviewCheck:
    """Why to look; `amount` is in characters a second for FAST, in seconds for OVERLAP and GAP."""

    kind: Kind
    amount: float = 0

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


def review_checks(cues: Sequence[Cue]) -> list[tuple[ReviewCheck, ...]]:
    """Return the hints on each of a dub's cues, which come in the order of time."""
    silent_from = accumulate((cue.end_ms for cue in cues), max)
    following = [*(cue.start_ms for cue in cues[1:]), None][: len(cues)]
    return [
        (*_of_text(cue), *_of_time(cue, silent_ms, next_ms))
        for cue, silent_ms, next_ms in zip(cues, silent_from, following, strict=True)
    ]


def speed_for(text: str) -> int:
    """Return how many characters of this text, by the script most of it is in, are read in a second."""
    if text.isascii():
        return SPEED
    scripts = Counter(found.lastgroup for found in _SCRIPT.finditer(text)).most_common(1)
    return SPEEDS.get(scripts[0][0] or "", SPEED) if scripts else SPEED


def length(text: str) -> int:
    """Return how many characters a reader meets: marks and invisible signs are none, a run of spaces is one."""
    text = " ".join(text.split())
    return (
        len(text) if text.isascii() else sum(unicodedata.category(letter) not in _WITHOUT_WIDTH for letter in text)
    )


def _of_text(cue: Cue) -> Iterator[ReviewCheck]:
    if not cue.text.strip():
        yield ReviewCheck(Kind.EMPTY)
        return
    seconds = (cue.end_ms - cue.start_ms) / 1000
    if seconds <= 0:
        yield ReviewCheck(Kind.UNTIMED)
        return
    is_long = cue.end_ms - cue.start_ms > LONG_MS
    # Most lines are slow for every script, and need no closer look.
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
