"""Lets searches by people read from a replica of PostgreSQL, if there is one.

A replica is some moments behind. So only what people look at is read there. Workers, which match saved searches
with the lines just stored, read the database itself; so does everyone while the replica does not answer.

A query that takes too long is no sign of that: it would take as long again in the database.
"""

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from threading import Lock
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

ALIAS = "replica"
# How long the replica is left alone after it did not answer, and then one thread has to find out whether it does.
PAUSE_SECONDS = 10.0
# States of SQL (PostgreSQL, appendix A).
QUERY_CANCELED = "57014"
SERIALIZATION_FAILURE = "40001"  # on a replica: what the database sends replaces what the query reads

_is_allowed: ContextVar[bool] = ContextVar("may_read_replica", default=False)
_paused_until = 0.0  # 0: the last query was answered
_lock = Lock()


def from_replica(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call this function, whose `fetch_rows` may read from the replica, and return what it does."""
    token = _is_allowed.set(True)
    try:
        return read(*args, **kwargs)
    finally:
        _is_allowed.reset(token)


def fetch_rows(sql: str, args: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run this SQL query and return all rows, from the replica where that is allowed."""
    is_wanted = settings.HAS_REPLICA and _is_allowed.get() and not connection.in_atomic_block
    if is_wanted and _may_try():
        pause = 0.0
        try:
            return _fetch(ALIAS, sql, args)
        except (OperationalError, InterfaceError) as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state == QUERY_CANCELED:
                raise
            if state != SERIALIZATION_FAILURE:
                pause = PAUSE_SECONDS
            logger.warning("The database is read in place of the replica: %s", str(error).strip())
        finally:
            _pause(pause)
    return _fetch("default", sql, args)


def _may_try() -> bool:
    """Return whether to ask the replica. When a pause ends, one thread finds out for all whether it answers."""
    global _paused_until
    with _lock:
        if not _paused_until:
            return True
        if monotonic() < _paused_until:
            return False
        _paused_until = monotonic() + PAUSE_SECONDS
        return True


def _pause(seconds: float) -> None:
    """Leave the replica alone for so long; with 0, all threads may ask it."""
    global _paused_until
    with _lock:
        _paused_until = monotonic() + seconds if seconds else 0.0


def _fetch(alias: str, sql: str, args: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, args)
        return list(cursor.fetchall())
