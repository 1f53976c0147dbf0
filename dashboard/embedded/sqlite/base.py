"""SQLite database backend in which the threads of a process queue at a lock before they write.

SQLite allows one writer at a time. A thread that finds the database locked polls with pauses that grow to a tenth
of a second, and meanwhile another thread is always quicker: of 32 threads that stored answers, one waited for seven
seconds. With this lock the threads of a process take turns, and only separate processes still poll.
"""

import threading

from django.db.backends.sqlite3 import base

_write_lock = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """Holds the process's write lock from the start of each transaction to its end."""

    _has_write_lock = False

    def _start_transaction_under_autocommit(self) -> None:
        # After a time-out the transaction is tried without the lock: SQLite's own error then tells the cause.
        self._has_write_lock = _write_lock.acquire(timeout=self.settings_dict["OPTIONS"]["timeout"])
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs know no private names
        except BaseException:
            self._release_write_lock()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._release_write_lock()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._release_write_lock()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._release_write_lock()

    def _release_write_lock(self) -> None:
        if self._has_write_lock:
            self._has_write_lock = False
            _write_lock.release()
