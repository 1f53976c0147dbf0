"""Cues as a CSV table that is safe to open in a spreadsheet."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import SEEK_END, StringIO

from results.models import Cue
from results.transcripts import timecode
from results.transcripts.alignment import AlignedCues
from results.transcripts.cues import span
from results.transcripts.dub_checks import DubCheck

# The characters that make a spreadsheet take a cell for a formula, also after quotes and spaces (OWASP ASVS 5,
# 1.2.10). In East Asian settings the full-width signs have the same effect.
_FORMULA = re.compile(r"""['"\s]*[=+\-@\t\r\0＝＋－＠]""")
# Where the list separator is `;` or a tab, as in much of Europe, a spreadsheet sees no cell in quotes. It begins a
# new cell at each of these characters.
_SEPARATOR_BEFORE_FORMULA = re.compile(r"""([;\t\r\n])(?=(?:['"]|[^\S\t\r\n])*[=+\-@\0＝＋－＠])""")
_PIECE_CHARACTERS = 64_000
"""About the length of each piece that `csv_pieces` yields."""


def render(cues: Iterable[Cue]) -> str:
    """Return a CSV file with a row for each cue."""
    header = ("position", "start", "end", "speaker", "text")
    return csv_table(header, ((cue.position, *_timecodes(*span(cue)), cue.speaker, cue.text) for cue in cues))


def render_checks(cues: Iterable[Cue], checks: Iterable[Sequence[DubCheck]]) -> str:
    """Return a CSV file with a row for each review check of a cue, dismissed ones too."""
    header = ("position", "start", "end", "speaker", "text", "kind", "details", "dismissed")
    rows = (
        (cue.position, *_timecodes(*span(cue)), cue.speaker, cue.text, *_cells(check))
        for cue, of_cue in zip(cues, checks, strict=True)
        for check in of_cue
    )
    return csv_table(header, rows)


def _cells(found: DubCheck) -> tuple[str, str, str]:
    return found.check.kind.value, str(found.check), found.dismissed.reason if found.dismissed else ""


def render_bilingual(pairs: Iterable[AlignedCues], language: str, other_language: str) -> str:
    """Return a CSV file with a row for each pair, and a column for each language, named after it."""
    header = ("start", "end", "speaker", language, other_language)
    return csv_table(
        header, ((*_timecodes(*pair.span), pair.speaker, pair.text, pair.other_text) for pair in pairs)
    )


def _timecodes(start: int, end: int) -> tuple[str, str]:
    return timecode.full(start), timecode.full(end)


def csv_table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return the whole file that `csv_pieces` yields."""
    return "".join(csv_pieces(header, rows))


def csv_pieces(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield a CSV file as defined by RFC 4180, with a byte order mark, from which Excel recognises UTF-8."""
    file = StringIO("\ufeff", newline="")
    write = csv.writer(file).writerow
    file.seek(0, SEEK_END)
    write(header)
    for row in rows:
        write(map(_without_formula, row))
        if file.tell() > _PIECE_CHARACTERS:
            yield file.getvalue()
            file.seek(0)
            file.truncate()
    yield file.getvalue()


def _without_formula(value: object) -> object:
    """Return the cell with a single quote before each text that a spreadsheet would compute as a formula.

    A program that reads the file has to remove those quotes. Numbers stay numbers.
    """
    if not isinstance(value, str):
        return value
    quote = "'" if _FORMULA.match(value) else ""
    return quote + _SEPARATOR_BEFORE_FORMULA.sub(r"\1'", value)
