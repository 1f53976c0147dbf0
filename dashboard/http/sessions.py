"""Sessions in the database, of which only a key that Dubroom could have given is looked up.

A cookie holds whatever a browser sends. PostgreSQL refuses a text with NUL, and each look-up of it would fail.
"""

import re
from typing import TypeGuard

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

_KEY = re.compile("[a-z0-9]{32}")
# Raw SQL, as every page reads a session, and the ORM takes many times as long as the database.
_DATA = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"


def is_key(text: str | None) -> TypeGuard[str]:
    """Return whether a session may have this key."""
    return bool(text and _KEY.fullmatch(text))


def read_data(key: str) -> str | None:
    """Return the stored data of the session with this key; None if there is none, or it has expired."""
    with connection.cursor() as cursor:
        cursor.execute(_DATA, [key, connection.ops.adapt_datetimefield_value(timezone.now())])
        row = cursor.fetchone()
    return row[0] if row else None


class SessionStore(db.SessionStore):
    """Django's, for which a malformed key is none."""

    def _validate_session_key(self, key: str | None) -> bool:
        return is_key(key)

    def _get_session_from_db(self) -> Session | None:
        data = read_data(self.session_key) if self.session_key else None
        if data is None:
            self._session_key = None
            return None
        return Session(session_data=data)
