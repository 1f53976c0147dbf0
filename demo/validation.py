"""Validates requests against CAMB.AI's published schema, with the error texts of FastAPI and pydantic."""

import json
import math
import re
from typing import Any, NoReturn

MIN_IDS, MAX_IDS = 2, 5

Error = dict[str, Any]


class Refused(Exception):
    """A request that is refused with `status` and the body `{"detail": detail}`."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def run_ids(body: bytes, content_type: str) -> list[int]:
    """Return the ids of a bulk request, or raise `Refused`.

    FastAPI would also accept "5". The published schema says integers, so this does not.
    """
    if not body:
        raise Refused(422, [_error("missing", [], "Field required", None)])
    payload = _read_json(body, content_type)
    if not isinstance(payload, dict):
        msg = "Input should be a valid dictionary or object to extract fields from"
        raise Refused(422, [_error("model_attributes_type", [], msg, payload)])
    if "run_ids" not in payload:
        raise Refused(422, [_error("missing", ["run_ids"], "Field required", payload)])
    ids = payload["run_ids"]
    if not isinstance(ids, list):
        raise Refused(422, [_error("list_type", ["run_ids"], "Input should be a valid list", ids)])
    if len(ids) > MAX_IDS:
        raise Refused(422, [_length_error("too_long", "most", MAX_IDS, ids)])
    if errors := [error for at, item in enumerate(ids) if (error := _item_error(at, item))]:
        raise Refused(422, errors)
    if len(ids) < MIN_IDS:
        raise Refused(422, [_length_error("too_short", "least", MIN_IDS, ids)])
    if len(set(ids)) < len(ids):
        msg = "Value error, run_ids must be unique"
        raise Refused(422, [_error("value_error", ["run_ids"], msg, ids, {"error": {}})])
    return [int(run_id) for run_id in ids]  # 5.0 is an integer too, to JSON Schema and to pydantic


def path_run_id(text: str) -> int:
    """Return the id at the end of `/dub-result/`, or raise `Refused`."""
    if not re.fullmatch(r"-?[0-9]{1,4000}", text):
        msg = "Input should be a valid integer, unable to parse string as an integer"
        raise Refused(422, [{"type": "int_parsing", "loc": ["path", "run_id"], "msg": msg, "input": text}])
    return int(text)


def _read_json(body: bytes, content_type: str) -> Any:
    if not re.match(r"application/([\w.-]+\+)?json\s*(;|$)", content_type, re.IGNORECASE):
        return body.decode(errors="replace")  # FastAPI does not parse other bodies: they fail as a whole
    try:
        return json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        detail = {
            "type": "json_invalid",
            "loc": ["body", error.pos],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": error.msg},
        }
        raise Refused(422, [detail]) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, NaN, thousands of digits, or nested too deep
        raise Refused(400, "There was an error parsing the body") from error


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _item_error(at: int, item: object) -> Error | None:
    loc: list[str | int] = ["run_ids", at]
    match item:
        case bool():
            return _error("int_type", loc, "Input should be a valid integer", item)
        case int() | float() if item > 0 and item % 1 == 0:
            return None
        case int() | float() if item % 1 == 0:
            return _error("greater_than", loc, "Input should be greater than 0", item, {"gt": 0})
        case str():
            msg = "Input should be a valid integer, unable to parse string as an integer"
            return _error("int_parsing", loc, msg, item)
        case float():
            msg = "Input should be a valid integer, got a number with a fractional part"
            return _error("int_from_float", loc, msg, item)
        case _:
            return _error("int_type", loc, "Input should be a valid integer", item)


def _length_error(kind: str, bound: str, limit: int, ids: list[object]) -> Error:
    msg = f"List should have at {bound} {limit} items after validation, not {len(ids)}"
    limit_name = "max_length" if kind == "too_long" else "min_length"
    return _error(kind, ["run_ids"], msg, ids, {"field_type": "List", limit_name: limit, "actual_length": len(ids)})


def _error(kind: str, loc: list[str | int], msg: str, given: object, ctx: dict[str, Any] | None = None) -> Error:
    error = {"type": kind, "loc": ["body", *loc], "msg": msg, "input": given}
    return error | {"ctx": ctx} if ctx else error
