"""Lets one process at a time prepare the database: others that start meanwhile wait for it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK_FILE = "migrate.lock"
# The number of PostgreSQL's advisory lock: any that no one else uses in this database.
LOCK_NUMBER = 7_382_766_601
RETRY_SECONDS = 0.5

_is_held = False


@contextmanager
def migration_lock() -> Iterator[None]:
    """Hold the lock, after waiting for the process that has it. Within the lock, taking it again does nothing."""
    global _is_held
    if _is_held:
        yield
        return
    with _server_lock() if connection.vendor == "postgresql" else _file_lock():
        _is_held = True
        try:
            yield
        finally:
            _is_held = False


@contextmanager
def _server_lock() -> Iterator[None]:
    """Hold an advisory lock for the length of a transaction on a connection of its own.

    A lock of the session would not do: PgBouncer gives each transaction another session. Nor would waiting in a
    transaction: those that wait would hold all connections of a small pool, and the one with the lock gets none.
    """
    lock = connection.copy()
    try:
        lock.set_autocommit(False)
        while not _try_lock(lock):
            lock.rollback()
            sleep(RETRY_SECONDS)
        yield
    finally:
        lock.close()


def _try_lock(lock: BaseDatabaseWrapper) -> bool:
    """Take the lock for this connection's transaction; return False if another process has it."""
    with lock.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK_NUMBER])
        [is_locked] = cursor.fetchone()
    return bool(is_locked)


@contextmanager
def _file_lock() -> Iterator[None]:
    """Hold a lock on a file beside SQLite's database; without a file, no other process shares the database."""
    database = Path(str(connection.settings_dict["NAME"]))
    if "memory" in database.name or not database.parent.is_dir():
        yield
        return
    with (database.parent / LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
