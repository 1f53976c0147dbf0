"""The times and lines of a cue that are valid in every subtitle format, and the direction of many cues."""

from collections.abc import Iterable
from itertools import islice

from results.models import Cue
from results.transcripts import languages

# The cues whose letters decide the direction of a dub without a language.
_CUES_READ = 200


def span(cue: Cue) -> tuple[int, int]:
    """Return the start and end of a cue in milliseconds, with a start of at least 0 and a duration of at least 1.

    A cue that ends at or before its start is invalid in subtitle formats, and no player shows it.
    """
    start = max(cue.start_ms, 0)
    return start, max(cue.end_ms, start + 1)


def lines(text: str) -> list[str]:
    """Return the lines of a text without blank lines.

    A blank line would end the cue, and a player would read the lines after it as the next cue.
    """
    return [line.strip() for line in text.replace("\0", "\ufffd").splitlines() if line.strip()]


def direction(language: str, cues: Iterable[Cue]) -> str:
    """Return the direction in which a dub's lines are laid out, `ltr` or `rtl`, whatever each begins with."""
    return languages.direction(language, "".join(cue.text for cue in islice(cues, _CUES_READ)))
