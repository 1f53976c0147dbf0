"""Parses JSON, Python's notation and `name: value` lines in pasted text; returns plain dicts, lists and scalars."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

MAX_EMBEDDED = 1000

_FENCE = re.compile(r"```\w*\n(?P<text>.*?)\n?```", re.DOTALL)
_PYTHON = re.compile(r"[\[{]|[A-Z]\w*\(")
# `name: value`, after a dash in a list, and with a bar in psql.
_FIELD = re.compile(r"""(?P<item>-\s+)?["']?(?P<name>[^\W\d][\w .-]{0,40}?)["']?\s*[:=|]\s*(?P<value>[^:=|]*),?""")
# What consoles and TOML write between two records.
_RECORD = re.compile(r"(?:[*=-]{3,}|-\[).*|\[+\w+\]+", re.DOTALL)

_BROKEN = (ValueError, SyntaxError, RecursionError, MemoryError, TypeError)


def parse(text: str) -> Any:
    """Return the value of a text that is JSON, a JSON object a line, or a Python expression, else None."""
    text = text.strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced["text"].strip()
    for read in (_json, _json_lines, _python):
        value = read(text)
        if value is not None:
            return value
    return None


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.startswith(("{", "[")) else None
    except _BROKEN:
        return None


def _json_lines(text: str) -> Any:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()] if text.startswith("{") else None
    except _BROKEN:
        return None


def _python(text: str) -> Any:
    """Return the value of an expression as Python and JavaScript print it; a call is the dict of its arguments."""
    try:
        return _plain(ast.parse(text, mode="eval").body) if _PYTHON.match(text) else None
    except _BROKEN:
        return None


def _plain(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_plain(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_name(key): _plain(value) for key, value in zip(keys, values, strict=True) if key}
        case ast.Call(args=[only], keywords=[]):
            return _plain(only)
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
            value, end = json.JSONDecoder().raw_decode(text, start)
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
            continue
        field = _FIELD.fullmatch(line)
        if not field:
            return []
        name = field["name"].strip()
        if field["item"] or name in blocks[-1]:
            blocks.append({})
        blocks[-1][name] = field["value"].strip().strip("'\"")
    return [block for block in blocks if block]
