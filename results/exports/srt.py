"""Cues as SubRip subtitles.

The format has no escapes and no place for speakers. An invisible word joiner, U+2060, breaks up any text that a
player would obey instead of show, such as a tag or a timing line. Only braces need more: libass, which mpv and
FFmpeg use, hides everything between them, joiners or not. So a pair of them is written in its full-width form. The
text still reads as it was spoken.
"""

import re
from collections.abc import Iterable

from results.exports.direction_marks import mark_lines
from results.models import Cue
from results.transcripts import timecode
from results.transcripts.alignment import AlignedCues
from results.transcripts.cues import lines, span

WORD_JOINER = "\u2060"
_CONTROL_SYNTAX = re.compile(
    "|".join(
        (
            r"<(?=[ /]*[a-z!]|[^<>]*>)",  # tags: FFmpeg also takes <1> and < b > for some
            r"\\(?=[nh{}])",  # the breaks and spaces of SubStation: \N, \n, \h
            r"&(?=[a-z]+;|#)",  # entities, which VLC before 3 reads
            r"--(?=>)",
            r"\d:(?=\d{1,2}:\d{1,2}[.,]\d)",  # a time with hours
        )
    ),
    re.IGNORECASE,
)
# For SubStation's {\an8}, MicroDVD's {y:i}, and any other text in braces, which libass takes for a comment.
_FULL_WIDTH = str.maketrans("{}", "｛｝")


def render(cues: Iterable[Cue], *, is_rtl: bool = False) -> str:
    """Return a SubRip file, with direction marks if `is_rtl`. Cues without text are left out."""
    return _file((*span(cue), mark_lines(_safe_lines(cue.text), is_rtl=is_rtl)) for cue in cues)


def render_bilingual(pairs: Iterable[AlignedCues], *, is_rtl: bool = False, is_other_rtl: bool = False) -> str:
    """Return a SubRip file with both languages, the first above the other, each with its own direction."""
    return _file(
        (
            *pair.span,
            [
                *mark_lines(_safe_lines(pair.text), is_rtl=is_rtl),
                *mark_lines(_safe_lines(pair.other_text), is_rtl=is_other_rtl),
            ],
        )
        for pair in pairs
    )


def _safe_lines(text: str) -> list[str]:
    """Return the lines of a text without anything that a player would obey."""
    joined = _CONTROL_SYNTAX.sub(rf"\g<0>{WORD_JOINER}", "\n".join(lines(text)))
    first, last = joined.find("{"), joined.rfind("}") + 1
    if 0 <= first < last:
        joined = joined[:first] + joined[first:last].translate(_FULL_WIDTH) + joined[last:]
    return joined.splitlines()


def _file(cues: Iterable[tuple[int, int, list[str]]]) -> str:
    """Return the file of these cues, numbered from 1."""
    shown = (cue for cue in cues if cue[2])
    return "\n".join(_block(number, *cue) for number, cue in enumerate(shown, start=1))


def _block(number: int, start: int, end: int, text: list[str]) -> str:
    timing = f"{timecode.full(start)} --> {timecode.full(end)}".replace(".", ",")
    return f"{number}\n{timing}\n" + "".join(f"{line}\n" for line in text)
