"""The health of the database: whether it accepts writes.

Nothing is written only to learn this until a write has failed. From then on each check writes a probe row, until
one succeeds.
"""

import functools
import logging
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryFile
from typing import TypeGuard

from django.apps import apps
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Errors that end once the database is repaired: it is away, restarts, is read-only or has no disk space left.
TRANSIENT_ERRORS = (OperationalError, InterfaceError, InternalError)
FAILURE_KEY = "database-failed"
# The size of an answer with a long transcript.
FREE_BYTES_NEEDED = 2**20

_was_migrated = False


def is_transient(error: BaseException | None) -> TypeGuard[Exception]:
    """Return whether this error is transient: the database is away or full, or its tables are not migrated yet."""
    return isinstance(error, TRANSIENT_ERRORS) or (isinstance(error, ProgrammingError) and not is_migrated())


def is_migrated() -> bool:
    """Return whether the tables are those of this code. A positive result is cached for the life of the process."""
    global _was_migrated
    if not _was_migrated:
        executor = MigrationExecutor(connection)
        _was_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _was_migrated


@functools.cache
def log_not_migrated() -> None:
    """Log, once in the life of the process, that it waits for the database to be migrated."""
    logger.error("Nothing is done: the database is not migrated. Run: python manage.py migrate")


def record_failure(error: Exception) -> None:
    """Log the first line of why a read or write failed, and have the next checks write a probe row."""
    logger.error("A database query failed: %s", first_line(error))
    with suppress(RedisError, OSError):  # the cache may be on the same full disk, which is checked as well
        cache.set(FAILURE_KEY, True, None)


def first_line(error: Exception) -> str:
    """Return the first line of the error's message, as a database driver adds many more."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def accepts_writes() -> bool:
    """Return whether the database accepts writes, as far as is known.

    On SQLite, a disk that is full or read-only means no. Otherwise only a recorded failure makes this write a probe
    row of the size of a long answer; its success ends the failure.
    """
    if connection.vendor == "sqlite" and not _disk_takes_files():
        return False
    if not has_failed():
        return True
    if not takes_a_probe_row():
        return False
    with suppress(RedisError, OSError):
        cache.delete(FAILURE_KEY)
    return True


def takes_a_probe_row() -> bool:
    """Return whether a row of the size of a long answer can be written, and delete it again."""
    session = apps.get_model("sessions", "Session")  # a worker imports this module before models can be loaded
    try:
        # The probe is an expired session without a user, which does no harm if its deletion fails.
        data, ended = secrets.token_urlsafe(FREE_BYTES_NEEDED * 3 // 4), datetime(2000, 1, 1, tzinfo=UTC)
        probe = session(secrets.token_hex(16), data, ended)
        probe.save(force_insert=True)
        probe.delete()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The database still accepts no writes: %s", first_line(error))
        return False
    return True


def _disk_takes_files() -> bool:
    """Return whether there is room for files beside SQLite's. A disk with errors becomes read-only."""
    folder = Path(connection.settings_dict["NAME"]).parent
    try:
        with TemporaryFile(dir=folder):
            return disk_usage(folder).free >= FREE_BYTES_NEEDED
    except OSError:
        return False


def has_failed() -> bool:
    """Return whether a failure was recorded and no probe row has been written since."""
    with suppress(RedisError, OSError):
        return cache.get(FAILURE_KEY) is not None
    return False
