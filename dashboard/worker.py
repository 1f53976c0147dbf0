"""What does a worker do about trouble that is none of its tasks' own?"""

import faulthandler
import logging
import os
import sys
from concurrent.futures import Future
from functools import cache
from threading import Thread
from time import sleep
from typing import Any

from celery.concurrency.thread import TaskPool
from celery.contrib.django.task import DjangoTask
from celery.exceptions import Ignore
from celery.worker import consumer

from results.db import health

logger = logging.getLogger(__name__)

WATCHDOG_SECONDS = 30
# A thread that computes, such as the one that stores, gives way after so long to those that only send and receive.
# With Python's own 5 ms a caller on PostgreSQL waited 7-9 ms more than CAMB.AI took for each call, and 5 with this.
TURN_S = 0.001
BROKER_S = 1


class DubroomTask(DjangoTask[Any, Any]):
    """A task that expects the database's trouble: a line in the log, and no traceback every two seconds.

    A worker begins none before the tables are those of its code.
    """

    throws = health.TRANSIENT_ERRORS

    def before_start(self, *args: Any, **kwargs: Any) -> None:
        if not health.is_migrated():
            _tell_once()
            raise Ignore

    def on_failure(self, exc: Exception, *args: Any, **kwargs: Any) -> None:
        if isinstance(exc, self.throws):
            health.record_failure(exc)


@cache
def _tell_once() -> None:
    logger.error("The worker waits: the database is not migrated. Run: python manage.py migrate")


class WorkerPool(TaskPool):
    """Celery's threads, in a process that ends at once when one fails in a way that no task may.

    Celery never acknowledges a task that ran out of memory, and takes one message less for each such: after as many
    as there are threads the worker lived and heard nothing any more. What it was at, others find by its leases, as
    if it had been killed, which is how a machine that is short of memory ends a process anyway.
    """

    def on_start(self) -> None:
        super().on_start()
        sys.setswitchinterval(TURN_S)
        Thread(target=_watch, name="watch", daemon=True).start()

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        result = super().on_apply(*args, **kwargs)
        result.f.add_done_callback(_end_if_it_failed)
        return result


class BrokerConsumer(consumer.Consumer):
    """Celery's, which tries a broker that answers and yet takes nothing, as Redis without memory, now and then.

    By itself it would do so five times in a hundredth of a second, and then write a traceback.
    """

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        logger.error("The broker takes nothing: %s", exc)
        sleep(BROKER_S)


def _watch() -> None:
    """Have the process end should no thread of it get on any more.

    CPython 3.11 goes round and round, and lets no other thread have a turn, when it lacks the memory for what it
    notes on its way out of a `with`. The timer that ends it is of C and needs no turn.
    """
    try:
        while True:
            faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True, file=2)
            sleep(WATCHDOG_SECONDS / 6)
    finally:
        os._exit(1)


def _end_if_it_failed(done: "Future[object]") -> None:
    if done.cancelled() or not (error := done.exception()):
        return
    try:
        logger.critical("The worker ends, to be started anew: %s", str(error) or type(error).__name__)
    finally:
        os._exit(1)
