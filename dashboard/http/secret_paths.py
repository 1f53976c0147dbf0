"""Keeps the secrets in addresses out of logs: whoever reads a log must not open what an address alone opens."""

import logging
import re
from typing import Any

# Feeds, invitations, and links of emails: to unsubscribe, to confirm an address, to set a password.
_SECRET = re.compile(
    r"(/(?:feeds|invitations|unsubscribe|accounts/confirm-email|accounts/password/reset/key)/)[^/\s\"'\\?#<>]{8,}"
)


def masked(text: str) -> str:
    """Return the text with an ellipsis in place of each secret in an address."""
    return _SECRET.sub(r"\1…", text)


class MaskedFormatter(logging.Formatter):
    """Formats a record as a line without the secrets in its message and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def mask_event(event: Any, hint: Any) -> Any:
    """Return an event of Sentry, or a part of one, without the secrets in its texts."""
    match event:
        case str():
            return masked(event)
        case dict():
            return {name: mask_event(part, hint) for name, part in event.items()}
        case list() | tuple():
            return [mask_event(part, hint) for part in event]
    return event
