"""Celery's beat: sends the periodic tasks, whose times are in the database."""

import logging
from datetime import timedelta
from typing import Any

from celery.beat import Scheduler, SchedulingError
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from results import clock
from results.db import health
from results.models import ScheduledTask, WorkerHeartbeat
from results.queue.messages import BROKER_ERRORS, enqueue

logger = logging.getLogger(__name__)

# A scheduled task that should run seldom is sent again after this time unless a worker has begun it.
RESEND_AFTER = timedelta(minutes=1)
# A worker that has begun a scheduled task and was killed is followed by another after this time.
MAX_TASK_TIME = timedelta(minutes=10)
# A time on the schedule further ahead than its interval and this was written before the clock was set back.
CLOCK_TOLERANCE = timedelta(seconds=10)


class BeatScheduler(Scheduler):
    """Celery's beat with its schedule in the database, by the database's clock.

    So an hourly task keeps its time over a restart, only one of two beats sends a task, and a clock that is set
    back keeps nothing waiting.
    """

    TICK_SECONDS = 0.5

    _outage = ""
    """What was logged of the outage under way; empty: the last tasks were sent."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send the tasks that are due, and return the seconds until the next look at the schedule."""
        close_old_connections()
        try:
            if not health.is_migrated():
                health.log_not_migrated()
            elif self._send_due():
                self._outage = ""
        except (SchedulingError, *BROKER_ERRORS) as error:
            self._warn_once(f"Beat cannot reach the broker ({type(error).__name__})")
        except (DatabaseError, InterfaceError) as error:
            self._warn_once(f"Beat cannot read its schedule: {health.first_line(error)}")
        return self.TICK_SECONDS

    def _send_due(self) -> bool:
        """Send the tasks that are due; return whether there were any."""
        due, was_set_back = claim_scheduled(_intervals())
        # Without a worker messages would only pile up: once it is back, it is sent what is due then.
        for name in due if due and WorkerHeartbeat.objects.alive(clock.now()).exists() else ():
            self.apply_async(self.schedule[name], producer=self.producer, advance=False)
        if was_set_back:
            logger.warning("The clock was set back: what is due later than it can be becomes due now")
            enqueue("recover_from_clock_change")
        return bool(due)

    def _warn_once(self, sentence: str) -> None:
        """Log one line for each outage, not two a second."""
        if sentence != self._outage:
            logger.warning(sentence)
        self._outage = sentence


def _intervals() -> dict[str, timedelta]:
    return {name: timedelta(seconds=task["schedule"]) for name, task in settings.CELERY_BEAT_SCHEDULE.items()}


def claim_scheduled(intervals: dict[str, timedelta]) -> tuple[list[str], bool]:
    """Return the names of the tasks that are due, and whether the clock was set back; the caller sends the tasks.

    Their next time is put off at once by a compare-and-swap, so that of two beats one sends them.
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
