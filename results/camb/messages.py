"""Finds CAMB.AI's own words in an answer: messages and the details of errors."""

import json
import re
from typing import Any

from results.camb.layout import first_of
from results.camb.texts import read_line, read_text

MAX_MESSAGE = 200
MESSAGE_FIELDS = ("detail", "error", "message", "errors", "error_message", "msg", "text")
# The names of a message within an error object.
INNER_MESSAGE_FIELDS = (*MESSAGE_FIELDS, "description", "title", "reason")
# A reason may be an object that holds the words too.
_REASON_FIELDS = ("exception_reason", "failure_reason", "reason", "failure", "exception")
_MARKUP = re.compile(r"<[a-zA-Z!/?]")


def is_markup(text: str) -> bool:
    return bool(_MARKUP.match(text.lstrip()))


def plain(value: object) -> str:
    """Return a message as one line; "" if it is a web page or its letters cannot be read."""
    text = read_line(value, MAX_MESSAGE)
    return "" if _MARKUP.search(text) or "\ufffd" in text else text


def message_in(fields: dict[str, Any], *, is_failure: bool = False) -> str:
    """Return the message in an object like `{"detail": "…"}`, `{"error": {"message": "…"}}` or FastAPI's details.

    The message of a failure is shown even if it is an object of unknown fields.
    """
    for field in MESSAGE_FIELDS:
        message = fields.get(field)
        if isinstance(message, dict):
            inner = _inner(message)
            message = inner or (json.dumps(message, ensure_ascii=False) if is_failure and message else "")
        elif isinstance(message, list):
            message = "; ".join(filter(None, map(_detail, message)))
        if text := plain(message):
            return text
    return ""


def message_of_failure(fields: dict[str, Any], reason: str) -> str:
    """Return CAMB.AI's words about a failure, which may stand beside the reason; "" if they only repeat it."""
    parts = (part for name in _REASON_FIELDS if isinstance(part := fields.get(name), dict))
    message = message_in(fields, is_failure=True) or next(filter(None, map(_inner, parts)), "")
    return "" if message.upper() == reason else message


def _inner(message: dict[str, Any]) -> str:
    return next((text for name in INNER_MESSAGE_FIELDS if (text := plain(message.get(name)))), "")


def _detail(item: object) -> str:
    """Return the message in an item of a list of errors."""
    return read_text(first_of(item, ("msg", "message", "detail")) if isinstance(item, dict) else item)
