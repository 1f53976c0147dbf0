"""Lets one process at a time prepare the database: others that start meanwhile wait for it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

LOCK_FILE = "migrate.lock"
# The number of PostgreSQL's advisory lock: any that no one else uses in this database.
LOCK_NUMBER = 7_382_766_601

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

    A lock of the session would not do: PgBouncer gives each transaction another session.
    """
    lock = connection.copy()
    try:
        lock.set_autocommit(False)
        with lock.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_NUMBER])
        yield
    finally:
        lock.close()


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
