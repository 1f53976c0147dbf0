"""Reads the rows of a table: the id of each, with its title, tags and language, or the reason why it has none."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from django.utils.translation import gettext as _

from results import tags
from results.models import Run, Source, Tag
from results.runs.paste import column_names, id_cells, limits
from results.runs.paste.column_names import Role
from results.runs.paste.grids import Row
from results.runs.paste.running_text import names_ids, tokens
from results.runs.paste.tables import Table
from results.runs.paste.verdicts import PastedId, Verdict, shorten
from results.runs.source_names import without_language
from results.transcripts import languages
from results.transcripts.languages import quoted

_ID_WITH_REMARK = re.compile(r"\W*\w*?\d+\W*(?:\(.*\)\W*)?")
# Sums stand in one of the last rows.
LAST_ROWS = 3


def read(table: Table, languages_of_numbers: Mapping[int, str]) -> Iterator[PastedId]:
    """Yield the id of each row, with its title, tags and language, or the reason why the row has none."""
    if table.question:
        return
    for place, row in enumerate(table.rows):
        if [*map(column_names.fold, row)] == [*map(column_names.fold, table.names)]:
            continue  # the header again, as above each page of a printed table
        if place >= len(table.rows) - LAST_ROWS and any(map(column_names.is_total, row)):
            written = " ".join(filter(None, row)).replace(id_cells.BREAK, " ")
            yield PastedId(shorten(written), Verdict.NOT_AN_ID, note=_("a row of sums"))
        else:
            yield from _read_row(row, table, languages_of_numbers)


def _read_row(row: Row, table: Table, languages_of_numbers: Mapping[int, str]) -> Iterator[PastedId]:
    def cell_of(role: Role) -> str:
        place = table.choice.place(role)
        cell = row[place] if place is not None else ""
        if role in (Role.RUN, Role.TASK):
            return cell
        return "" if cell in id_cells.NO_VALUES else cell.replace(id_cells.BREAK, " ")

    found = list(_read_id(cell_of(Role.RUN)))
    is_alone = sum(map(bool, row)) == 1 < len(row) and any(map(str.isalpha, cell_of(Role.RUN)))
    if is_alone and not any(line.found for line in found):
        yield PastedId(shorten(cell_of(Role.RUN)), Verdict.NOT_AN_ID, note=_("a heading within the table"))
        return
    found = found or list(_read_id(cell_of(Role.TASK)))
    if not any(line.found for line in found) and (task := [t for t in _read_id(cell_of(Role.TASK)) if t.found]):
        found = task
    for line in found:
        if line.found:
            line = _with_tags(_with_title(line, cell_of(Role.TITLE)), cell_of(Role.TAGS))
            line = _with_language(line, cell_of(Role.LANGUAGE), languages_of_numbers)
            line = _with_source(line, cell_of(Role.SOURCE), is_series=_has_series(table))
        yield line
    if not found:
        written = " ".join(filter(None, row)).replace(id_cells.BREAK, " ")
        yield PastedId(shorten(written), Verdict.NOT_AN_ID, note=_("this row has no run id"))


def _read_id(cell: str) -> Iterator[PastedId]:
    """Yield the id in a cell of the id column, or the ids if there are several, or the reason why there is none."""
    cell = id_cells.bare(cell)
    if not cell:
        return
    if id_cells.BREAK in cell:
        shown = cell.replace(id_cells.BREAK, " ")
        yield _bad_id(shown, _("an invisible character stands between the digits; type the id again"))
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
    found = list(tokens(id_cells.list_items(cell) if id_cells.is_list(cell) else cell))
    ids = [line for line in found if line.found]
    if ids and all(line.verdict is Verdict.ID for line in ids) and not _names_its_ids(cell):
        yield _bad_id(cell, _("words with a number; write the id alone"))
    elif ids:
        seen = {line.found: line for line in reversed(ids)}  # a Markdown link has the id twice
        yield from reversed(seen.values())
        yield from (line for line in found if line.verdict is Verdict.NOT_AN_ID)
    else:
        wrong = [line for line in found if line.verdict is Verdict.NOT_AN_ID]
        yield _bad_id(cell, wrong[0].note if wrong else _("a run id is a number"))


def _names_its_ids(cell: str) -> bool:
    """Tell `run 1344`, a link, `1344 (done)` and lists of ids from `redo 2 of 3`."""
    return names_ids(cell) or "://" in cell or id_cells.is_list(cell) or bool(_ID_WITH_REMARK.fullmatch(cell))


def _bad_id(cell: str, note: str) -> PastedId:
    return PastedId(shorten(cell), Verdict.BAD_ID, note=note)


def _with_title(line: PastedId, title: str) -> PastedId:
    title = " ".join(title.split())
    if not title:
        return line
    if len(title) > Run.MAX_TITLE:
        note = _("the title was cut to %(most)s characters") % {"most": Run.MAX_TITLE}
        return _noted(replace(line, title=title[: Run.MAX_TITLE]), note)
    return replace(line, title=title)


def _with_tags(line: PastedId, text: str) -> PastedId:
    if not text:
        return line
    found = tags.parse(text)
    cut = tuple(name[: Tag.MAX_NAME].strip() for name in found[: limits.MAX_TAGS])
    if cut == tuple(found):
        return replace(line, tags=cut)
    note = _("tags were cut to %(characters)s characters, and to %(most)s") % {
        "characters": Tag.MAX_NAME,
        "most": limits.MAX_TAGS,
    }
    return _noted(replace(line, tags=cut), note)


def _with_language(line: PastedId, text: str, languages_of_numbers: Mapping[int, str]) -> PastedId:
    if not text:
        return line
    tag = languages.read(text, languages_of_numbers)
    if tag or not any(map(str.isalnum, text)):
        return replace(line, language=tag)
    note = _("Dubroom knows no language %(name)s; the run is added without one")
    return _noted(replace(line, unknown_language=shorten(text)), note % {"name": quoted(shorten(text))})


def _has_series(table: Table) -> bool:
    place = table.choice.place(Role.SOURCE)
    return place is not None and column_names.is_series(table.names[place])


def _with_source(line: PastedId, text: str, *, is_series: bool) -> PastedId:
    """Return the line with its source. Of a series, the dubs of one episode are those of one title."""
    if not text:
        return line
    source = " ".join(text.split())
    if source and is_series:
        episode = without_language(line.title)
        source = f"{source}: {episode}" if episode else ""
    return replace(line, source=source[: Source.MAX_TITLE])


def _noted(line: PastedId, note: str) -> PastedId:
    return replace(line, note="; ".join(filter(None, [line.note, note])))
