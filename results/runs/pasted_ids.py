"""Which run ids are in a text that somebody pasted, and why is the rest none?

One rule decides for running text: a word without a digit is only a word; whatever has a digit is either an id or is
named with the reason why not. So a chat message reads well, and a mistyped id is never passed over in silence. The
id of a dubbing task (a UUID) is told apart from a run's: CAMB.AI gives it first, and it leads to the run.
Titles come from tables only: with a header (`run_id,title`, any order), lines of `id<TAB>title` from a spreadsheet,
or lines of `id,title`. Tags come from a table with a header that has a column of them.
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
    ID = "id"
    TASK = "task"
    REPEATED = "repeated"
    NOT_AN_ID = "not an id"
    WORD = "word"


@dataclass(frozen=True)
class PastedId:
    """One token and its verdict; `note` says how an id was read, or why this is none."""

    written: str
    verdict: Verdict
    run_id: int = 0
    task_id: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def found(self) -> int | str:
        """The id in it, of a run or a task."""
        return self.run_id or self.task_id

    @property
    def is_read_otherwise(self) -> bool:
        return self.run_id > 0 and self.written != str(self.run_id)


# Control characters (a NUL breaks PostgreSQL), the byte order mark, and marks of direction that come along unseen.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BETWEEN = re.compile(r"[\s,;|，、；،؛()\[\]{}<>«»“”\"'`]+")
_AROUND = ".:!?*#№~_=/\\&…。"
_LABEL = re.compile(
    r"(?:camb[_-]?)?(?:dub(?:bing)?[_-]?)?(?:run[_-]?ids?|runs?|ids?)[:=#/_-]?(?=[\d+-])", re.IGNORECASE
)
# Bounded: else a megabyte of letters would be looked through from each of them to its end.
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,15}://[^\s<>\"'`]+", re.IGNORECASE)
_ID_IN_URL = re.compile(r"(?:run[_-]?ids?=|/runs?/|/dub(?:bing)?-results?/)(\d+)(?!\w)", re.IGNORECASE)
_STEP_OF_URL = re.compile(r"/(\d+)(?=[/?#]|$)")
_LABELLED = re.compile(r"\b(?:runs?|ids?)\b\W*\d", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_TASK = re.compile(rf"(?:(?:dub(?:bing)?[_-]?)?task[_-]?(?:ids?)?[:=#/_-]?)?(?P<id>{_UUID.pattern})", re.IGNORECASE)


def parse(text: str) -> list[PastedId]:
    """Return every token of the text with its verdict, in the order of the text."""
    lines = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    for place, line in enumerate(lines):
        if header := _header(line):
            return _first_ones(chain(_without_header(lines[:place]), _table(lines[place + 1 :], header)))
    return _first_ones(_without_header(lines))


def _first_ones(lines: Iterable[PastedId]) -> list[PastedId]:
    """Keep each id once; a later mention may still bring the title that the first one lacked."""
    kept: list[PastedId] = []
    places: dict[int | str, int] = {}
    for line in lines:
        if not line.found:
            kept.append(line)
        elif line.found not in places:
            places[line.found] = len(kept)
            kept.append(line)
        else:
            place = places[line.found]
            first = kept[place]
            kept[place] = replace(first, title=first.title or line.title, tags=first.tags or line.tags)
            kept.append(replace(line, verdict=Verdict.REPEATED, note=_("the same id stands above")))
    return kept


# --- Tables ------------------------------------------------------------------------------------------


class TableHeader(NamedTuple):
    delimiter: str
    id_column: int
    title_column: int | None
    tags_column: int | None = None


def _header(line: str) -> TableHeader | None:
    """Is this the header of a table, and where does it put the ids and the titles?"""
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
    """Lines of `id,title`, each and every one, or else running text."""
    for delimiter in ";,":
        rows = _rows(lines, delimiter)
        if len(rows) > 1 and all(_is_titled(row) for row in rows):
            return _table(lines, TableHeader(delimiter, 0, 1))
    return _lines(lines)


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        # A lone quotation mark would swallow the lines that follow it, ids and all.
        rows = [line.split(delimiter) for line in lines]
    stripped = ([cell.strip() for cell in row] for row in rows)
    return [row for row in stripped if any(row)]


def _is_titled(row: list[str]) -> bool:
    """Is this `id,title`, and not a line of a message that happens to have a comma?"""
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
        yield _tagged(_titled(found[0], cell_in(header.title_column)), cell_in(header.tags_column))
    elif found:
        yield from found
    else:
        yield PastedId(_short(" ".join(filter(None, row))), Verdict.NOT_AN_ID, note=_("this row has no run id"))


def _titled(line: PastedId, title: str) -> PastedId:
    title = " ".join(title.split())
    if len(title) > Run.LONGEST_TITLE:
        note = _("the title was cut to %(most)s characters") % {"most": Run.LONGEST_TITLE}
        return replace(line, title=title[: Run.LONGEST_TITLE], note="; ".join(filter(None, [line.note, note])))
    return replace(line, title=title)


def _tagged(line: PastedId, text: str) -> PastedId:
    found = tags.parse(text)
    kept = tuple(name[: Tag.LONGEST].strip() for name in found[:MAX_TAGS])
    if kept == tuple(found):
        return replace(line, tags=kept)
    note = _("tags were cut to %(characters)s characters, and to %(most)s") % {
        "characters": Tag.LONGEST,
        "most": MAX_TAGS,
    }
    return replace(line, tags=kept, note="; ".join(filter(None, [line.note, note])))


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
    for word in _BETWEEN.split(text):
        token = word.strip(_AROUND)
        if any(letter.isdecimal() for letter in token):
            yield _judge(token)
        elif any(letter.isalnum() for letter in token):
            yield PastedId(_short(token), Verdict.WORD)


def _read_url(url: str) -> PastedId:
    url = url.rstrip(f"{_AROUND},;)")
    numbers = _ID_IN_URL.findall(url) or _STEP_OF_URL.findall(url) or [task.group() for task in _UUID.finditer(url)]
    if not numbers:
        return PastedId(_short(url), Verdict.NOT_AN_ID, note=_("there is no run id in this link"))
    found = _judge(numbers[-1])
    return replace(found, written=_short(url), note=found.note or _("taken from the link"))


def _judge(token: str) -> PastedId:
    """Decide about one token that has a digit in it."""
    if task := _TASK.fullmatch(token):
        return PastedId(
            _short(token), Verdict.TASK, task_id=task["id"].lower(), note=_("a task; followed until it is a run")
        )
    number = _LABEL.sub("", token, count=1) if _LABEL.match(token) else token
    digits = "".join(str(int(letter)) if letter.isdecimal() else letter for letter in number)
    if reason := _why_not(digits):
        return PastedId(_short(token), Verdict.NOT_AN_ID, note=reason)
    run_id = int(digits.lstrip("0"))
    note = "" if number == str(run_id) else _("read as %(id)s") % {"id": run_id}
    return PastedId(_short(token), Verdict.ID, run_id, note=note)


def _why_not(number: str) -> str:
    """Return in plain words why this is no run id, or nothing when it is one."""
    if number.isdecimal():
        bare = number.lstrip("0")
        if not bare:
            return _("run ids begin at 1")
        # The length is looked at first: Python refuses to read a number of thousands of digits.
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
