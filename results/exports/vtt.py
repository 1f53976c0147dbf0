"""How are cues written as WebVTT?"""

from collections.abc import Iterable

from results import timecode
from results.models import Cue

# A bare `-->` would be read as a timing line, and `<` and `&` as markup; NUL is not allowed in the format.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"})


def render(cues: Iterable[Cue]) -> str:
    """Return a WebVTT file; a cue is identified by its position, which leads from the player to its line."""
    return "WEBVTT\n\n" + "\n".join(_block(cue) for cue in cues if cue.text.strip())


def _block(cue: Cue) -> str:
    start = max(cue.start_ms, 0)
    # A cue that ends when it starts is not valid and never shown.
    end = max(cue.end_ms, start + 1)
    # A blank line would end the cue, and what follows it would be read as the next one.
    text = "\n".join(line for line in cue.text.translate(_ESCAPES).splitlines() if line.strip())
    if cue.speaker.strip():
        text = f"<v {' '.join(cue.speaker.translate(_ESCAPES).split())}>{text}</v>"
    return f"{cue.position}\n{timecode.full(start)} --> {timecode.full(end)}\n{text}\n"
