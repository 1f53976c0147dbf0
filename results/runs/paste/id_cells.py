"""Reads the numbers of an id column as spreadsheets write them: `1,344`, `8081.0`, `="1344"`."""

import re

# Stands for invisible characters between digits until it is known whether they are in a cell of ids.
BREAK = "\ue000"

# What programs write where a cell has no value, and formulas that failed. In other capitals, as `Null` and `Nan`,
# the words are titles.
NO_VALUES = frozenset({
    "null", "NULL", "none", "None", "nan", "NaN", "NAN", "nil", "na", "NA", "n/a", "N/A", "#n/a", "#N/A", "<na>",
    "<NA>", "<null>", "<NULL>", "(null)", "(NULL)", "\\n", "\\N", "undefined",
    "-", "–", "—", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#DIV/0!", "#NULL!",
})  # fmt: skip

_DIGITS = r"\d{1,19}"
# Between groups of three digits: comma, point, apostrophes, the Arabic separators and any space.
_GROUPING = r"[,.'’ʼ‘`´٬٫，、،\s]"
_GROUPED = re.compile(rf"\d{{1,3}}(?P<sign>{_GROUPING})\d{{3}}(?:(?P=sign)\d{{3}})*")
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")
# Three zeros may be those of thousands.
_ZERO_FRACTION = re.compile(r"(?P<whole>\d.*?)[.,٫](?:0{1,2}|0{4,20})")
_FORMULA = re.compile(r"""=?\s*["'’](?P<value>[^"]*?)["'’]?""")
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,٫]\d+)?\s*[eE]\s*[+-]?\d+")
# A comma alone may be part of a number, unless the numbers beside it are too long for its parts.
_LIST = re.compile(
    rf"{_DIGITS}(?:\s*(?:[;/|、，；&+]|,\s|\band\b)\s*{_DIGITS}|\s+{_DIGITS})+|\d{{4,19}}(?:,\d{{4,19}})+"
)
_NUMERIC = re.compile(r"[\d\s,.'’ʼ‘`´٬٫，、،+\-−–]*\d[\d\s,.'’ʼ‘`´٬٫，、،+\-−–]*")
# What Markdown and databases put around a value.
_AROUND = "`*_{}†‡ "


def bare(cell: str) -> str:
    """Return the cell without the signs that keep a spreadsheet from reading it, or that only set it off."""
    cell = cell.strip()
    found = _FORMULA.fullmatch(cell)
    return (found["value"] if found else cell).strip().strip(_AROUND)


def whole_number(cell: str) -> str:
    """Return the digits of a whole number that is written with groups of digits or a fraction of zeros, or ""."""
    number = to_ascii(bare(cell))
    if number.isdecimal():
        return number
    if _GROUPED.fullmatch(number) or _INDIAN.fullmatch(number):
        return re.sub(r"\D", "", number)
    if found := _ZERO_FRACTION.fullmatch(number):
        return whole_number(found["whole"])
    return ""


def is_exponent(cell: str) -> bool:
    """Tell whether a spreadsheet has written the number with an exponent, so that its digits may be lost."""
    return bool(_EXPONENT.fullmatch(to_ascii(bare(cell))))


def is_list(cell: str) -> bool:
    """Tell whether the cell holds several whole numbers, each in one piece."""
    return bool(_LIST.fullmatch(to_ascii(cell)))


def list_items(cell: str) -> str:
    """Return the numbers of such a list with spaces between them."""
    return re.sub(r"[^\d]+", " ", to_ascii(cell))


def is_numeric(cell: str) -> bool:
    """Tell whether the cell has nothing but digits and the signs of numbers."""
    return bool(_NUMERIC.fullmatch(to_ascii(bare(cell))))


def to_ascii(text: str) -> str:
    """Return the text with the decimal digits of every script as 0 to 9."""
    return text if text.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in text)
