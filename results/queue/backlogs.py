"""Works off backlogs: a mutex for the task of each, and isolation and quarantine for its items.

Beat sends a backlog's task at every tick, and the task enqueues itself while something is left. Without this, every
tick would add one more task that takes the same rows as the others: after a large sweep they filled all threads,
and kept SQLite's write lock from every other process.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

from results import queue
from results.db import health

logger = logging.getLogger(__name__)

RETRY_SECONDS = 600
# An item whose statement took too long, or that waited for a lock in vain, may well succeed soon.
TRANSIENT_RETRY_SECONDS = 60
# When more items of a backlog fail, the fault is in none of them.
MAX_QUARANTINED = 1000

quarantined_until: dict[tuple[str, int], float] = {}
"""Until when items are left out that failed in this process, by the log line of their backlog and their pk."""

_lock = threading.Lock()
_running: set[str] = set()
_asked_again: set[str] = set()


def single_instance(task: Callable[[], None]) -> Callable[[], None]:
    """Make a task of `results.tasks` a single instance in its process, by a mutex.

    It ends at once while another thread runs it, which then enqueues it once more. So what was committed while it
    came to its end is not left until beat's next tick.
    """
    name = task.__name__

    @functools.wraps(task)
    def run() -> None:
        with _lock:
            if name in _running:
                _asked_again.add(name)
                return
            _running.add(name)
        try:
            task()
        finally:
            with _lock:
                _running.remove(name)
                is_asked_again = name in _asked_again
                _asked_again.discard(name)
            if is_asked_again:
                queue.enqueue(name)

    return run


@contextmanager
def isolated(failure: str, pk: int) -> Iterator[None]:
    """Log what goes wrong with one of many, and let the others come; `failure` is the log line, with `%s` for `pk`.

    Without memory or the database none of them can come, so that is raised.
    """
    try:
        yield
    except Exception as error:
        if _concerns_all(error):
            raise
        logger.exception(failure, pk)


def _concerns_all(error: Exception) -> bool:
    """Whether no other item can come either: there is no memory, or the database is away or takes no changes.

    An item's own statement may take too long, wait for a lock in vain or be more than the database can do. Then a
    probe succeeds. It is one statement for an item, and the first that fails ends the backlog's turn.
    """
    if not isinstance(error, health.TRANSIENT_ERRORS):
        return isinstance(error, MemoryError)
    # A connection that broke, as when the database restarts, is no item's fault.
    return not (connection.is_usable() and health.takes_a_probe_row())


class Quarantine:
    """The items of a backlog that failed (poison messages), left out for RETRY_SECONDS so that the others come.

    Without this, those that fail each time would be the first of every task. `failure` is the log line, with `%s`
    for the pk.
    """

    def __init__(self, failure: str) -> None:
        self._failure = failure

    @contextmanager
    def isolated(self, pk: int) -> Iterator[None]:
        """Do as the function `isolated` does, and leave the item out for a while if it fails."""
        try:
            yield
        except Exception as error:
            if _concerns_all(error) or len(self.pks()) >= MAX_QUARANTINED:
                raise
            is_transient = isinstance(error, health.TRANSIENT_ERRORS)
            seconds = TRANSIENT_RETRY_SECONDS if is_transient else RETRY_SECONDS
            quarantined_until[self._failure, pk] = time.monotonic() + seconds
            logger.exception(self._failure, pk)

    def pks(self) -> list[int]:
        """Return the items that are to be left out now."""
        now = time.monotonic()
        for key in [key for key, until in list(quarantined_until.items()) if until <= now]:
            quarantined_until.pop(key, None)
        return [pk for failure, pk in list(quarantined_until) if failure == self._failure]
