"""Has one thread of a process at a time work off a backlog, and each of many go its way whatever happens to others.

Beat sends a backlog's task at every tick, and the task enqueues itself while something is left. Without this, every
tick would add one more task that takes the same rows as the others: after a large sweep they filled all threads,
and kept SQLite's write lock from every other process.
"""

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

from results import queue

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_running: set[str] = set()
_asked_again: set[str] = set()


def one_at_a_time(task: Callable[[], None]) -> Callable[[], None]:
    """Let this task of `results.tasks` end at once while another thread runs it, which then enqueues it once more.

    So what was committed while it came to its end is not left until beat's next tick.
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
def on_its_own(failure: str, pk: int) -> Iterator[None]:
    """Log what goes wrong with one of many, and let the others come; `failure` is the log line, with `%s` for `pk`.

    Without memory or the database none of them can come, so that is raised.
    """
    try:
        yield
    except (MemoryError, OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception(failure, pk)
