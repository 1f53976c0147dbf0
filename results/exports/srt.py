"""Cues as SubRip subtitles.

The format has no escapes and no place for speakers. An invisible word joiner, U+2060, breaks up any text that a
player would obey instead of show, such as a tag or a timing line. The text still looks and reads as it was spoken.
"""

import re
from collections.abc import Iterable

from results.models import Cue
from results.transcripts import timecode
from results.transcripts.alignment import AlignedCues
from results.transcripts.cues import lines, span

WORD_JOINER = "\u2060"
# Tags of HTML (<i>), SubStation ({\an8}) and MicroDVD ({y:i}), the arrow, and a time with hours.
_CONTROL_SYNTAX = re.compile(r"<(?=[a-z/!])|\{(?=[\\a-z])|--(?=>)|\d:(?=\d{1,2}:\d{1,2}[.,]\d)", re.IGNORECASE)


def render(cues: Iterable[Cue]) -> str:
    """Return a SubRip file. Cues without text are left out, and the others numbered from 1."""
    return _file((*span(cue), lines(cue.text)) for cue in cues)


def render_bilingual(pairs: Iterable[AlignedCues]) -> str:
    """Return a SubRip file with both languages, the first above the other."""
    return _file((*pair.span, [*lines(pair.text), *lines(pair.other_text)]) for pair in pairs)


def _file(cues: Iterable[tuple[int, int, list[str]]]) -> str:
    shown = (cue for cue in cues if cue[2])
    return "\n".join(_block(number, *cue) for number, cue in enumerate(shown, start=1))


def _block(number: int, start: int, end: int, text: list[str]) -> str:
    timing = f"{timecode.full(start)} --> {timecode.full(end)}".replace(".", ",")
    payload = _CONTROL_SYNTAX.sub(rf"\g<0>{WORD_JOINER}", "\n".join(text))
    return f"{number}\n{timing}\n{payload}\n"
