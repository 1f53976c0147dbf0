"""Cues as WebVTT captions."""

from collections.abc import Iterable

from results.exports.direction_marks import mark_lines
from results.models import Cue
from results.transcripts import timecode
from results.transcripts.cues import lines, span

# A player would read an unescaped `-->` as a timing line, and `<` and `&` as markup.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render(cues: Iterable[Cue], *, is_rtl: bool = False) -> str:
    """Return a WebVTT file, with direction marks if `is_rtl`.

    A cue's identifier is its position, by which the player finds the cue's line.
    """
    return "WEBVTT\n\n" + "\n".join(_block(cue, is_rtl) for cue in cues if cue.text.strip())


def _block(cue: Cue, is_rtl: bool) -> str:
    start, end = map(timecode.full, span(cue))
    text = "\n".join(mark_lines(lines(cue.text), is_rtl=is_rtl)).translate(_ESCAPES)
    if speaker := " ".join(lines(cue.speaker)).translate(_ESCAPES):
        # `-->` must not come about where the tag closes. Readers strip the space from the name.
        gap = " " if speaker.endswith("--") else ""
        text = f"<v {speaker}{gap}>{text}</v>"
    return f"{cue.position}\n{start} --> {end}\n{text}\n"
