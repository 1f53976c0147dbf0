"""How is a worker told that there is something to do, and is there one that hears?

The database is the truth and the broker only a bell: whoever rings has already committed what is to be done, so a
bell that nobody hears costs one period of beat, never a run. That is why a broken broker is logged and no more.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from celery.worker import state
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from kombu import Producer
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

HEARTBEAT_KEY = "bell-heard-at"
# While so many bells wait, one more says nothing new: beat's own would be 70,000 after a day without a worker, and
# the next worker would first have to put each of them aside.
MAX_QUEUED = 1000
BROKER_ERRORS = (RedisError, OSError)


def enqueue(task: str, *args: object, unheard: Callable[[], None] = lambda: None) -> None:
    """Send this task of `results.tasks` to a worker once the transaction under way is committed.

    `unheard` is called when the broker cannot be reached.
    """
    transaction.on_commit(lambda: _send(task, args, unheard))


def _send(task: str, args: tuple[object, ...], unheard: Callable[[], None]) -> None:
    try:
        current_app.send_task(f"results.tasks.{task}", args)
    except (OperationalError, OSError) as error:
        logger.warning("The broker cannot be reached, beat will find it later: %s (%s)", task, type(error).__name__)
        unheard()


class BeatScheduler(Scheduler):
    """Celery's beat, which keeps still while nobody seems to listen, and says in one line that it cannot ring."""

    def apply_entry(self, entry: ScheduleEntry, producer: Producer | None = None) -> None:
        producer = producer or self.producer
        try:
            if _queue_length(producer) < MAX_QUEUED:
                self.apply_async(entry, producer=producer, advance=False)
        except (SchedulingError, OperationalError, *BROKER_ERRORS) as error:
            logger.warning("The broker cannot be reached to ring for %s (%s)", entry.name, type(error).__name__)


def _queue_length(producer: Producer) -> int:
    """How many bells wait to be heard."""
    channel: Any = producer.channel
    try:
        waiting: int = channel.queue_declare(current_app.conf.task_default_queue, passive=True).message_count
    except ChannelError:  # there is no such queue yet
        return 0
    return waiting


def is_thread_wanted() -> bool:
    """Is a thread of this worker wanted for something else: has it none to spare, or is it told to stop?"""
    stop = state.should_stop
    has_to_stop = stop is not None and stop is not False  # 0 is an exit code to stop with
    return has_to_stop or len(state.active_requests) >= settings.CELERY_WORKER_CONCURRENCY


def record_heartbeat() -> None:
    """A worker has heard the bell of beat."""
    try:
        cache.set(HEARTBEAT_KEY, timezone.now(), None)
    except BROKER_ERRORS as error:
        logger.warning("Nobody can be told that the bell was heard (%s)", type(error).__name__)


def worker_missing_since() -> datetime | None:
    """Since when no worker has heard beat's bell, once that is long enough to tell people; else None."""
    try:
        # Just after the first start nobody has heard anything yet: the silence is counted from the first look.
        heard: datetime = cache.get_or_set(HEARTBEAT_KEY, timezone.now, None)  # type: ignore[assignment]  # never None
    except BROKER_ERRORS:
        return timezone.now()  # where nobody could tell, nobody hears either
    patience = timedelta(seconds=max(60, 10 * settings.REFRESH_TICK_SECONDS))
    return heard if timezone.now() - heard > patience else None
