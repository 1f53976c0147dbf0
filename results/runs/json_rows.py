"""Reads run ids out of JSON and Python's notation: a script's list, CAMB.AI's answer, the SDK's objects."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from results.runs import column_names
from results.runs.column_names import Role
from results.runs.columns import Choice
from results.runs.tables import Table, of_rows

MAX_DEPTH = 20
MAX_EMBEDDED = 1000
# The fields of a result: an object whose values are results is CAMB.AI's answer, and its keys are run ids.
RESULT_FIELDS = frozenset({"video_url", "audio_url", "transcript", "output_video_url", "output_audio_url"})

# `name: value`, in a list after a dash.
_FIELD_LINE = re.compile(
    r"""(?P<item>-\s+)?["']?(?P<name>[^\W\d][\w .-]{0,40}?)["']?\s*[:=]\s*(?P<value>[^:=]*),?"""
)
_CALL = re.compile(r"\b[A-Z]\w*\((?P<fields>(?:\w+=(?:'[^']*'|\"[^\"]*\"|[^,()]*)(?:,\s*)?)+)\)")
_FIELD = re.compile(r"(\w+)=('[^']*'|\"[^\"]*\"|[^,()]*)")


def find(text: str) -> Table | None:
    """Return the rows of ids in a text that holds JSON, Python's own notation or `name: value` lines, else None."""
    value = _value(text.strip())
    if value is None:
        return _of_embedded(text) or _of_calls(text) or _of_fields(text)
    objects = list(_objects(value, 0))
    if not objects:
        ids = [str(item) for item in value if isinstance(item, int | str)] if isinstance(value, list) else []
        return Table(("",), [[item] for item in ids], Choice((Role.RUN,))) if ids else Table((), [], Choice(()))
    return _of_objects(objects)


def _value(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _objects(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield the objects that describe a run, from the outside in, so that none is looked for within a result."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list | tuple):
        for item in value:
            yield from _objects(item, depth + 1)
    elif isinstance(value, dict):
        lists = {name: ids for name, ids in value.items() if _is_list_of_ids(str(name), ids)}
        if by_run := _by_run_id(value):
            yield from by_run
        elif lists:
            yield from ({"run_id": item} for ids in lists.values() for item in ids)
        elif any(_names_an_id(str(name)) and not isinstance(part, dict | list) for name, part in value.items()):
            yield {str(name): part for name, part in value.items()}
        else:
            for part in value.values():
                yield from _objects(part, depth + 1)


def _names_an_id(name: str) -> bool:
    return bool(column_names.run_rank(name)) or column_names.is_task(name)


def _is_list_of_ids(name: str, value: Any) -> bool:
    return _names_an_id(name) and isinstance(value, list) and all(isinstance(item, int | str) for item in value)


def _by_run_id(value: dict[Any, Any]) -> list[dict[str, Any]]:
    """Return a row for each key of CAMB.AI's answer about several runs: run id → result."""
    if not value or not all(str(name).isdecimal() for name in value):
        return []
    if not all(part is None or isinstance(part, dict | str) for part in value.values()):
        return []
    return [{"run_id": str(name), "title": _title(part)} for name, part in value.items()]


def _title(part: Any) -> str:
    title = part.get("title") or part.get("name") if isinstance(part, dict) else part
    return title if isinstance(title, str) else ""


def _of_objects(objects: list[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for found in objects for name in found))
    return of_rows(names, [[_cell(found.get(name)) for name in names] for found in objects])


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return " ".join(str(value).split())


def _of_calls(text: str) -> Table | None:
    """Return a row for each object that Python prints as `Name(run_id=1344, status='SUCCESS')`."""
    objects: list[dict[str, Any]] = []
    for call in _CALL.finditer(text):
        fields = {name: value.strip("'\"") for name, value in _FIELD.findall(call["fields"])}
        if any(_names_an_id(name) for name in fields):
            objects.append({name: "" if value == "None" else value for name, value in fields.items()})
    return _of_objects(objects) if objects else None


def _of_embedded(text: str) -> Table | None:
    """Return a row for each JSON object with an id within a message or a command, and the text around them."""
    objects: list[dict[str, Any]] = []
    around: list[str] = []
    end = start = 0
    for _ in range(MAX_EMBEDDED):
        start = text.find("{", start)
        if start < 0:
            break
        try:
            value, after = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            start += 1
            continue
        if found := list(_objects(value, 0)):
            objects += found
            around.append(text[end:start])
            end = after
        start = after
    return replace(_of_objects(objects), above=(*around, text[end:])) if objects else None


def _of_fields(text: str) -> Table | None:
    """Return a row for each block of lines like `run_id: 1344`, as YAML and forms have them."""
    objects: list[dict[str, Any]] = [{}]
    for line in filter(None, map(str.strip, text.split("\n"))):
        field = _FIELD_LINE.fullmatch(line)
        if not field:
            return None
        if field["item"] or field["name"] in objects[-1]:
            objects.append({})
        objects[-1][field["name"]] = field["value"].strip("'\"")
    names = {name for found in objects for name in found}
    if len(names) < 2 or not any(map(_names_an_id, names)):
        return None
    return _of_objects([found for found in objects if found])
