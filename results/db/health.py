"""Does the database take what is written to it?

Nobody writes only to find out, until something could not be written. Then whoever is asked tries, until it can.
"""

import logging
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage
from typing import TypeGuard

from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# What passes once somebody has mended it: a database that is away, restarts, takes no changes or has no room left.
PASSING = (OperationalError, InterfaceError, InternalError)
DOUBTED = "database-doubted"
# As much as an answer with a long transcript takes.
ROOM_BYTES = 2**20

_was_migrated = False


def passes(error: BaseException | None) -> TypeGuard[Exception]:
    """Is this such trouble, or that of tables that are not there yet?"""
    return isinstance(error, PASSING) or (isinstance(error, ProgrammingError) and not is_migrated())


def is_migrated() -> bool:
    """Whether the tables are those of this code; looked up until they are."""
    global _was_migrated
    if not _was_migrated:
        executor = MigrationExecutor(connection)
        _was_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _was_migrated


def doubt(error: Exception) -> None:
    """Note that something could not be read or written, and why, without the driver's many lines about it."""
    logger.error("The database did not do what was asked of it: %s", reason(error))
    with suppress(RedisError, OSError):  # the cache may lie on the same full disk, which is looked at as well
        cache.set(DOUBTED, True, None)


def reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def accepts_writes() -> bool:
    if connection.vendor == "sqlite" and _free_bytes() < ROOM_BYTES:
        return False
    if not is_doubted():
        return True
    from django.contrib.sessions.models import Session  # a worker's pool is made before models may be

    try:
        # A row that nobody can use, in a table that bears it: should it stay, it is a session that has ended.
        data, ended = secrets.token_urlsafe(ROOM_BYTES * 3 // 4), datetime(2000, 1, 1, tzinfo=UTC)
        probe = Session(secrets.token_hex(16), data, ended)
        probe.save(force_insert=True)
        probe.delete()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The database still takes no changes: %s", reason(error))
        return False
    with suppress(RedisError, OSError):
        cache.delete(DOUBTED)
    return True


def _free_bytes() -> int:
    return disk_usage(Path(connection.settings_dict["NAME"]).parent).free


def is_doubted() -> bool:
    with suppress(RedisError, OSError):
        return cache.get(DOUBTED) is not None
    return False
