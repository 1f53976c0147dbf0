"""Which characters belong together, and where each character of a folded text comes from."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate

from results.transcripts.letters import fold


def ranges(codes: Iterable[int]) -> str:
    """Return ascending code points as the inside of a regular expression's character class."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in spans)


PICTOGRAPHS = "\u2190-\u2bff\U0001f000-\U0001faff"
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_FLAG_LETTERS = "\U0001f1e6-\U0001f1ff"
FLAG = f"[{_FLAG_LETTERS}]{{2}}"
# Above 0x1F000 there are only tags and variation selectors, which fold away.
MARK_CODES = [code for code in range(0x300, 0x1F000) if unicodedata.category(chr(code))[0] == "M"]
MARKS = ranges(MARK_CODES)

# Characters that belong to the one before them: marks, the later letters of a Hangul syllable written apart,
# half-width sound marks, joiners, the tags of a flag; a Hangul vowel that may stand alone only after a consonant.
# NFKC composes nothing across the edge of such a cluster, so each is folded alone.
_EXTENDERS = (
    f"{MARKS}\U000e0020-\U000e007f\U000e0100-\U000e01ef\u200c\u200d{_SKIN_TONES}"
    "\u1160-\u11ff\ud7b0-\ud7fb\uff9e-\uffa0"
)
_VOWELS = "\u314f-\u3164\uffc2-\uffdc"
_CONSONANTS = "\u1100-\u115f\u3131-\u314e\ua960-\ua97c\uffa1-\uffbe"
_NEVER_ALONE = re.compile(f"[{_EXTENDERS}{_VOWELS}{_FLAG_LETTERS}]")
CLUSTER = re.compile(
    f"{FLAG}|.(?:[{_EXTENDERS}]|(?<=\u200d)[{PICTOGRAPHS}]|(?<=[{_CONSONANTS}])[{_VOWELS}])*", re.DOTALL
)

_fold_cluster = lru_cache(maxsize=10_000)(fold)
# No folded text has a NUL, as control characters become spaces.
_CLUSTERED = "\0"


class _OneByOne(dict[int, str]):
    """Caches the folded form of each character, so that `str.translate` runs at C speed.

    It is _CLUSTERED for a character that folds to none, to several, or together with others.
    """

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        folded = fold(letter)
        self[code] = _CLUSTERED if len(folded) != 1 or _NEVER_ALONE.match(letter) else folded
        return self[code]


_ONE_BY_ONE = _OneByOne()


def align(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return the folded text, and where the original of each of its characters starts and ends."""
    if text.isascii():
        return text.lower(), range(len(text)), range(1, len(text) + 1)
    # Most texts of most scripts fold letter by letter.
    if _CLUSTERED not in (one_by_one := text.translate(_ONE_BY_ONE)):
        return one_by_one, range(len(text)), range(1, len(text) + 1)
    clusters = CLUSTER.findall(text)
    pieces = list(map(_fold_cluster, clusters))
    edges = [0, *accumulate(map(len, clusters))]
    starts = [start for piece, start in zip(pieces, edges, strict=False) for _ in piece]
    ends = [end for piece, end in zip(pieces, edges[1:], strict=True) for _ in piece]
    return "".join(pieces), starts, ends
