"""How are cues written as SubRip?

The format has no escapes and no place for speakers. What a player would obey instead of show (a tag, a timing line)
is broken up by an invisible word joiner, U+2060: it is read, and looks, as it was said.
"""

import re
from collections.abc import Iterable

from results.models import Cue
from results.transcripts import timecode
from results.transcripts.alignment import AlignedCues
from results.transcripts.cues import lines, span

WORD_JOINER = "\u2060"
# Tags as of HTML (<i>), of SubStation ({\an8}) and of MicroDVD ({y:i}), an arrow, and a time with its hours.
_OBEYED = re.compile(r"<(?=[a-z/!])|\{(?=[\\a-z])|--(?=>)|\d:(?=\d{1,2}:\d{1,2}[.,]\d)", re.IGNORECASE)


def render(cues: Iterable[Cue]) -> str:
    return _file((*span(cue), lines(cue.text)) for cue in cues)


def render_bilingual(pairs: Iterable[AlignedCues]) -> str:
    """Return one file with both languages, the first above the other."""
    return _file((*pair.span, [*lines(pair.text), *lines(pair.other_text)]) for pair in pairs)


def _file(cues: Iterable[tuple[int, int, list[str]]]) -> str:
    shown = (cue for cue in cues if cue[2])
    return "\n".join(_block(number, *cue) for number, cue in enumerate(shown, start=1))


def _block(number: int, start: int, end: int, text: list[str]) -> str:
    timing = f"{timecode.full(start)} --> {timecode.full(end)}".replace(".", ",")
    said = _OBEYED.sub(rf"\g<0>{WORD_JOINER}", "\n".join(text))
    return f"{number}\n{timing}\n{said}\n"
