"""Finds the run ids in what people paste or send as a file: a table, JSON, or running text."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from results.runs.paste import html_tables, id_cells, json_rows, table_rows, tables
from results.runs.paste.column_names import Role
from results.runs.paste.limits import MAX_MENTIONS_PER_ID
from results.runs.paste.running_text import tokens, tokens_beside_a_table
from results.runs.paste.tables import Table
from results.runs.paste.verdicts import PastedId, Verdict

# Control characters (a NUL breaks PostgreSQL), the byte order mark, and direction marks, which are invisible. The
# joiners are letters of Persian and of the scripts of India.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff"
)
_BETWEEN_DIGITS = re.compile(rf"(?<=\d)[{_UNSEEN}\u200c\u200d]+(?=\d)")
_REMOVED = re.compile(f"[{_UNSEEN}]")
_JOINERS_OF_DIGITS = re.compile(r"(?<=\d)[\u200c\u200d]+|[\u200c\u200d]+(?=\d)")
_SPACE = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")


class TooManyIdsError(Exception):
    """A text has more ids than may be read at once."""


@dataclass(frozen=True)
class PastedText:
    """The tokens of a text with their verdicts, in its order, and the tables in it."""

    lines: list[PastedId]
    tables: tuple[Table, ...] = ()
    fingerprint: str = ""
    """The table in which a person has chosen columns."""

    @property
    def table(self) -> Table | None:
        """The table whose columns a person can choose: the one chosen in, one with a question, or the last."""
        chosen = [table for table in self.tables if table.fingerprint == self.fingerprint]
        asked = [table for table in self.tables if table.question]
        return next(iter((*chosen, *asked, *self.tables[-1:])), None)

    @property
    def question(self) -> str:
        """The question, for the user, that has to be answered before ids are read from a table; or empty."""
        return next((table.question for table in self.tables if table.question), "")


def parse(text: str) -> list[PastedId]:
    """Return every token of the text with its verdict, in the order of the text."""
    return read([text]).lines


def read(
    texts: Sequence[str],
    roles: Sequence[Role] = (),
    fingerprint: str = "",
    languages: Mapping[int, str] | None = None,
    most: int = 0,
) -> PastedText:
    """Read texts that were sent together, such as a pasted one and a file's.

    `roles` are a person's choice for the columns of the table with this fingerprint.
    `languages` maps CAMB.AI's numbers to tags, beyond those that are always known.
    Raises TooManyIdsError as soon as there are more than `most` ids, if that is given, and TooManyTablesError.
    """
    lines = _Lines(most)
    read_tables: list[Table] = []
    for text in map(html_tables.to_text, map(_cleaned, texts)):
        found = json_rows.find(text)
        for part in [text] if found else tables.parts(text):
            table = found or tables.find(part)
            if table is None:
                lines.read(tokens(tables.without_numbers_of_lines(part.replace(id_cells.BREAK, " "))))
                continue
            if roles and table.fingerprint == fingerprint:
                table = table.with_roles(roles)
            lines.read(_lines(table, languages or {}))
            read_tables.append(table)
    return PastedText(_mark_repeated(lines.found), tuple(read_tables), fingerprint if roles else "")


class _Lines:
    """The lines of texts, up to a number of ids and of mentions of them; 0: any number."""

    def __init__(self, most: int) -> None:
        self.found: list[PastedId] = []
        self._ids: set[int | str] = set()
        self._mentions = 0
        self._most = most

    def read(self, lines: Iterable[PastedId]) -> None:
        """Read these lines too. Raises TooManyIdsError before the rest of too many is read."""
        for line in lines:
            self.found.append(line)
            if line.verdict is Verdict.WORD:
                continue
            self._mentions += 1
            if line.found:
                self._ids.add(line.found)
            if self._most and (len(self._ids) > self._most or self._mentions > self._most * MAX_MENTIONS_PER_ID):
                raise TooManyIdsError


def _cleaned(text: str) -> str:
    text = _SPACE.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _JOINERS_OF_DIGITS.sub("", _BETWEEN_DIGITS.sub(id_cells.BREAK, text))
    return unicodedata.normalize("NFC", _REMOVED.sub("", text))


def _lines(table: Table, languages: Mapping[int, str]) -> Iterator[PastedId]:
    for line in table.above:
        yield from tokens_beside_a_table(line.replace(id_cells.BREAK, " "))
    yield from table_rows.read(table, languages)
    for line in table.below:
        yield from tokens_beside_a_table(line.replace(id_cells.BREAK, " "))


def _mark_repeated(lines: Iterable[PastedId]) -> list[PastedId]:
    """Mark each later mention of an id as repeated. It adds what the first lacks: title, tags, language, source."""
    marked: list[PastedId] = []
    positions: dict[int | str, int] = {}
    note = _("the same id is listed above")
    for line in lines:
        if not line.found:
            marked.append(line)
        elif line.found not in positions:
            positions[line.found] = len(marked)
            marked.append(line)
        else:
            position = positions[line.found]
            first = marked[position]
            marked[position] = replace(
                first,
                title=first.title or line.title,
                tags=first.tags or line.tags,
                language=first.language or line.language,
                source=first.source or line.source,
            )
            marked.append(replace(line, verdict=Verdict.REPEATED, note=note))
    return marked
