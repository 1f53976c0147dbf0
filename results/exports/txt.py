"""Cues as plain text: in paragraphs, in lines with times and names, or only the spoken words."""

from collections.abc import Iterable
from itertools import groupby

from results.models import Cue, Dub
from results.transcripts import languages, timecode
from results.transcripts.cues import lines


def render(dub: Dub, cues: Iterable[Cue]) -> str:
    """Return a paragraph for each turn of a speaker, under the speaker's name."""
    space = " " if languages.has_spaces(dub.language) else ""
    turns = groupby(filter(_line, cues), key=_speaker)
    return "\n".join(
        f"{speaker}\n{text}\n" if speaker else f"{text}\n"
        for speaker, text in ((speaker, space.join(map(_line, turn))) for speaker, turn in turns)
    )


def render_lines(cues: Iterable[Cue]) -> str:
    """Return a line for each cue: `[1:02] Anna: The spoken words`."""
    spoken = ((cue, _speaker(cue)) for cue in cues if _line(cue))
    return "".join(
        f"[{timecode.short(max(cue.start_ms, 0))}] {f'{speaker}: ' if speaker else ''}{_line(cue)}\n"
        for cue, speaker in spoken
    )


def render_words(cues: Iterable[Cue]) -> str:
    """Return a line for each cue with only the spoken words."""
    return "".join(f"{line}\n" for line in map(_line, cues) if line)


def _line(cue: Cue) -> str:
    return " ".join(lines(cue.text))


def _speaker(cue: Cue) -> str:
    return " ".join(lines(cue.speaker))
