"""Finds the run ids in a pasted text, and gives the reason for every number that is no id.

One rule decides in running text: a word without a digit is only a word, and a word with a digit is either an id or
is listed with the reason why it is none. So a chat message causes no complaints, and a mistyped id is never passed
over in silence. The id of a dubbing task (a UUID) is told apart from a run id: CAMB.AI returns it first, and it
leads to the run.

Titles are read from tables only: with a header (`run_id,title` in any order), lines of `id<TAB>title` from a
spreadsheet, or lines of `id,title`. Tags are read from a table with a header that has a column for them.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from typing import NamedTuple

from django.utils.translation import gettext as _

from results import tags
from results.models import Run, Tag

LARGEST = 2**63 - 1
LONGEST_WRITTEN = 60
# The limits of one request to add runs, each printed into the sentences that name it.
MAX_IDS = 20_000
MAX_BYTES = 2**20  # of a text or a file
MAX_TAGS = 20

ID_COLUMNS = ("runid", "cambrunid", "dubbingrunid", "dubrunid", "run", "id", "taskid", "task")
TITLE_COLUMNS = ("title", "name", "video", "episode", "filename", "file")
TAG_COLUMNS = ("tags", "tag", "labels", "label")


class Verdict(Enum):
    """The kind of a pasted token."""

    ID = "id"
    TASK = "task"
    REPEATED = "repeated"
    NOT_AN_ID = "not an id"
    WORD = "word"


@dataclass(frozen=True)
class PastedId:
    """One token and its verdict. `note` tells the user how an id was read, or why the token is none."""

    written: str
    verdict: Verdict
    run_id: int = 0
    task_id: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def found(self) -> int | str:
        """The id of the run or task, or an empty string."""
        return self.run_id or self.task_id

    @property
    def is_read_otherwise(self) -> bool:
        """Whether the run id is written in another way, as in `007` or in a link."""
        return self.run_id > 0 and self.written != str(self.run_id)


# Control characters (a NUL breaks PostgreSQL), the byte order mark, and direction marks, which are invisible.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SEPARATORS = re.compile(r"[\s,;|，、；،؛()\[\]{}<>«»“”\"'`]+")
_TRIMMED = ".:!?*#№~_=/\\&…。"
_LABEL = re.compile(
    r"(?:camb[_-]?)?(?:dub(?:bing)?[_-]?)?(?:run[_-]?ids?|runs?|ids?)[:=#/_-]?(?=[\d+-])", re.IGNORECASE
)
# The scheme's length is limited. Otherwise a megabyte of letters would be scanned from each letter to the end.
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,15}://[^\s<>\"'`]+", re.IGNORECASE)
_ID_IN_URL = re.compile(r"(?:run[_-]?ids?=|/runs?/|/dub(?:bing)?-results?/)(\d+)(?!\w)", re.IGNORECASE)
_ID_IN_PATH = re.compile(r"/(\d+)(?=[/?#]|$)")
_LABELLED = re.compile(r"\b(?:runs?|ids?)\b\W*\d", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_TASK = re.compile(rf"(?:(?:dub(?:bing)?[_-]?)?task[_-]?(?:ids?)?[:=#/_-]?)?(?P<id>{_UUID.pattern})", re.IGNORECASE)


def parse(text: str) -> list[PastedId]:
    """Return every token of the text with its verdict, in the order of the text."""
    lines = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    for place, line in enumerate(lines):
        if header := _header(line):
            return _mark_repeated(chain(_without_header(lines[:place]), _table(lines[place + 1 :], header)))
    return _mark_repeated(_without_header(lines))


def _mark_repeated(lines: Iterable[PastedId]) -> list[PastedId]:
    """Mark every later mention of an id as repeated. It still adds the title and tags that the first one lacks."""
    marked: list[PastedId] = []
    positions: dict[int | str, int] = {}
    for line in lines:
        if not line.found:
            marked.append(line)
        elif line.found not in positions:
            positions[line.found] = len(marked)
            marked.append(line)
        else:
            position = positions[line.found]
            first = marked[position]
            marked[position] = replace(first, title=first.title or line.title, tags=first.tags or line.tags)
            marked.append(replace(line, verdict=Verdict.REPEATED, note=_("the same id is listed above")))
    return marked


# --- Tables ------------------------------------------------------------------------------------------


class TableHeader(NamedTuple):
    """The delimiter of a table and the positions of its columns."""

    delimiter: str
    id_column: int
    title_column: int | None
    tags_column: int | None = None


def _header(line: str) -> TableHeader | None:
    """Return the columns that this line names if it is the header of a table, else None."""
    delimiter = max("\t;,", key=line.count)
    if delimiter not in line or any(letter.isdecimal() for letter in line):
        return None
    names = [re.sub(r"[\W_]+", "", cell).lower() for cell in line.split(delimiter)]
    ids = [names.index(name) for name in ID_COLUMNS if name in names]
    titles = [names.index(name) for name in TITLE_COLUMNS if name in names]
    tagged = [names.index(name) for name in TAG_COLUMNS if name in names]
    return (
        TableHeader(delimiter, ids[0], *(found[0] if found else None for found in (titles, tagged)))
        if ids
        else None
    )


def _table(lines: list[str], header: TableHeader) -> Iterator[PastedId]:
    for row in _rows(lines, header.delimiter):
        yield from _read_row(row, header)


def _without_header(lines: list[str]) -> Iterator[PastedId]:
    """Read the lines as a table if every line is `id,title`, and otherwise as running text."""
    for delimiter in ";,":
        rows = _rows(lines, delimiter)
        if len(rows) > 1 and all(_is_titled(row) for row in rows):
            return _table(lines, TableHeader(delimiter, 0, 1))
    return _lines(lines)


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        # A lone quotation mark would swallow the lines after it, including their ids.
        rows = [line.split(delimiter) for line in lines]
    stripped = ([cell.strip() for cell in row] for row in rows)
    return [row for row in stripped if any(row)]


def _is_titled(row: list[str]) -> bool:
    """Return whether this row is `id,title`, and not a line of a message with a comma in it."""
    return (
        len(row) > 1
        and _is_one_id(row[0])
        and any(letter.isalpha() for letter in row[1])
        and not _LABELLED.search(",".join(row[1:]))
    )


def _is_one_id(cell: str) -> bool:
    return cell.isdecimal() or bool(_UUID.fullmatch(cell))


def _read_row(row: list[str], header: TableHeader) -> Iterator[PastedId]:
    def cell_in(column: int | None) -> str:
        return row[column] if column is not None and column < len(row) else ""

    cell = cell_in(header.id_column)
    found = list(_tokens(cell))
    if len(found) == 1 and found[0].verdict is Verdict.WORD:
        yield replace(found[0], verdict=Verdict.NOT_AN_ID, note=_("a run id is a number"))
    elif len(found) == 1:
        yield _with_tags(_with_title(found[0], cell_in(header.title_column)), cell_in(header.tags_column))
    elif found:
        yield from found
    else:
        yield PastedId(_short(" ".join(filter(None, row))), Verdict.NOT_AN_ID, note=_("this row has no run id"))


def _with_title(line: PastedId, title: str) -> PastedId:
    title = " ".join(title.split())
    if len(title) > Run.LONGEST_TITLE:
        note = _("the title was cut to %(most)s characters") % {"most": Run.LONGEST_TITLE}
        return replace(line, title=title[: Run.LONGEST_TITLE], note="; ".join(filter(None, [line.note, note])))
    return replace(line, title=title)


def _with_tags(line: PastedId, text: str) -> PastedId:
    found = tags.parse(text)
    cut = tuple(name[: Tag.LONGEST].strip() for name in found[:MAX_TAGS])
    if cut == tuple(found):
        return replace(line, tags=cut)
    note = _("tags were cut to %(characters)s characters, and to %(most)s") % {
        "characters": Tag.LONGEST,
        "most": MAX_TAGS,
    }
    return replace(line, tags=cut, note="; ".join(filter(None, [line.note, note])))


# --- Running text ------------------------------------------------------------------------------------


def _lines(lines: list[str]) -> Iterator[PastedId]:
    for line in lines:
        cells = [cell.strip() for cell in line.split("\t")]
        found = [place for place, cell in enumerate(cells) if _is_one_id(cell)]
        titles = [
            place
            for place, cell in enumerate(cells)
            if place not in found and any(letter.isalpha() for letter in cell)
        ]
        if found and titles:
            yield from _read_row(cells, TableHeader("\t", found[0], titles[0]))
        else:
            yield from _tokens(line)


def _tokens(text: str) -> Iterator[PastedId]:
    end = 0
    for url in _URL.finditer(text):
        yield from _words(text[end : url.start()])
        yield _read_url(url.group())
        end = url.end()
    yield from _words(text[end:])


def _words(text: str) -> Iterator[PastedId]:
    for word in _SEPARATORS.split(text):
        token = word.strip(_TRIMMED)
        if any(letter.isdecimal() for letter in token):
            yield _judge(token)
        elif any(letter.isalnum() for letter in token):
            yield PastedId(_short(token), Verdict.WORD)


def _read_url(url: str) -> PastedId:
    url = url.rstrip(f"{_TRIMMED},;)")
    ids = _ID_IN_URL.findall(url) or _ID_IN_PATH.findall(url) or [task.group() for task in _UUID.finditer(url)]
    if not ids:
        return PastedId(_short(url), Verdict.NOT_AN_ID, note=_("there is no run id in this link"))
    found = _judge(ids[-1])
    return replace(found, written=_short(url), note=found.note or _("taken from the link"))


def _judge(token: str) -> PastedId:
    """Return one token that has a digit in it, with its verdict."""
    if task := _TASK.fullmatch(token):
        return PastedId(
            _short(token), Verdict.TASK, task_id=task["id"].lower(), note=_("a task; followed until it is a run")
        )
    number = _LABEL.sub("", token, count=1) if _LABEL.match(token) else token
    digits = "".join(str(int(letter)) if letter.isdecimal() else letter for letter in number)
    if reason := _reason_against(digits):
        return PastedId(_short(token), Verdict.NOT_AN_ID, note=reason)
    run_id = int(digits.lstrip("0"))
    note = "" if number == str(run_id) else _("read as %(id)s") % {"id": run_id}
    return PastedId(_short(token), Verdict.ID, run_id, note=note)


def _reason_against(number: str) -> str:
    """Return the reason, for the user, why this is no run id, or an empty string when it is one."""
    if number.isdecimal():
        bare = number.lstrip("0")
        if not bare:
            return _("run ids begin at 1")
        # The length is checked first, as Python refuses to parse a number of thousands of digits.
        if len(bare) > len(str(LARGEST)) or int(bare) > LARGEST:
            return _("this number is too large for a run id")
        return ""
    for shape, reason in (
        (r"[-−–+＋]\d+", _("a run id has no sign before it")),
        (r"[-−–+＋]?\d*[.٫]\d+", _("a run id is a whole number")),
        (r"[-−–+＋]?\d+(\.\d+)?e[-+]?\d+", _("write the number out, without an exponent")),
        (r"0x[0-9a-f]+", _("write the number in decimal digits")),
        (r"\d+(_\d+)+", _("write the number without underscores")),
        (r"\d+(-|–|—|…|\.\.+)\d+", _("this looks like a range; write each id")),
        (r"\d+(:\d\d)+", _("this looks like a time")),
    ):
        if re.fullmatch(shape, number, re.IGNORECASE):
            return reason
    return _("a run id has only digits")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_WRITTEN else f"{text[: LONGEST_WRITTEN - 1]}…"
