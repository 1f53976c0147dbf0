"""Reads the body of an API request: JSON in which no name comes twice, with a sentence for what cannot be read."""

import json
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

_SEND = "Send JSON in UTF-8, as `curl -d '{\"ids\": [1344]}'` does."


class UnreadableBodyError(Exception):
    """The body is not JSON. The message says where and what to send."""


class BodyParser(Parser):
    """Parses bodies for ninja, which passes what is raised here on as the cause of an HttpError."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            return json.loads(request.body, object_pairs_hook=_without_repetition)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise UnreadableBodyError(f"The body is not JSON: {error.msg} at {where}. {_SEND}") from error
        except UnicodeDecodeError as error:
            raise UnreadableBodyError(f"The body is not in UTF-8 at byte {error.start + 1}. {_SEND}") from error
        except ValueError as error:
            raise UnreadableBodyError("A number in the body has too many digits.") from error
        except RecursionError as error:
            raise UnreadableBodyError("The body is nested too deeply.") from error


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python keeps the last: of two filters the other would be ignored, and every run selected.
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise UnreadableBodyError(f"The name “{name}” comes twice in one object of the body. Send it once.")
        found[name] = value
    return found
