"""Finds the rows with run ids in JSON and its like: a script's list, CAMB.AI's answer, the SDK's objects."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from results.runs.paste import column_names, grids, id_cells, notation
from results.runs.paste.column_names import Role
from results.runs.paste.columns import SURE_RANK, Choice
from results.runs.paste.running_text import is_uuid
from results.runs.paste.tables import Table, of_cells, of_rows

MAX_DEPTH = 20
# An entry of CAMB.AI's lists of languages, whose ids are those of languages.
LANGUAGE_FIELDS = {"id", "language", "short_name"}

_SUBTITLE = re.compile(r"\d\d:\d\d[,.]\d{3}\s*-->\s*\d")

NOTHING = Table((), [], Choice(()))

Object = dict[str, Any]


def find(text: str) -> Table | None:
    """Return the rows of ids in a text that holds JSON, Python's notation or `name: value` lines, else None."""
    if _SUBTITLE.search(text):
        return NOTHING
    if rows := notation.inserted(text):
        table = _of_objects(rows)
        return of_cells(table.rows) if all(map(str.isdecimal, table.names)) else table
    value = notation.parse(text)
    if value is None:
        return _of_embedded(text) or _of_fields(text)
    if isinstance(value, list) and (ids := [_cell(item) for item in value if not isinstance(item, dict | list)]):
        return Table(("",), [[item] for item in ids if item], Choice((Role.RUN,)))
    if objects := list(_objects(value, 0)):
        return _of_objects(objects)
    if cells := next(_lists_of_cells(value, 0), None):
        return of_cells([[_cell(cell) for cell in row] for row in cells])
    return NOTHING


def _of_embedded(text: str) -> Table | None:
    """Return a row for each object with an id within a message or a command, and the text around them."""
    objects: list[Object] = []
    around: list[str] = []
    rest = 0
    for start, end, value in notation.embedded(text):
        if found := list(_objects(value, 0)):
            objects += found
            around.append(text[rest:start])
            rest = end
    return replace(_of_objects(objects), above=(*around, text[rest:])) if objects else None


def _of_fields(text: str) -> Table | None:
    objects = notation.fields(text)
    names = {name for found in objects for name in found}
    return _of_objects(objects) if len(names) > 1 and any(map(_names_an_id, names)) else None


# --- The objects that describe a run -------------------------------------------------------------------


def _objects(value: Any, depth: int) -> Iterator[Object]:
    """Yield the objects that describe a run, from the outside in, so that none is looked for within a result."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        names = _id_names(value)
        for item in value:
            if isinstance(item, dict) and any(_is_plain(item[name]) for name in names & item.keys()):
                yield {str(name): part for name, part in item.items()}
            else:
                yield from _objects(item, depth + 1)
    elif isinstance(value, dict) and not value.keys() >= LANGUAGE_FIELDS:
        named = {name: part for name, part in value.items() if _names_an_id(str(name))}
        if rows := _by_run_id(value) or _by_column(value):
            yield from rows
        elif any(isinstance(part, list) for part in named.values()):
            ids = (item for part in named.values() if isinstance(part, list) for item in part)
            yield from ({"run_id": item} for item in ids if _is_plain(item))
            yield from (found for part in named.values() for found in _objects(part, depth + 1))
        elif any(map(_may_be_id, named.values())) and not _is_around_a_run(value, named):
            yield {str(name): part for name, part in value.items()}
        else:
            yield from _objects(list(value.values()), depth + 1)


def _is_around_a_run(value: dict[Any, Any], named: Object) -> bool:
    """Tell whether the object's own id is that of a message, as JSON-RPC numbers them, around one with a run's."""
    if any(column_names.run_rank(str(name)) >= SURE_RANK or column_names.is_task(str(name)) for name in named):
        return False
    inner = (part for part in value.values() if isinstance(part, dict))
    return any(
        column_names.run_rank(str(name)) > SURE_RANK and _may_be_id(part[name]) and part[name] is not None
        for part in inner
        for name in part
    )


def _id_names(items: list[Any]) -> set[Any]:
    """Return the names under which objects of a list have an id; with one of them, the others are rows as well."""
    objects = [item for item in items if isinstance(item, dict) and not item.keys() >= LANGUAGE_FIELDS]
    names = {name for found in objects for name in found}
    ids = {name for name in names if _names_an_id(str(name))}
    return {
        name
        for found in objects
        for name in ids & found.keys()
        if found[name] is not None and _may_be_id(found[name])
    }


def _names_an_id(name: str) -> bool:
    return bool(column_names.run_rank(name)) or column_names.is_task(name)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _may_be_id(value: Any) -> bool:
    cell = _cell(value)
    return value is None or bool(id_cells.whole_number(cell)) or is_uuid(cell)


def _by_run_id(value: dict[Any, Any]) -> list[Object]:
    """Return a row for each key of CAMB.AI's answer about several runs: run id → result."""
    if not value or not all(id_cells.whole_number(str(name)) for name in value):
        return []
    if not all(part is None or isinstance(part, dict | list | str) for part in value.values()):
        return []
    return [{"run_id": str(name), "title": _title(part)} for name, part in value.items()]


def _title(part: Any) -> str:
    title = part.get("title") or part.get("name") if isinstance(part, dict) else part
    return title if isinstance(title, str) else ""


def _by_column(value: dict[Any, Any]) -> list[Object]:
    """Return the rows of a table that is written column by column, as data frames are: name → its cells."""
    lists = {
        str(name): list(part.values()) if isinstance(part, dict) else part
        for name, part in value.items()
        if isinstance(part, dict | list)
    }
    sizes = {len(cells) for cells in lists.values()}
    are_plain = not any(isinstance(cell, dict | list) for cells in lists.values() for cell in cells)
    if len(lists) < 2 or len(sizes) > 1 or not are_plain or not any(map(_names_an_id, lists)):
        return []
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _lists_of_cells(value: Any, depth: int) -> Iterator[list[list[Any]]]:
    """Yield the tables that are lists of rows, as spreadsheets' APIs and databases' drivers return them."""
    if depth > MAX_DEPTH or not isinstance(value, dict | list):
        return
    if isinstance(value, list) and value and all(isinstance(row, list) and row for row in value):
        yield value
        return
    for part in value.values() if isinstance(value, dict) else value:
        yield from _lists_of_cells(part, depth + 1)


# --- The table -----------------------------------------------------------------------------------------


def _of_objects(objects: list[Object]) -> Table:
    names = list(dict.fromkeys(name for found in objects for name in found))
    if len(names) > grids.MAX_COLUMNS or len(names) * len(objects) > grids.MAX_CELLS:
        # Objects with ever new names are no table; their ids are read all the same.
        names = [name for name in names if _names_an_id(name)][: grids.MAX_CELLS // len(objects)]
    ids = {name for name in names if _names_an_id(name)}
    cells = [[(_id_cell if name in ids else _cell)(found.get(name)) for name in names] for found in objects]
    # Which column holds the ids is seen in the rows that have one.
    telling = [
        row
        for row, found in zip(cells, objects, strict=True)
        if any(name in found and _may_be_id(found[name]) for name in ids)
    ]
    return replace(of_rows(names, telling or cells), rows=cells)


def _id_cell(value: Any) -> str:
    """Return what stands in place of an id, as the row is listed with it: `true` and `nan` are none."""
    return str(value).lower() if isinstance(value, bool | float) and not _cell(value) else _cell(value)


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return " ".join(str(value).split())
