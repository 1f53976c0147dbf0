"""The worker process: its heartbeat, its watchdog, and how it survives what Celery does not."""

import faulthandler
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from time import sleep
from typing import Any

from celery.concurrency.thread import TaskPool
from celery.contrib.django.task import DjangoTask
from celery.exceptions import Ignore
from celery.worker import consumer

from dashboard.embedded.broker import MALFORMED
from results.db import health

logger = logging.getLogger(__name__)

WATCHDOG_SECONDS = 30
BROKER_RETRY_SECONDS = 1


class DubroomTask(DjangoTask[Any, Any]):
    """A task that expects transient database errors: they get one line in the log, not a traceback each.

    No task begins before the database is migrated to this code's tables.
    """

    throws = health.TRANSIENT_ERRORS

    def before_start(self, *args: Any, **kwargs: Any) -> None:
        if not health.is_migrated():
            health.log_not_migrated()
            raise Ignore

    def on_failure(self, exc: Exception, *args: Any, **kwargs: Any) -> None:
        if isinstance(exc, self.throws):
            health.record_failure(exc)


class WorkerPool(TaskPool):
    """Celery's thread pool, in a process that has a heartbeat and that ends when a thread fails as no task may.

    Celery never acknowledges a task that ran out of memory, and takes one message less for each: after as many as
    there are threads the worker lives and receives nothing any more. The process ends instead, and other workers go
    on with its runs, as if it had been killed.
    """

    _stop_heartbeat: Callable[[], None] = staticmethod(lambda: None)

    def on_start(self) -> None:
        from results.refresh import heartbeat  # Celery imports this module before Django's models can be loaded

        super().on_start()
        self._stop_heartbeat = heartbeat.start()
        Thread(target=_watch, name="watchdog", daemon=True).start()

    def on_stop(self) -> None:
        super().on_stop()
        self._stop_heartbeat()

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        result = super().on_apply(*args, **kwargs)
        result.f.add_done_callback(_end_if_it_failed)
        return result


class BrokerConsumer(consumer.Consumer):
    """Celery's consumer, which survives malformed messages and a broker that accepts nothing."""

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Retry a broker that answers but accepts nothing, such as Redis without memory, after a pause.

        Celery itself retries five times within a hundredth of a second, and then logs a traceback.
        """
        logger.error("The broker accepts nothing: %s", exc)
        sleep(BROKER_RETRY_SECONDS)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Return Celery's handler of messages, which rejects a malformed one: Celery's would end the worker.

        The message, which is not acknowledged, would then end the next worker too.
        """
        handle = super().create_task_handler(*args, **kwargs)

        def handle_or_reject(message: Any) -> None:
            try:
                handle(message)
            except MALFORMED as error:
                logger.error("A malformed message is rejected: %s", error)
                message.reject()

        return handle_or_reject


def _watch() -> None:
    """End the process if none of its threads runs any more.

    Without memory for what it allocates at the end of a `with`, CPython 3.11 loops and lets no other thread run.
    The timer that ends the process is written in C and needs no turn.
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
