"""Cuts a text into rows of cells: by a delimiter, a Markdown table's bars, or the gaps in printed output."""

import csv
import re

Row = list[str]

DELIMITERS = ("\t", ";", "|", ",", "，", "、")
# A table that people make is never as wide, and deciding what each column holds takes long.
MAX_COLUMNS = 500
# A text of the largest size has fewer cells, unless a long row makes columns that the other rows do not have.
MAX_CELLS = 2_000_000

# Between the columns of a table that a program has printed.
SPACES = "  "

_BARS = str.maketrans(dict.fromkeys("│┆┃║¦", "|"))
# The signs with which programs draw the lines of a table.
_LINES = "─━═┄┈┌┐└┘├┤┬┴┼╞╡╪╔╗╚╝╠╣╦╩╬╟╢╭╮╰╯=-"
_RULE = re.compile(rf"[\s|+:{_LINES}]*[{_LINES}][\s|+:{_LINES}]*")
_WIDE_SPACE = re.compile(r"\s{2,}")
_TIBBLE = re.compile(r"\s*# A tibble: .*")
_TYPE = re.compile(r"<\w+>|[iuf]\d{1,2}|str|bool|date|datetime\[.*\]|---")
_SERIES = re.compile(r"(?:Name: (?P<name>.*?), )?(?:Length: \d+, )?dtype: [\w\[\], ]+")
_VECTOR = re.compile(r"\[(?P<at>\d+)\](?P<values>(?:\s+\"?[\w-]+\"?)+)")
_ROW_COUNT = re.compile(r"\(\d+ \w+\)|\[\d+ rows x \d+ columns\]")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_QUOTED = re.compile(r'^"([^"]*)"$')
_IN_APOSTROPHES = re.compile(r"\s*'[^']*'\s*")
_ESCAPED_BAR = "\\|"
_PLACEHOLDER = "\0"


def grids(text: str) -> list[tuple[str, list[Row]]]:
    """Return the rows of the text for each delimiter in it; a line of a message is a row of few cells.

    Rows too wide for a table are left out: they are running text.
    """
    barred = text.translate(_BARS)
    found = [(delimiter, _rows(barred.split("\n"), delimiter)) for delimiter in DELIMITERS if delimiter in barred]
    if SPACES in text:
        found.append((SPACES, _printed(text.split("\n"))))
    return [(delimiter, rows) for delimiter, rows in found if not _is_too_wide(rows)]


def _is_too_wide(rows: list[Row]) -> bool:
    width = max(map(len, rows), default=0)
    return width > MAX_COLUMNS or width * len(rows) > MAX_CELLS


def _rows(lines: list[str], delimiter: str) -> list[Row]:
    if delimiter == "|":
        rows = _barred(lines)
    else:
        rows = _separated(lines, delimiter)
        if rows and all(len(row) == 1 for row in rows if any(row)):
            # Each line as a whole in quotation marks, as when a CSV is opened as one column and saved again.
            rows = _separated([row[0] for row in rows if row], delimiter)
        if all(_IN_APOSTROPHES.fullmatch(cell) for row in rows for cell in row if cell):
            rows = [[cell.strip()[1:-1] for cell in row] for row in rows]
    stripped = ([" ".join(cell.split()) for cell in row] for row in rows)
    return [row for row in stripped if any(row)]


def _separated(lines: list[str], delimiter: str) -> list[Row]:
    try:
        ended = (f"{line}\n" for line in lines)
        return list(csv.reader(ended, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        # A lone quotation mark would swallow the lines after it, including their ids.
        return [line.split(delimiter) for line in lines]


def _barred(lines: list[str]) -> list[Row]:
    """Return the cells between bars, without the rules and without the frame that every row of a table has."""
    rows: list[Row] = []
    for line in lines:
        line = line.strip().replace(_ESCAPED_BAR, _PLACEHOLDER)
        if _RULE.fullmatch(line) or _ROW_COUNT.fullmatch(line) or (line.strip("| ") and _is_types(line)):
            continue
        if line.startswith("||") and "|" not in line.replace("||", ""):  # the header of a table in Jira
            line = line.replace("||", "|")
        cells = _LINE_BREAK.sub(" ", line).split("|")
        rows.append([_QUOTED.sub(r"\1", cell.replace(_PLACEHOLDER, "|").strip()) for cell in cells])
    wide = [row for row in rows if len(row) > 1]
    start = 1 if wide and not any(row[0].strip() for row in wide) else 0
    end = -1 if wide and not any(row[-1].strip() for row in wide) else None
    return [row[start:end] if len(row) > 1 else row for row in rows]


def _printed(lines: list[str]) -> list[Row]:
    """Return the rows of printed output; row numbers before the first column get an empty name."""
    lines = [line for line in lines if line.strip() and not _ROW_COUNT.fullmatch(line) and not _is_types(line)]
    if lines and _TIBBLE.fullmatch(lines[0]):
        return _by_columns(lines[1:], is_tibble=True)
    rows = [_WIDE_SPACE.split(line.strip()) for line in lines]
    width = len(rows[0]) if rows else 0
    body = [row for row in rows[1:] if len(row) > 1 and not set(row) <= {"..", "..."}]
    if width < 2 or not body:
        return rows
    names = lines[0].split()
    if len(names) > width and len(rows) > 1 and all(len(line.split()) > len(names) for line in lines[1:]):
        return _by_columns(lines, is_tibble=False)
    tokens = [" ".join(row).split() for row in body]
    firsts = [row[0] for row in tokens]
    counts = firsts in ([str(n) for n in range(first, first + len(firsts))] for first in (0, 1))
    is_indexed = all(map(str.isdecimal, firsts)) and (counts or all(len(row) > width for row in body))
    expected = width + is_indexed
    cut = [row if len(row) == expected else " ".join(row).split(None, expected - 1) for row in body]
    return [[*[""] * is_indexed, *rows[0]], *cut]


def _is_types(line: str) -> bool:
    """Tell whether the line has nothing but names of types, as data frames print them below the header."""
    return all(_TYPE.fullmatch(word) for word in line.translate(_BARS).replace("|", " ").split())


def series(lines: list[str]) -> list[Row]:
    """Return the header and rows of a printed column of a pandas data frame, with its index; else []."""
    lines = [line for line in lines if line.strip()]
    about = _SERIES.fullmatch(lines[-1].strip()) if lines else None
    if not about:
        return []
    rows = [_WIDE_SPACE.split(line.strip(), maxsplit=1) for line in lines[:-1]]
    index = rows.pop(0)[0] if rows and len(rows[0]) == 1 else "index"
    return [[index, about["name"] or ""], *(row for row in rows if len(row) == 2)]


def vector(lines: list[str]) -> list[str]:
    """Return the values of a printed vector of R, whose lines begin with `[1]`, `[13]` and so on; else []."""
    found = [_VECTOR.fullmatch(line.strip()) for line in lines if line.strip()]
    values = [value for line in found if line for value in line["values"].split()]
    return values if found and all(found) and found[0] and found[0]["at"] == "1" else []


def _by_columns(lines: list[str], *, is_tibble: bool) -> list[Row]:
    """Return the cells of a print of R, whose columns stand below each other with one space between them.

    Where no line has a sign, a column ends. A part without a name is a word of the text beside it: a tibble's text
    begins below its name, and a data frame's ends there. The first column without a name numbers the rows.
    """
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    size = max(map(len, lines), default=0)
    padded = [line.ljust(size) for line in lines]
    used = "".join("x" if any(line[at] != " " for line in padded) else " " for at in range(size))
    spans: list[tuple[int, int]] = []
    is_open = False
    for start, end in (match.span() for match in re.finditer("x+", used)):
        has_name = bool(padded[0][start:end].strip())
        if spans[1:] and (is_open or (is_tibble and not has_name)):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        is_open = bool(spans[1:]) and not is_tibble and not has_name
    return [[line[start:end].strip(" `") for start, end in spans] for line in padded]
