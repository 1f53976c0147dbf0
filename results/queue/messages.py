"""Hands work to Celery workers, and tells whether there is a worker.

The database is the truth, and a message only says that there is work: the caller has committed what is to be done
before it enqueues. A lost message costs one tick of beat, or for a person's Refresh at most ten seconds, never a
run. So a broken broker is logged and no more. Delivery is at least once: a task that comes twice does no harm.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from celery import current_app
from celery.worker import state
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from results import clock
from results.models import WorkerHeartbeat

logger = logging.getLogger(__name__)

BROKER_ERRORS = (OperationalError, RedisError, OSError)

_started_at = timezone.now()
# Raw SQL, as each list asks while a run is unfinished, and the ORM takes longer than the database.
_LAST_SEEN = "select seen_at from results_workerheartbeat where seen_at <= %s order by seen_at desc limit 1"


def enqueue(task: str, *args: object, on_unreachable: Callable[[], None] = lambda: None) -> None:
    """Send this task of `results.tasks` to a worker once the transaction under way is committed.

    `on_unreachable` is called when the broker cannot be reached.
    """
    transaction.on_commit(lambda: _send(task, args, on_unreachable))


def _send(task: str, args: tuple[object, ...], on_unreachable: Callable[[], None]) -> None:
    try:
        current_app.send_task(f"results.tasks.{task}", args)
    except BROKER_ERRORS as error:
        logger.warning("The broker cannot be reached, beat will send it later: %s (%s)", task, type(error).__name__)
        on_unreachable()


def is_worker_stopping() -> bool:
    """Whether this worker process was told to stop, so that its threads begin nothing more."""
    stop = state.should_stop
    return stop is not None and stop is not False  # 0 is an exit code to stop with


def worker_missing_since() -> datetime | None:
    """Return since when there has been no worker, once that is long enough to tell people; else None."""
    now = clock.now()
    with connection.cursor() as cursor:
        latest = connection.ops.adapt_datetimefield_value(now + WorkerHeartbeat.DEAD_AFTER)
        cursor.execute(_LAST_SEEN, [latest])
        row = cursor.fetchone()
    # Just after the first start no worker has been seen yet: its absence counts from when this process started.
    last = row[0].replace(tzinfo=UTC) if row else _started_at
    patience = timedelta(seconds=max(60, 10 * settings.REFRESH_TICK_SECONDS))
    return last if now - last > patience else None
