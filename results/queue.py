"""Hands work to Celery workers, and tells whether there is a worker.

The database is the truth, and a message only says that there is work: the caller has committed what is to be done
before it enqueues. A lost message costs one tick of beat, never a run, so a broken broker is logged and no more.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from celery.beat import Scheduler, SchedulingError
from celery.worker import state
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from results import clock
from results.db import health
from results.models import ScheduledTask, WorkerHeartbeat

logger = logging.getLogger(__name__)

BROKER_ERRORS = (OperationalError, RedisError, OSError)
# A scheduled task that should run seldom is sent again after this time unless a worker has begun it.
RESEND_AFTER = timedelta(minutes=1)
# A worker that has begun a scheduled task and was killed is followed by another after this time.
MAX_TASK_TIME = timedelta(minutes=10)
# A time on the schedule further ahead than its interval and this was written before the clock was set back.
CLOCK_TOLERANCE = timedelta(seconds=10)

_started_at = timezone.now()


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
    seen_at = WorkerHeartbeat.objects.filter(seen_at__lte=now + WorkerHeartbeat.DEAD_AFTER)
    last = seen_at.order_by("-seen_at").values_list("seen_at", flat=True).first()
    # Just after the first start no worker has been seen yet: its absence counts from when this process started.
    last = last or _started_at
    patience = timedelta(seconds=max(60, 10 * settings.REFRESH_TICK_SECONDS))
    return last if now - last > patience else None


# --- What runs periodically ---------------------------------------------------------------------------


class BeatScheduler(Scheduler):
    """Celery's beat with its schedule in the database, by the database's clock.

    So an hourly task keeps its time over a restart, only one of two beats sends a task, and a clock that is set
    back keeps nothing waiting.
    """

    TICK_SECONDS = 0.5

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send the tasks that are due, and return the seconds until the next look at the schedule."""
        close_old_connections()
        try:
            if not health.is_migrated():
                health.log_not_migrated()
                return self.TICK_SECONDS
            due, was_set_back = claim_scheduled(_intervals())
            for name in due:
                self.apply_async(self.schedule[name], producer=self.producer, advance=False)
            if was_set_back:
                logger.warning("The clock was set back: what is due later than it can be becomes due now")
                enqueue("recover_from_clock_change")
        except (SchedulingError, *BROKER_ERRORS) as error:
            logger.warning("Beat cannot reach the broker (%s)", type(error).__name__)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Beat cannot read its schedule: %s", health.first_line(error))
        return self.TICK_SECONDS


def _intervals() -> dict[str, timedelta]:
    return {name: timedelta(seconds=task["schedule"]) for name, task in settings.CELERY_BEAT_SCHEDULE.items()}


def claim_scheduled(intervals: dict[str, timedelta]) -> tuple[list[str], bool]:
    """Return the names of the tasks that are due, and whether the clock was set back; the caller sends the tasks.

    Their next time is put off at once, so that of two beats one sends them.
    """
    now = clock.now()
    rows = {task.name: task.next_at for task in ScheduledTask.objects.filter(name__in=intervals)}
    missing = [ScheduledTask(name=name, next_at=now) for name in intervals if name not in rows]
    ScheduledTask.objects.bulk_create(missing, ignore_conflicts=True)
    due, was_set_back = [], False
    for name, interval in intervals.items():
        planned = rows.get(name, now)
        longest = interval if interval <= RESEND_AFTER else max(interval, MAX_TASK_TIME)
        is_too_far = planned > now + longest + CLOCK_TOLERANCE
        if planned > now and not is_too_far:
            continue
        row = ScheduledTask.objects.filter(name=name, next_at=planned)
        if row.update(next_at=now + min(interval, RESEND_AFTER)):
            due.append(name)
            was_set_back |= is_too_far
    return due, was_set_back


def begin_scheduled(name: str) -> None:
    """Note that a worker has begun this task, so that it is not sent again meanwhile."""
    ScheduledTask.objects.filter(name=name).update(next_at=clock.now() + MAX_TASK_TIME)


def end_scheduled(name: str, interval: timedelta) -> None:
    """Note that the task is done and due again after its interval."""
    ScheduledTask.objects.filter(name=name).update(next_at=clock.now() + interval)


def run_soon(name: str) -> None:
    """Have beat send this scheduled task at its next tick, also if the message that is sent now gets lost."""
    ScheduledTask.objects.filter(name=name).update(next_at=clock.now())
