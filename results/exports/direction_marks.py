"""Direction marks: invisible characters that make players and editors lay out a line right to left.

Players differ in the direction they start from: libass (mpv, FFmpeg) and VLC start left to right, browsers and most
editors from the first letter, which may be Latin. A right-to-left mark decides it for the latter, and an embedding
around the whole line for all. Isolates would be simpler, but FriBidi before 1.0 and older Windows ignore them.
"""

_BEGIN = "\N{RIGHT-TO-LEFT MARK}\N{RIGHT-TO-LEFT EMBEDDING}"
_END = "\N{POP DIRECTIONAL FORMATTING}"


def mark_lines(lines: list[str], *, is_rtl: bool) -> list[str]:
    """Return the lines, with marks around each one if they are to be laid out right to left."""
    return [f"{_BEGIN}{line}{_END}" for line in lines] if is_rtl else lines
