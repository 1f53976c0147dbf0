"""How are cues written as a table for spreadsheets?"""

import csv
import re
from collections.abc import Iterable, Iterator
from io import SEEK_END, StringIO

from results.models import Cue
from results.transcripts import timecode
from results.transcripts.alignment import AlignedCues
from results.transcripts.cues import span

# What makes a spreadsheet take a cell for a formula, also behind quotes and spaces (OWASP ASVS 5, 1.2.10); in East
# Asian settings the full-width signs do too.
_FORMULA = re.compile(r"""['"\s]*[=+\-@\t\r\0＝＋－＠]""")
# Characters, about, that are written before some are sent.
_PIECE = 64_000


def render(cues: Iterable[Cue]) -> str:
    header = ("position", "start", "end", "speaker", "text")
    return table(header, ((cue.position, *_clocks(*span(cue)), cue.speaker, cue.text) for cue in cues))


def render_bilingual(pairs: Iterable[AlignedCues], language: str, other_language: str) -> str:
    header = ("start", "end", "speaker", language, other_language)
    return table(header, ((*_clocks(*pair.span), pair.speaker, pair.text, pair.other_text) for pair in pairs))


def _clocks(start: int, end: int) -> tuple[str, str]:
    return timecode.full(start), timecode.full(end)


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return the file that `pieces` yields."""
    return "".join(pieces(header, rows))


def pieces(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield a CSV file as RFC 4180 has it, with the byte order mark by which Excel knows that it is UTF-8."""
    file = StringIO("\ufeff", newline="")
    write = csv.writer(file).writerow
    file.seek(0, SEEK_END)
    write(header)
    for row in rows:
        write(map(_guarded, row))
        if file.tell() > _PIECE:
            yield file.getvalue()
            file.seek(0)
            file.truncate()
    yield file.getvalue()


def _guarded(value: object) -> object:
    """Put a single quote before what a spreadsheet would compute; whoever reads the file by program takes it off.

    Numbers of ours stay numbers.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
