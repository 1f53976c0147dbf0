"""How do the threads of one process wait for each other to write to SQLite?

SQLite lets one write at a time. Whoever finds it taken looks again after pauses that grow to a tenth of a second,
and in between somebody else is always quicker: of 32 threads that stored answers one waited for seven seconds. So
the threads of a process take turns at a lock of its own, and only processes still look for each other.
"""

import threading

from django.db.backends.sqlite3 import base

_turn = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    _has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        # Without it in time we try nevertheless: SQLite then says what is the matter.
        self._has_turn = _turn.acquire(timeout=self.settings_dict["OPTIONS"]["timeout"])
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs know no private names
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turn.release()
