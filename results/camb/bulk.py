"""Sorts an answer about several runs by run, wherever in it their ids stand.

CAMB.AI's contract knows one form: run id → result. The ids may also be floats, stand in one or several wrappers, or
within the objects of a list. What names no run that was asked for is left alone.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from results.camb.layout import FAULT_FIELDS, MAX_WRAPPERS, SOURCE_NAME, WRAPPERS, is_result, plain_names
from results.camb.messages import message_in
from results.camb.texts import plain_name, read_text

MAX_EXACT_FLOAT = 2**53
MAX_RUN_ID = 2**63 - 1
_KEY = re.compile(r"([1-9][0-9]{0,18})(?:\.0+)?")
# A list of more is none of runs.
_MOST_ITEMS = 1000
_NESTED = (dict, list)


@dataclass
class Sorted:
    """An answer about several runs: what it says of each that it names, and besides."""

    by_run: dict[int, object] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    """The runs whose key came more than once in one object."""
    message: str = ""
    """CAMB.AI's words about the whole call."""
    has_unnamed: bool = False
    """Whether a result names no run, neither in itself nor by its key."""


def sort_by_run(answer: object, run_ids: Collection[int]) -> Sorted | None:
    """Return what an answer says of each of these runs; None if it is neither an object nor a list of runs."""
    asked = set(run_ids)
    said: dict[int, list[object]] = {}
    found = Sorted(message=message_in(answer) if isinstance(answer, dict) else "")
    for run_id, value in _pairs(answer, asked, found, 0):
        parts = said.setdefault(run_id, [])
        if value not in parts:
            parts.append(value)
    if isinstance(answer, list) and not said:
        return None
    if not isinstance(answer, _NESTED):
        return None
    for run_id in asked & said.keys():
        parts = [part for part in said[run_id] if part] or said[run_id]
        found.by_run[run_id] = parts if len(parts) > 1 else parts[0]
    return found


def _pairs(value: object, asked: set[int], found: Sorted, depth: int) -> Iterator[tuple[int, object]]:
    """Yield the runs that a part of the answer names, each with what it says of the run."""
    if depth > MAX_WRAPPERS:
        return
    if isinstance(value, list):
        for item in value[:_MOST_ITEMS]:
            if run := _named_run(item):
                yield run, item
            elif isinstance(item, dict):
                pairs = list(_pairs(item, asked, found, depth + 1))
                found.has_unnamed |= not pairs and is_result(plain_names(item))
                yield from pairs
    elif (run := _named_run(value)) in asked and run:
        yield run, value
    elif isinstance(value, dict):
        for key, part in value.items():
            run, name = _run_of_key(key), plain_name(key)
            if run in asked:
                if key in getattr(value, "repeats", ()):
                    found.repeated.add(run)
                yield run, part
            elif name in FAULT_FIELDS and isinstance(part, _NESTED):
                yield from ((run, _fault(said)) for run, said in _faults(part, asked, found, depth))
            elif not run and isinstance(part, _NESTED):
                pairs = list(_pairs(part, asked, found, depth + 1))
                if isinstance(part, dict) and not pairs and not SOURCE_NAME.search(name):
                    found.has_unnamed |= is_result(plain_names(part))
                for run, said in pairs:
                    # Under an unknown name, such as `prices`, only an object can be a result.
                    if name in WRAPPERS or isinstance(said, _NESTED):
                        yield run, said


def _faults(part: object, asked: set[int], found: Sorted, depth: int) -> Iterator[tuple[int, object]]:
    """Yield the runs that a part about failed runs names; a list may hold nothing but their ids."""
    if isinstance(part, list):
        yield from ((run, {"status": "FAILED"}) for item in part if (run := run_id(item)) in asked and run)
    yield from _pairs(part, asked, found, depth + 1)


def _fault(said: object) -> object:
    return {"error": said} if isinstance(said, str) else said


def _named_run(item: object) -> int | None:
    """Return the id of the run that an item of a list names."""
    return run_id(plain_names(item).get("run_id")) if isinstance(item, dict) else None


def _run_of_key(key: str) -> int:
    """Return the id that a key is, by its value and not by its spelling, or 0."""
    found = _KEY.fullmatch(key.strip())
    return int(found[1]) if found else 0


def run_id(value: object) -> int | None:
    """Return the id that a number or text is, or None."""
    # Some JSON libraries write every number as a float, which is exact up to this bound.
    if isinstance(value, float) and not value <= MAX_EXACT_FLOAT:
        return None
    found = re.fullmatch(r"([0-9]{1,19})(?:\.0+)?", read_text(value))
    if found and 0 < int(found[1]) <= MAX_RUN_ID:
        return int(found[1])
    return None
