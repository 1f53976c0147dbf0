"""Reads tables in pasted text: CSV with any delimiter, a spreadsheet's cells, Markdown, and rows from JSON.

Whether a text is a table, and which column holds the ids, is decided by the table as a whole. Cells of any other
column never become ids.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise

from django.utils.translation import gettext as _

from results import tags
from results.models import Run, Tag
from results.runs import column_names, columns, id_cells, verdicts
from results.runs.column_names import Role
from results.runs.columns import Choice, Row
from results.runs.running_text import is_one_id, names_ids, tokens
from results.runs.verdicts import PastedId, Verdict, shorten

DELIMITERS = ("\t", ";", "|", ",", "，", "、")
# Between the columns of a table that a program has printed.
SPACES = "  "
LONGEST_NAME = 60
# A header is looked for in so many lines.
MOST_LINES_ABOVE = 50
# Sums stand in one of the last rows.
LAST_ROWS = 3

_RULE = re.compile(r"[\s|+:=─━┼╪│-]*[-=─━][\s|+:=─━┼╪│-]*")
_WIDE_SPACE = re.compile(r"\s{2,}")
_ROW_COUNT = re.compile(r"\(\d+ \w+\)")
_ID_THEN_TITLE = re.compile(
    r"(?:\[x\]|\W){0,6}(?P<id>\d{3,19}|[0-9a-f-]{36})(?:\s*[-–—:.)|#]\s*|\s+)[\W_]{0,3}(?P<title>\w.*)",
    re.IGNORECASE,
)
_TITLE_THEN_ID = re.compile(
    r"(?:\[x\]|[\W\d]){0,6}(?P<title>\w.*?)\s*[-–—:(\[#]+\s*#?(?P<id>\d{3,19}|[0-9a-f-]{36})[)\]]?\W?",
    re.IGNORECASE,
)
_YEAR_OR_COUNT = re.compile(r"(?:19|20)?\d\d?")
_LONG_NUMBER = re.compile(r"\d{3,}")


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
        """What tells this table's columns from those of another, so that a person's choice is not applied to it."""
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
            return _("This JSON names no run ids. Paste the ids, or an object with a field run_id.")
        if self.choice.candidates:
            named = ", ".join(f"“{self.name_of(at)}”" for at in self.choice.candidates)
            return _("Several columns could hold the run ids: %(columns)s. Choose one.") % {"columns": named}
        return _("No column of this table looks like run ids. Choose the column that holds them.")


def find(text: str) -> Table | None:
    """Return the table in this text, or None if it is running text."""
    lines = text.split("\n")
    grids = [(delimiter, _rows(lines, delimiter)) for delimiter in (*DELIMITERS, SPACES) if delimiter in text]
    headed = [(place, rows) for _delimiter, rows in grids if (place := _header(rows)) is not None]
    if headed:
        place, rows = max(headed, key=lambda found: len(found[1][found[0]]))
        return _cut(rows, place, has_header=True)
    if single := _single_column(lines):
        return single
    for delimiter, rows in grids:
        if delimiter != SPACES and (table := _by_shape(rows, delimiter)):
            return table
    return _list_with_titles(lines)


def of_rows(names: Sequence[str], rows: list[Row]) -> Table:
    """Return the table of these rows, such as those of a JSON list of objects with these keys."""
    return Table(tuple(names), rows, columns.choose(names, rows))


def read(table: Table) -> Iterator[PastedId]:
    """Yield the id of each row, with its title and tags, or the reason why the row has none."""
    if table.question:
        return
    for place, row in enumerate(table.rows):
        if [*map(column_names.fold, row)] == [*map(column_names.fold, table.names)]:
            continue  # the header again, as above each page of a printed table
        if place >= len(table.rows) - LAST_ROWS and any(map(column_names.is_total, row)):
            yield PastedId(shorten(" ".join(filter(None, row))), Verdict.NOT_AN_ID, note=_("a row of sums"))
        else:
            yield from _read_row(row, table)


# --- Is it a table ------------------------------------------------------------------------------------


def _rows(lines: list[str], delimiter: str) -> list[Row]:
    """Return the rows without empty ones; a line of a message is a row of few cells."""
    if delimiter == SPACES:
        return [_WIDE_SPACE.split(line.strip()) for line in lines if line.strip()]
    try:
        rows = list(csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True))
    except csv.Error:
        # A lone quotation mark would swallow the lines after it, including their ids.
        rows = [line.split(delimiter) for line in lines]
    if delimiter == "|":
        rows = _without_frame([row for row in rows if not _RULE.fullmatch("|".join(row))])
        rows = [row for row in rows if not (len(row) == 1 and _ROW_COUNT.fullmatch(row[0].strip()))]
    stripped = ([" ".join(cell.split()) for cell in row] for row in rows)
    return [row for row in stripped if any(row)]


def _without_frame(rows: list[Row]) -> list[Row]:
    """Return the cells between the outer bars of a Markdown table, in which every row has them."""
    wide = [row for row in rows if len(row) > 1]
    start = 1 if not any(row[0].strip() for row in wide) else 0
    end = -1 if not any(row[-1].strip() for row in wide) else None
    return [row[start:end] if len(row) > 1 else row for row in rows]


def _header(rows: list[Row]) -> int | None:
    """Return the place of the row that names the columns, or None."""
    for place, row in enumerate(rows[:MOST_LINES_ABOVE]):
        if len(row) > 1 and _is_header(row) and _fits(row, rows[place + 1 : place + 1 + MOST_LINES_ABOVE]):
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


def _is_sure(row: Row) -> bool:
    """Tell whether one of the names can only be that of ids."""
    return any(column_names.run_rank(cell) >= columns.SURE_RANK or column_names.is_task(cell) for cell in row)


def _is_no_name(cell: str) -> bool:
    is_number = any(map(str.isdecimal, cell)) and not any(map(str.isalpha, cell))
    return len(cell) > LONGEST_NAME or is_number or is_one_id(cell) or names_ids(cell) or "://" in cell


def _fits(header: Row, below: list[Row]) -> bool:
    """Tell whether rows of the header's width follow; a name that can only be that of run ids needs none."""
    has_numbers = any(map(str.isdecimal, header))
    return (_is_sure(header) and not has_numbers) or any(len(row) == len(header) for row in below)


def _cut(rows: list[Row], start: int, *, has_header: bool) -> Table:
    """Return the table that begins at this row; single cells around it are lines of a text."""
    if has_header and _has_index(rows, start):
        rows = [*rows[:start], ["", *rows[start]], *rows[start + 1 :]]
    width = len(rows[start])
    body = rows[start + has_header :]
    end = len(body)
    while end and len(body[end - 1]) == 1 and width > 1 and not is_one_id(body[end - 1][0]):
        end -= 1
    names = tuple(rows[start]) if has_header else ("",) * width
    cells = [_fitted(row, width) for row in body[:end]]
    outside = [*rows[:start], *body[end:]]
    above, below = outside[:start], outside[start:]
    return Table(
        names,
        cells,
        columns.choose(names, cells),
        tuple(" ".join(row) for row in above),
        tuple(" ".join(row) for row in below),
    )


def _has_index(rows: list[Row], header: int) -> bool:
    """Tell whether each row begins with its number, a column without a name, as data frames are printed."""
    body = rows[header + 1 :]
    return bool(body) and all(
        len(row) == len(rows[header]) + 1 and row[0] == str(number) for number, row in enumerate(body)
    )


def _fitted(row: Row, width: int) -> Row:
    """Return the row with as many cells as the table has columns: text beyond the last one belongs to it."""
    row = row + [""] * (width - len(row))
    beyond = " ".join(filter(None, row[width - 1 :]))
    return [*row[: width - 1], beyond]


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
    start = wide[0]
    has_header = count > 1 and not any(_is_no_name(cell) for cell in rows[start])
    if is_cells and count < len(rows):
        rows = _cells_first(rows, width)
        start = next(place for place, row in enumerate(rows) if len(row) == width)
    table = _cut(rows, start, has_header=has_header)
    if count == 1 and delimiter != "\t" and table.question:
        return None
    return table if _is_table(table) else None


def _cells_first(rows: list[Row], width: int) -> list[Row]:
    """Return the rows with those of a text above the cells that were pasted between its lines."""
    return [*(row for row in rows if len(row) != width), *(row for row in rows if len(row) == width)]


def _is_table(table: Table) -> bool:
    """Tell a table from lines with commas and from lines of ids: beside the ids, something else has its column."""
    described = [columns.Column.of("", [row[at] for row in table.rows]) for at in range(len(table.names))]
    if any(names_ids(cell) for at, column in enumerate(described) if not column.holds_ids for cell in column.cells):
        return False
    with_ids = [column for column in described if column.holds_ids]
    if not with_ids:
        return False
    if any(column.holds_words for column in described if column not in with_ids):
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


def _single_column(lines: list[str]) -> Table | None:
    """Return a column of numbers as a spreadsheet writes them, with or without its name, and nothing beside it."""
    filled = [line.strip() for line in lines if line.strip()]
    names = filled[:1] if filled and column_names.run_rank(filled[0]) else []
    cells = filled[len(names) :]
    if len(cells) + len(names) < 2:
        return None
    if names and column_names.run_rank(names[0]) > columns.SURE_RANK:
        return Table((names[0],), [[cell] for cell in cells], Choice((Role.RUN,)))
    if not all(map(id_cells.is_numeric, cells)):
        return None
    numbers = [id_cells.whole_number(cell) for cell in cells]
    if not all(numbers) or all(cell == number for cell, number in zip(cells, numbers, strict=True)):
        return None  # plain numbers are read as running text, with the same result
    rows = [[cell] for cell in cells]
    return Table((names[0] if names else "",), rows, Choice((Role.RUN,)))


def _list_with_titles(lines: list[str]) -> Table | None:
    """Return lines that each begin or end with an id beside a title: `1344 Kitchen episode 2`."""
    filled = [" ".join(line.split()) for line in lines if line.strip()]
    for shape in (_ID_THEN_TITLE, _TITLE_THEN_ID):
        found = [line for line in map(shape.fullmatch, filled) if line]
        rows = [[line["id"], line["title"]] for line in found]
        has_more_ids = any(_LONG_NUMBER.search(title) or names_ids(title) for _id, title in rows)
        has_titles = all(any(map(str.isalpha, title)) for _id, title in rows)
        if len(rows) == len(filled) > 1 and has_titles and not has_more_ids:
            return Table(("", ""), rows, Choice((Role.RUN, Role.TITLE)))
    return None


# --- One row ------------------------------------------------------------------------------------------


def _read_row(row: Row, table: Table) -> Iterator[PastedId]:
    def cell_of(role: Role) -> str:
        place = table.choice.place(role)
        return row[place] if place is not None else ""

    found = list(_read_id(cell_of(Role.RUN))) or list(_read_id(cell_of(Role.TASK)))
    if not any(line.found for line in found) and (task := [t for t in _read_id(cell_of(Role.TASK)) if t.found]):
        found = task
    for line in found:
        is_id = bool(line.found)
        yield _with_tags(_with_title(line, cell_of(Role.TITLE)), cell_of(Role.TAGS)) if is_id else line
    if not found:
        yield PastedId(shorten(" ".join(filter(None, row))), Verdict.NOT_AN_ID, note=_("this row has no run id"))


def _read_id(cell: str) -> Iterator[PastedId]:
    """Yield the id in a cell of the id column, or the ids if there are several, or the reason why there is none."""
    cell = id_cells.bare(cell)
    if not cell:
        return
    if digits := id_cells.whole_number(cell):
        (line,) = tokens(digits)
        note = line.note or ("" if cell == digits else _("read as %(id)s") % {"id": line.run_id or digits})
        line = replace(line, written=shorten(cell), note=note)
        yield line if line.found else replace(line, verdict=Verdict.BAD_ID)
        return
    if id_cells.is_exponent(cell):
        yield _bad_id(cell, _("write the number out, without an exponent"))
        return
    if id_cells.is_numeric(cell) and not id_cells.is_list(cell):
        reasons = [line.note for line in tokens(cell) if line.verdict is Verdict.NOT_AN_ID]
        yield _bad_id(cell, reasons[0] if reasons else _("this is not one whole number"))
        return
    found = list(tokens(cell))
    ids = [line for line in found if line.found]
    if ids:
        seen = {line.found: line for line in reversed(ids)}  # a Markdown link has the id twice
        yield from reversed(seen.values())
        yield from (line for line in found if line.verdict is Verdict.NOT_AN_ID)
    else:
        wrong = [line for line in found if line.verdict is Verdict.NOT_AN_ID]
        yield _bad_id(cell, wrong[0].note if wrong else _("a run id is a number"))


def _bad_id(cell: str, note: str) -> PastedId:
    return PastedId(shorten(cell), Verdict.BAD_ID, note=note)


def _with_title(line: PastedId, title: str) -> PastedId:
    title = " ".join(title.split())
    if len(title) > Run.LONGEST_TITLE:
        note = _("the title was cut to %(most)s characters") % {"most": Run.LONGEST_TITLE}
        return replace(line, title=title[: Run.LONGEST_TITLE], note="; ".join(filter(None, [line.note, note])))
    return replace(line, title=title)


def _with_tags(line: PastedId, text: str) -> PastedId:
    found = tags.parse(text)
    cut = tuple(name[: Tag.LONGEST].strip() for name in found[: verdicts.MAX_TAGS])
    if cut == tuple(found):
        return replace(line, tags=cut)
    note = _("tags were cut to %(characters)s characters, and to %(most)s") % {
        "characters": Tag.LONGEST,
        "most": verdicts.MAX_TAGS,
    }
    return replace(line, tags=cut, note="; ".join(filter(None, [line.note, note])))
