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
TRANSIENT_ERRORS = (OperationalError, InterfaceError, InternalError)
FAILURE_KEY = "database-doubted"
# As much as an answer with a long transcript takes.
FREE_BYTES_NEEDED = 2**20

_was_migrated = False


def is_transient(error: BaseException | None) -> TypeGuard[Exception]:
    """Is this such trouble, or that of tables that are not there yet?"""
    return isinstance(error, TRANSIENT_ERRORS) or (isinstance(error, ProgrammingError) and not is_migrated())


def is_migrated() -> bool:
    """Whether the tables are those of this code; looked up until they are."""
    global _was_migrated
    if not _was_migrated:
        executor = MigrationExecutor(connection)
        _was_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _was_migrated


def record_failure(error: Exception) -> None:
    """Note that something could not be read or written, and why, without the driver's many lines about it."""
    logger.error("The database did not do what was asked of it: %s", first_line(error))
    with suppress(RedisError, OSError):  # the cache may lie on the same full disk, which is looked at as well
        cache.set(FAILURE_KEY, True, None)


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def accepts_writes() -> bool:
    if connection.vendor == "sqlite" and _free_bytes() < FREE_BYTES_NEEDED:
        return False
    if not has_failed():
        return True
    from django.contrib.sessions.models import Session  # a worker's pool is made before models may be

    try:
        # A row that nobody can use, in a table that bears it: should it stay, it is a session that has ended.
        data, ended = secrets.token_urlsafe(FREE_BYTES_NEEDED * 3 // 4), datetime(2000, 1, 1, tzinfo=UTC)
        probe = Session(secrets.token_hex(16), data, ended)
        probe.save(force_insert=True)
        probe.delete()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The database still takes no changes: %s", first_line(error))
        return False
    with suppress(RedisError, OSError):
        cache.delete(FAILURE_KEY)
    return True


def _free_bytes() -> int:
    return disk_usage(Path(connection.settings_dict["NAME"]).parent).free


def has_failed() -> bool:
    with suppress(RedisError, OSError):
        return cache.get(FAILURE_KEY) is not None
    return False
