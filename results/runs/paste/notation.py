"""Parses JSON, Python's notation and `name: value` lines in pasted text; returns plain dicts, lists and scalars."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from results.runs.paste import column_names

MAX_EMBEDDED = 1000

_FENCE = re.compile(r"```\w*\n(?P<text>.*?)\n?```", re.DOTALL)
_PYTHON = re.compile(r"[\[{(]|(?:\w+\.)?(?:[A-Z]\w*|array|tensor)\(")
_ASSIGNMENT = re.compile(
    r"(?:(?:export\s+)?(?:const|let|var)\s+)?[A-Za-z_$][\w.$]*\s*(?::[^=\n]{1,60})?=\s*(?=[\[{(\w])"
)
_COMMENT = re.compile(r"(?:(?<=[\s,;\[{(])|^)(?://|#).*$", re.MULTILINE)
_LINES_OF_TUPLES = re.compile(r"\)(\s*\n\s*)\(")
_INSERT = re.compile(
    r"\bINSERT\s+(?:\w+\s+)?INTO\s+[\w.`\"\[\]]+\s*(?:\((?P<names>[^()]*)\))?\s*VALUES\s*", re.IGNORECASE
)
_VALUE_SHAPE = r"(?:[A-Za-z]?'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|[^\s,'\"()]+(?:\([^()]*\))?)"
_VALUE = re.compile(_VALUE_SHAPE, re.DOTALL)
_ROW = re.compile(rf"\s*,?\s*\((?P<values>\s*{_VALUE_SHAPE}\s*(?:,\s*{_VALUE_SHAPE}\s*)*)\)", re.DOTALL)
# `name: value`, after a dash in a list, and with a bar in psql. A value may have any sign if it is quoted or stands
# behind a space, as `created: 2026-08-01 10:30` does.
_FIELD = re.compile(
    r"""(?P<item>-\s+)?["']?(?P<name>[^\W\d][\w .-]{0,40}?)["']?\s*[:=|]\s*"""
    r"""(?P<value>"[^"]*"|'[^']*'|[^:=|]*|(?<=\s).*),?"""
)
_SIGNS_OF_FIELDS = re.compile("[:=|]")
# What YAML writes above the fields of one thing, or of several.
_KEY = re.compile(r"""["']?(?:(?P<id>\d{1,19})|[^\W\d][\w-]{0,40})["']?:|-""")
# What consoles and TOML write between two records.
_RECORD = re.compile(r"(?:[*=-]{3,}|-\[).*|\[+\w+\]+", re.DOTALL)

_BROKEN = (ValueError, SyntaxError, RecursionError, MemoryError, TypeError)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of these pairs. An id that came twice is the list of its values, so that none is lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        for name in filter(column_names.run_rank, found):
            values = list(dict.fromkeys(part for key, part in pairs if key == name and isinstance(part, int | str)))
            if len(values) > 1:
                found[name] = values
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def parse(text: str) -> Any:
    """Return the value of a text that is JSON, Python or JavaScript, or has an object a line, else None."""
    text = text.strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced["text"].strip()
    if assigned := _ASSIGNMENT.match(text):
        text = text[assigned.end() :].rstrip("; \n")
    for read in (_json, _python, _objects_in_lines):
        value = read(text)
        if value is not None:
            return value
    return None


def _json(text: str) -> Any:
    try:
        return _DECODER.decode(text) if text.startswith(("{", "[")) else None
    except _BROKEN:
        return None


def _objects_in_lines(text: str) -> Any:
    found = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        value = _json(line) or _python(line)
        if not isinstance(value, dict):
            return None
        found.append(value)
    return found or None


def _python(text: str) -> Any:
    """Return the value of an expression as Python and JavaScript print it; a call is the dict of its arguments."""
    if not _PYTHON.match(text):
        return None
    # Comments are none of JavaScript's values, and tuples may stand in lines without a list around them.
    bare = _LINES_OF_TUPLES.sub(r"),\1(", _COMMENT.sub("", text).rstrip())
    for source in (text, f"({bare}\n)"):
        try:
            value = _plain(ast.parse(source, mode="eval").body)
        except _BROKEN:
            continue
        return value if isinstance(value, list | dict) else None
    return None


def _plain(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_plain(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return _object([(_name(key), _plain(value)) for key, value in zip(keys, values, strict=True) if key])
        case ast.Call(args=[first, *_]):
            return _plain(first)
        case ast.Call(keywords=keywords):
            return {keyword.arg: _plain(keyword.value) for keyword in keywords if keyword.arg}
    return None


def _name(key: ast.expr) -> str:
    return key.id if isinstance(key, ast.Name) else str(_plain(key))


def embedded(text: str) -> Iterator[tuple[int, int, Any]]:
    """Yield each JSON object within a message or a command, as (start, end, value)."""
    start = 0
    for _ in range(MAX_EMBEDDED):
        start = text.find("{", start)
        if start < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, start)
        except _BROKEN:
            start += 1
            continue
        yield start, end, value
        start = end


def fields(text: str) -> list[dict[str, str]]:
    """Return the blocks of lines like `run_id: 1344`, as YAML, TOML, forms and consoles have them, else []."""
    blocks: list[dict[str, str]] = [{}]
    for line in filter(None, map(str.strip, text.split("\n"))):
        if _RECORD.fullmatch(line):
            blocks.append({})
        elif key := _KEY.fullmatch(line):
            blocks.append({"run_id": key["id"]} if key["id"] else {})
        elif field := _FIELD.fullmatch(line):
            name, value = field["name"].strip(), field["value"].strip()
            if column_names.run_rank(name) and value[:1] not in "'\"" and _SIGNS_OF_FIELDS.search(value):
                return []
            if field["item"] or name in blocks[-1]:
                blocks.append({})
            blocks[-1][name] = _unquoted(value)
        else:
            return []
    return [block for block in blocks if block]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value.strip("'\"[]")


# --- SQL ---------------------------------------------------------------------------------------------


def inserted(text: str) -> list[dict[str, str]]:
    """Return the rows that the INSERT statements of a text add; a column without a name is named by its number."""
    rows: list[dict[str, str]] = []
    for statement in _INSERT.finditer(text):
        names = [name.strip('`"[] \n') for name in (statement["names"] or "").split(",") if name.strip()]
        end = statement.end()
        while row := _ROW.match(text, end):
            values = [_sql_value(value) for value in _VALUE.findall(row["values"])]
            rows.append(dict(zip(names or map(str, range(1, len(values) + 1)), values, strict=False)))
            end = row.end()
    return rows


def _sql_value(value: str) -> str:
    if value.upper() == "NULL":
        return ""
    quoted = re.fullmatch(r"[A-Za-z]?'(?P<text>.*)'", value, re.DOTALL)
    return quoted["text"].replace("''", "'").replace("\\'", "'") if quoted else value.strip('"')
