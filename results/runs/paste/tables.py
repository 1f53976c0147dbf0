"""Reads tables in pasted text: CSV with any delimiter, a spreadsheet's cells, Markdown, and rows from JSON.

Whether a text is a table, and which column holds the ids, is decided by the table as a whole. Cells of any other
column never become ids.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise

from django.utils.translation import gettext as _

from results.runs.paste import column_names, columns, grids, id_cells, limits, titled_lines
from results.runs.paste.column_names import Role
from results.runs.paste.columns import Choice
from results.runs.paste.grids import SPACES, Row
from results.runs.paste.running_text import is_one_id, names_ids
from results.transcripts.languages import quoted

MAX_NAME = 60
# A header is looked for in so many lines.
MAX_LINES_ABOVE = 50
# Rows of a header's width are looked for in so many lines from the header on.
MAX_LINES_BELOW = 6

# A number that an unquoted comma has cut into two cells.
_CUT_NUMBER = re.compile(r"\d{1,3},\d{2,3}(?:[.,]\d+)?(?:E[+-]?\d+)?", re.IGNORECASE)

_OPEN_CELL, _CLOSED_CELL = re.compile(r'(?:^|[\t;|,]) ?"'), re.compile(r'" ?(?:$|[\t;|,])')
_NUMBERED = re.compile(r"\s*(?P<number>\d{1,4})[.)]\s+(?P<line>\S.*)")
_CUT_NUMBER_AND_TITLE = re.compile(r"\d{1,3},\d{3}\s[^,]*")
_YEAR_OR_COUNT = re.compile(r"(?:19|20)?\d\d?")
# `Run ID 2026` and `Run #1` name a column as `Run ID` does, beside the names of others.
_NAME_WITH_A_NUMBER = re.compile(r"(?P<name>[^\d]{2,40}?)[\s#(]{1,3}(?P<number>(?:19|20)\d\d|\d)\)?(?P<end>:?)")
_LONG_NUMBER = re.compile(r"\d{3,}")


class TooManyTablesError(Exception):
    """A text has more tables than are looked at."""


@dataclass(frozen=True)
class Table:
    """A table with the roles of its columns, and the lines above and below it.

    `names` are the columns' names, empty strings without a header; every row has as many cells.
    """

    names: tuple[str, ...]
    rows: list[Row]
    choice: Choice
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A digest of the columns' names, so that a person's choice is not applied to another table."""
        return sha256("\0".join(self.names).encode(errors="replace")).hexdigest()[:16]

    def with_roles(self, roles: Sequence[Role]) -> "Table":
        """Return the table with these roles of its first columns, which a person has chosen."""
        others = [Role.OTHER] * (len(self.names) - len(roles))
        return replace(self, choice=Choice((*roles, *others)))

    def name_of(self, column: int) -> str:
        """Return the column's name, or its number if it has none."""
        return self.names[column] or _("Column %(number)s") % {"number": column + 1}

    @property
    def question(self) -> str:
        """Why no id is read from this table, for the user; empty if ids are read."""
        if Role.RUN in self.choice.roles or Role.TASK in self.choice.roles:
            return ""
        if not self.names:
            return _("No field here is named run_id. Paste the ids, or a table or JSON with run_id.")
        if self.choice.candidates:
            named = ", ".join(quoted(self.name_of(at)) for at in self.choice.candidates)
            return _("Several columns could hold the run ids: %(columns)s. Choose one.") % {"columns": named}
        return _("No column of this table looks like run ids. Choose the column that holds them.")


def parts(text: str) -> list[str]:
    """Return the text in parts with one table each: every table after the first begins with a header of its own.

    Raises TooManyTablesError for more than MAX_TABLES.
    """
    lines = text.split("\n")
    starts = [0]
    last: Row = []
    last_at = -1
    within_cells = _within_cells(lines)
    for at in range(len(lines)):
        # The same header again begins no table; it may stand above each of very many rows.
        if (
            at in within_cells
            or (last and lines[at] == lines[last_at])
            or not (header := _next_header(lines, at, last))
            or header == last
        ):
            continue
        # Of two header rows, the lower one names the columns.
        if last and any(line.strip() for line in lines[last_at + 1 : at]):
            if len(starts) == limits.MAX_TABLES:
                raise TooManyTablesError
            starts.append(at)
        last, last_at = header, at
    return ["\n".join(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _within_cells(lines: list[str]) -> set[int]:
    """Return the places of the lines that begin within a cell in quotation marks.

    Such a mark opens a cell where one begins. It counts only if another line closes it.
    """
    within: set[int] = set()
    opened = -1
    for at, line in enumerate(lines):
        if line.count('"') % 2 == 0:
            continue
        if opened >= 0 and _CLOSED_CELL.search(line):
            within.update(range(opened + 1, at + 1))
            opened = -1
        elif _OPEN_CELL.search(line):
            opened = at
    return within


def _next_header(lines: list[str], at: int, last: Row) -> Row:
    """Return the names of the columns, folded, if a table after one with the header `last` begins here; else []."""
    if not last:
        return _header_at(lines, at) if at < MAX_LINES_ABOVE else []
    follows_gap = not lines[at - 1].strip()
    # A row with an id has digits, and is no header.
    if not follows_gap and any(map(str.isdecimal, lines[at])):
        return []
    # `pending, Video, Notes` within a table is a row.
    return _header_at(lines, at, other_than=last if follows_gap else (), is_within_table=not follows_gap)


def _header_at(lines: list[str], at: int, other_than: Sequence[str] = (), *, is_within_table: bool = False) -> Row:
    """Return the names of the columns, folded, if a table with a header begins at this line; else [].

    With another header given, names of any kind will do for a table of another width. Within a table, one of them
    has to be a sure name of ids.
    """
    for delimiter, rows in grids.grids(lines[at]):
        if len(rows) != 1 or len(rows[0]) < 2 or (is_within_table and not _is_sure(rows[0])):
            continue
        is_other = bool(other_than) and len(rows[0]) != len(other_than) and delimiter != SPACES
        if not (_is_header(rows[0]) or (is_other and not any(map(_is_no_name, rows[0])))):
            continue
        below = dict(grids.grids("\n".join(lines[at : at + MAX_LINES_BELOW]))).get(delimiter, [])
        if _is_sure(rows[0]) or sum(len(row) == len(rows[0]) for row in below) > 1:
            return [column_names.fold(cell) for cell in rows[0]]
    return []


def find(text: str) -> Table | None:
    """Return the table in this text, or None if it is running text."""
    if printed := grids.series(text.split("\n")):
        return of_rows(printed[0], printed[1:])
    if values := grids.vector(text.split("\n")):
        return Table(("",), [[value.strip('"')] for value in values], Choice((Role.RUN,)))
    lines = _without_numbering(text.split("\n"))
    found = grids.grids("\n".join(lines))
    if sideways := next(filter(None, (_sideways(rows) for delimiter, rows in found if delimiter != SPACES)), None):
        return sideways
    headed = [(delimiter, place, rows) for delimiter, rows in found if (place := _header(rows)) is not None]
    if headed:
        # The spaces of a print count only where nothing else divides its columns.
        _, place, rows = max(headed, key=lambda each: (each[0] != SPACES, len(each[2][each[1]])))
        return _cut(rows, place, has_header=True)
    if sideways := _sideways(_pairs(lines)):
        return sideways
    if single := _single_column(lines, is_numbered=lines != text.split("\n")):
        return single
    for delimiter, rows in found:
        if delimiter != SPACES and (table := _by_shape(rows, delimiter)):
            return table
    titled = titled_lines.rows(lines)
    return Table(("", ""), titled, Choice((Role.RUN, Role.TITLE))) if titled else None


def without_numbers_of_lines(text: str) -> str:
    """Return running text without `1.`, `2.` and so on at its lines, if longer ids are in them."""
    lines = text.split("\n")
    numbered = [at for at, line in enumerate(lines) if _NUMBERED.fullmatch(line)]
    bare = _without_numbering([lines[at] for at in numbered])
    if not any(map(_LONG_NUMBER.search, bare)):
        return text
    for at, line in zip(numbered, bare, strict=True):
        lines[at] = line
    return "\n".join(lines)


def _without_numbering(lines: list[str]) -> list[str]:
    """Return the lines of a numbered list without `1.`, `2.` and so on."""
    numbered = [_NUMBERED.fullmatch(line) for line in lines if line.strip()]
    numbers = [int(line["number"]) for line in numbered if line]
    if len(numbers) < 2 or len(numbers) < len(numbered) or numbers != list(range(1, len(numbers) + 1)):
        return lines
    return [line["line"] for line in numbered if line]


def of_cells(rows: list[Row]) -> Table:
    """Return the table of these rows, the first of which may name the columns."""
    rows = [row[: grids.MAX_COLUMNS] for row in rows]
    width = max(map(len, rows))
    if width * len(rows) > grids.MAX_CELLS:
        rows, width = [row[:1] for row in rows], 1
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    return of_rows(filled[0], filled[1:]) if _is_header(filled[0]) else of_rows([""] * width, filled)


def of_rows(names: Sequence[str], rows: list[Row]) -> Table:
    """Return the table of these rows, such as those of a JSON list of objects with these keys."""
    return Table(tuple(names), rows, columns.choose(names, rows))


def _sideways(rows: list[Row]) -> Table | None:
    """Return a table whose names stand in its first column and whose ids stand in one row; else None."""
    names = [row[0] for row in rows]
    width = max(map(len, rows), default=0)
    if width < 2 or not 2 <= len(rows) <= MAX_LINES_ABOVE:
        return None
    if len(set(map(column_names.fold, names))) < len(names):
        return None
    if not all(map(column_names.is_known, names)) or not _is_sure(names):
        return None
    cells = [row[1:] + [""] * (width - len(row)) for row in rows]
    table = of_rows(names, [list(column) for column in zip(*cells, strict=True)])
    ids = table.choice.place(Role.RUN)
    return table if ids is not None and columns.Column.of("", cells[ids]).holds_ids else None


def _pairs(lines: list[str]) -> list[Row]:
    """Return the rows of a form whose names and values stand in lines in turns; else no row."""
    filled = [line.strip() for line in lines if line.strip()]
    if len(filled) % 2 or not 4 <= len(filled) <= 2 * MAX_LINES_ABOVE:
        return []
    return [list(pair) for pair in zip(filled[::2], filled[1::2], strict=True)]


def _header(rows: list[Row]) -> int | None:
    """Return the place of the row that names the columns, or None."""
    for place, row in enumerate(rows[:MAX_LINES_ABOVE]):
        if len(row) < 2:
            continue
        below = rows[place + 1 : place + 1 + MAX_LINES_ABOVE]
        if (_is_header(row) and _fits(row, below)) or _is_numbered_header(row, below):
            # Of two header rows, the lower one names the columns.
            return place + 1 if _is_header_too(rows[place + 1 : place + 2], row) else place
    return None


def _is_header_too(below: list[Row], header: Row) -> bool:
    return bool(below) and len(below[0]) == len(header) and below[0] != header and _is_header(below[0])


def _is_header(row: Row) -> bool:
    """Tell whether each cell may be a name, and one names ids or two name columns of other kinds."""
    filled = [cell for cell in row if cell]
    if _is_sure(row):  # such a table may have a column for each year, or for each of a few things
        filled = [cell for cell in filled if not _YEAR_OR_COUNT.fullmatch(cell)]
    elif len(filled) < len(row) - 1:
        return False
    if any(_is_no_name(cell) for cell in filled):
        return False
    known = sum(column_names.is_known(cell) for cell in filled)
    return any(column_names.run_rank(cell) or column_names.is_task(cell) for cell in filled) or known > 1


def _is_numbered_header(row: Row, below: list[Row]) -> bool:
    """Tell whether the row is a header with numbers in it, such as `Run ID 2026` or `Run #1`.

    It is none if the row below has such numbers too, as in `Video, run 7` above `Audio, run 8`.
    """
    names = [*map(_without_number, row)]
    numbered = [at for at, name in enumerate(names) if name != row[at]]
    is_named = any(column_names.is_known(name) for name in row) and _is_header(names)
    return (
        bool(numbered)
        and is_named
        and bool(below)
        and len(below[0]) == len(row)
        and not any(names_ids(below[0][at]) for at in numbered)
    )


def _without_number(name: str) -> str:
    found = _NAME_WITH_A_NUMBER.fullmatch(name)
    return found["name"] if found and column_names.run_rank(found["name"]) else name


def _is_sure(row: Row) -> bool:
    """Tell whether one of the names can only be that of ids."""
    return any(column_names.run_rank(cell) >= columns.SURE_RANK or column_names.is_task(cell) for cell in row)


def _is_no_name(cell: str) -> bool:
    is_number = any(map(str.isdecimal, cell)) and not any(map(str.isalpha, cell))
    return len(cell) > MAX_NAME or is_number or is_one_id(cell) or names_ids(cell) or "://" in cell


def _fits(header: Row, below: list[Row]) -> bool:
    """Tell whether rows of the header's width follow; a name that can only be that of run ids needs none."""
    has_numbers = any(map(str.isdecimal, header))
    return (_is_sure(header) and not has_numbers) or any(len(row) == len(header) for row in below)


def _cut(rows: list[Row], start: int, *, has_header: bool) -> Table:
    """Return the table that begins at this row; single cells around it are lines of a text."""
    width = len(rows[start])
    body = rows[start + has_header :]
    end = len(body)
    while end and len(body[end - 1]) == 1 and width > 1 and not is_one_id(body[end - 1][0]):
        end -= 1
    names = tuple(rows[start]) if has_header else ("",) * width
    told = [*map(_without_number, names)]
    choice = columns.choose(told, [row for row in body[:end] if len(row) <= width] or body[:end])
    cells = [_fitted(row, width, choice) for row in body[:end]]
    above, below = rows[:start], body[end:]
    return Table(names, cells, choice, tuple(map(" ".join, above)), tuple(map(" ".join, below)))


def _fitted(row: Row, width: int, choice: Choice) -> Row:
    """Return the row with as many cells as the table has columns.

    Commas without quotation marks have cut a number or a title. A row that does not fit even so has no id cell.
    """
    run, title = choice.place(Role.RUN), choice.place(Role.TITLE)
    cut = len(row) > width and run is not None and _CUT_NUMBER.fullmatch(f"{row[run]},{row[run + 1]}")
    if cut and run is not None:
        row = [*row[:run], f"{row[run]},{row[run + 1]}", *row[run + 2 :]]
    if len(row) > width and title is not None:
        beyond = len(row) - width + 1
        row = [*row[:title], ", ".join(filter(None, row[title : title + beyond])), *row[title + beyond :]]
    if len(row) > width and run is not None:
        row = [*row[:run], "", *row[run + 1 :]]
    return [*row[:width], *[""] * (width - len(row))]


def _by_shape(rows: list[Row], delimiter: str) -> Table | None:
    """Return a table without known names: rows of one width, with a column of ids beside others."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return None
    [(width, count)] = widths.most_common(1)
    wide = [place for place, row in enumerate(rows) if len(row) == width]
    # A comma and a sign of Chinese and Japanese stand in sentences too.
    is_cells = delimiter in "\t;|"
    if (count < 2 and not is_cells) or (not is_cells and count < 0.6 * len(rows)):
        return None
    if delimiter == "," and _cuts_numbers(rows):
        return None
    start = wide[0]
    has_header = count > 1 and not any(_is_no_name(cell) for cell in rows[start])
    if is_cells and count < len(rows):
        rows = _cells_first(rows, width)
        start = next(place for place, row in enumerate(rows) if len(row) == width)
    table = _cut(rows, start, has_header=has_header)
    if count == 1 and delimiter != "\t" and table.question:
        return None
    return table if _is_table(table, is_tabbed=delimiter == "\t") else None


def _cuts_numbers(rows: list[Row]) -> bool:
    """Tell whether the commas may be those of the numbers in lines like `1,344 Kitchen`."""
    return all(_CUT_NUMBER_AND_TITLE.fullmatch(",".join(row)) for row in rows)


def _cells_first(rows: list[Row], width: int) -> list[Row]:
    """Return the rows with those of a text above the cells that were pasted between its lines."""
    return [*(row for row in rows if len(row) != width), *(row for row in rows if len(row) == width)]


def _is_table(table: Table, *, is_tabbed: bool) -> bool:
    """Tell a table from lines with commas and from lines of ids: beside the ids, something else has its column.

    A word behind a tab is a cell's, so that `1984` in another row of its column is a title.
    """
    described = [columns.Column.of("", [row[at] for row in table.rows]) for at in range(len(table.names))]
    if any(names_ids(cell) for at, column in enumerate(described) if not column.holds_ids for cell in column.cells):
        return False
    with_ids = [column for column in described if column.holds_ids]
    if not with_ids:
        return False
    others = [column for column in described if column not in with_ids]
    if any(column.holds_words or (is_tabbed and column.words) for column in others):
        return True
    numeric = [column for column in with_ids if column.numbers]
    if len(numeric) < 2 or len(table.rows) < 2:
        return False
    # Rows of nothing but numbers: a row number, or lengths beside the ids, and not just ids in lines.
    has_counter = any(column.numbers == list(range(1, len(table.rows) + 1)) for column in numeric)
    digits = sorted(
        (min(sizes), max(sizes)) for column in numeric if (sizes := [len(str(n)) for n in column.numbers])
    )
    is_graded = any(before[1] < after[0] for before, after in pairwise(digits))
    return (has_counter and len(table.rows) > 2) or is_graded


def _single_column(lines: list[str], *, is_numbered: bool) -> Table | None:
    """Return a column of numbers as a spreadsheet writes them, with or without its name, and nothing beside it."""
    filled = [line.strip() for line in lines if line.strip()]
    if filled and _is_heading_with_year(filled):
        return Table(("",), [[cell] for cell in filled[1:]], Choice((Role.RUN,)), above=(filled[0],))
    names = filled[:1] if filled and column_names.run_rank(filled[0]) else []
    cells = filled[len(names) :]
    if len(cells) + len(names) < 2:
        return None
    if names and column_names.run_rank(names[0]) > columns.SURE_RANK:
        return Table((names[0],), [[cell] for cell in cells], Choice((Role.RUN,)))
    given = [cell for cell in cells if cell not in id_cells.NO_VALUES]
    if not given or not all(map(id_cells.is_numeric, given)):
        return None
    numbers = [id_cells.whole_number(cell) for cell in given]
    if not all(numbers) or (numbers == cells and not is_numbered):
        return None  # plain numbers are read as running text, with the same result
    rows = [[cell] for cell in cells]
    return Table((names[0] if names else "",), rows, Choice((Role.RUN,)))


def _is_heading_with_year(filled: list[str]) -> bool:
    """Tell whether bare ids stand below a line such as `Run ID 2026` or `Runs 2026:`."""
    found = _NAME_WITH_A_NUMBER.fullmatch(filled[0])
    if not found or len(found["number"]) < 4 or not column_names.run_rank(found["name"]):
        return False
    is_heading = bool(found["end"]) or "id" in column_names.id_kinds(found["name"])
    return is_heading and len(filled) > 1 and all(map(str.isdecimal, filled[1:]))
