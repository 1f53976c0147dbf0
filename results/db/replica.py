"""Lets searches by people read from a replica of PostgreSQL, if there is one.

A replica is some moments behind. So only what people look at is read there. Workers, which match saved searches
with the lines just stored, read the database itself; so does everyone while the replica does not answer.
"""

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

ALIAS = "replica"
# How long the replica is left alone after it did not answer.
PAUSE_SECONDS = 10.0

_is_allowed: ContextVar[bool] = ContextVar("may_read_replica", default=False)
_paused_until = 0.0


def from_replica(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call this function, whose `fetch_rows` may read from the replica, and return what it does."""
    token = _is_allowed.set(True)
    try:
        return read(*args, **kwargs)
    finally:
        _is_allowed.reset(token)


def fetch_rows(sql: str, args: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run this SQL query and return all rows, from the replica where that is allowed."""
    global _paused_until
    is_usable = settings.HAS_REPLICA and not connection.in_atomic_block and monotonic() > _paused_until
    if _is_allowed.get() and is_usable:
        try:
            return _fetch(ALIAS, sql, args)
        except (OperationalError, InterfaceError) as error:
            _paused_until = monotonic() + PAUSE_SECONDS
            logger.warning("The replica does not answer, the database is read instead: %s", str(error).strip())
    return _fetch("default", sql, args)


def _fetch(alias: str, sql: str, args: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, args)
        return list(cursor.fetchall())
