"""The times and lines of a cue that are valid in every subtitle format."""

from results.models import Cue


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
