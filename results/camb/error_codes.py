"""Finds the code of an HTTP error in the body of an answer that came with 200, as `{"error": "…", "status": 401}`.

Some gateways answer so. Without this, a key that CAMB.AI refuses would be shown as working.
"""

import re
from collections.abc import Collection
from typing import Any

from results.camb.messages import MESSAGE_FIELDS
from results.camb.reasons import FAILURE_FIELDS, read_state
from results.camb.texts import plain_name, read_text

_CODE_FIELDS = ("status", "status_code", "http_status", "code", "error_code")
_CODE = re.compile(r"([45][0-9]{2})(?:\.0+)?(?![0-9.])")
# CAMB.AI's word for the code 402.
_UNPAID = "PAYMENT_REQUIRED"
# Every call with the key would be answered like this, whichever runs it is about.
_OF_THE_KEY = (401, 402, 429)


def error_code_in(answer: object) -> int | None:
    """Return the code of an error, 400 to 599, that an answer without a result holds; None if it holds none.

    What gives a reason, such as SOURCE_TOO_LONG, or fails by a word such as ERROR with a 5xx, is about a run.
    """
    if not isinstance(answer, dict):
        return None
    fields = _plain(answer)
    if read_state({name: fields[name] for name in FAILURE_FIELDS if name in fields}).failure:
        return None
    parts = [fields, *(_plain(part) for name in MESSAGE_FIELDS if isinstance(part := fields.get(name), dict))]
    found = (_CODE.match(read_text(part.get(name))) for part in parts for name in _CODE_FIELDS)
    code = next((int(match[1]) for match in found if match), None)
    return None if code and code >= 500 and read_state(fields).failure else code


def error_code_of_call(answer: object, by_run: Collection[object]) -> int | None:
    """Return the code of an error in a bulk answer: its own if it names no run, or one of the key's about each."""
    if not by_run and isinstance(answer, dict):
        return error_code_in(answer) or (402 if read_state(_plain(answer)).failure == _UNPAID else None)
    codes = set(map(error_code_in, by_run))
    code = codes.pop() if len(codes) == 1 else None
    return code if code in _OF_THE_KEY else None


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {plain_name(name): value for name, value in fields.items()}
