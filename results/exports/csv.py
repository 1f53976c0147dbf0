"""How are cues written as a table for spreadsheets?"""

import csv
import re
from collections.abc import Iterable
from io import StringIO

from results import timecode
from results.exports.cues import span
from results.exports.pairs import Pair
from results.models import Cue

# What makes a spreadsheet take a cell for a formula, also behind quotes and spaces (OWASP ASVS 5, 1.2.10); in East
# Asian settings the full-width signs do too.
_FORMULA = re.compile(r"""['"\s]*[=+\-@\t\r\0＝＋－＠]""")


def render(cues: Iterable[Cue]) -> str:
    header = ("position", "start", "end", "speaker", "text")
    return table(header, ((cue.position, *_clocks(*span(cue)), cue.speaker, cue.text) for cue in cues))


def render_pairs(pairs: Iterable[Pair], language: str, other_language: str) -> str:
    header = ("start", "end", "speaker", language, other_language)
    return table(header, ((*_clocks(*pair.span), pair.speaker, pair.text, pair.other_text) for pair in pairs))


def _clocks(start: int, end: int) -> tuple[str, str]:
    return timecode.full(start), timecode.full(end)


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a CSV file as RFC 4180 has it, with the byte order mark by which Excel knows that it is UTF-8."""
    file = StringIO(newline="")
    write = csv.writer(file).writerow
    write(header)
    for row in rows:
        write(map(_guarded, row))
    return "\ufeff" + file.getvalue()


def _guarded(value: object) -> object:
    """Put a single quote before what a spreadsheet would compute; whoever reads the file by program takes it off.

    Numbers of ours stay numbers.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
