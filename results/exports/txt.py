"""Cues as plain text: in paragraphs, in lines with times and names, or only the spoken words."""

from collections.abc import Iterable
from itertools import groupby

from results.exports.direction_marks import mark_lines
from results.models import Cue, Dub
from results.transcripts import languages, timecode
from results.transcripts.cues import lines


def render(dub: Dub, cues: Iterable[Cue], *, is_rtl: bool = False) -> str:
    """Return a paragraph for each turn of a speaker, under the speaker's name. `is_rtl` adds direction marks."""
    space = " " if languages.has_spaces(dub.language) else ""
    turns = groupby(filter(_line, cues), key=_speaker)
    paragraphs = ([*filter(None, [speaker]), space.join(map(_line, turn))] for speaker, turn in turns)
    return "\n".join(_text(paragraph, is_rtl) for paragraph in paragraphs)


def render_lines(cues: Iterable[Cue], *, is_rtl: bool = False) -> str:
    """Return a line for each cue: `[1:02] Anna: The spoken words`."""
    spoken = ((cue, _speaker(cue)) for cue in cues if _line(cue))
    timed = (
        f"[{timecode.short(max(cue.start_ms, 0))}] {f'{speaker}: ' if speaker else ''}{_line(cue)}"
        for cue, speaker in spoken
    )
    return _text(timed, is_rtl)


def render_words(cues: Iterable[Cue], *, is_rtl: bool = False) -> str:
    """Return a line for each cue with only the spoken words."""
    return _text(filter(None, map(_line, cues)), is_rtl)


def _text(lines: Iterable[str], is_rtl: bool) -> str:
    return "".join(f"{line}\n" for line in mark_lines(list(lines), is_rtl=is_rtl))


def _line(cue: Cue) -> str:
    return " ".join(lines(cue.text))


def _speaker(cue: Cue) -> str:
    return " ".join(lines(cue.speaker))
