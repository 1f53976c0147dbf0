"""What of a cue may stand in a subtitle file?"""

from results.models import Cue


def span(cue: Cue) -> tuple[int, int]:
    """Return from when to when it is shown, in milliseconds.

    A cue that ends when it starts, or before, is not valid and never shown: it gets one millisecond.
    """
    start = max(cue.start_ms, 0)
    return start, max(cue.end_ms, start + 1)


def lines(text: str) -> list[str]:
    """Return its lines. A blank one would end the cue, and what follows it would be read as the next one."""
    return [line.strip() for line in text.replace("\0", "\ufffd").splitlines() if line.strip()]
