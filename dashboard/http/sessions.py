"""Sessions in the database, of which only a key that Dubroom could have given is looked up.

A cookie holds whatever a browser sends. PostgreSQL refuses a text with NUL, and each look-up of it would fail.
"""

import re

from django.contrib.sessions.backends import db

_KEY = re.compile("[a-z0-9]{32}")


def is_key(text: str | None) -> bool:
    """Return whether a session may have this key."""
    return bool(text and _KEY.fullmatch(text))


class SessionStore(db.SessionStore):
    """Django's, for which a malformed key is none."""

    def _validate_session_key(self, key: str | None) -> bool:
        return is_key(key)
