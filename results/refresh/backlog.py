"""What waits to be done, and who is there to do it: for the health check, the metrics and the administrator."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from celery import current_app
from django.conf import settings
from django.db.models import Count, Min

from results import clock
from results.models import MediaCopy, Run, ScheduledTask, WorkerHeartbeat
from results.queue import BROKER_ERRORS

QUEUES = tuple(queue.name for queue in settings.CELERY_TASK_QUEUES)
# How late beat may be with the task that it sends most often.
BEAT_TOLERANCE_SECONDS = 60.0


@dataclass(frozen=True)
class Backlog:
    """The state of the queue at one moment; ages are in seconds."""

    due_runs: int
    oldest_due_age: float
    unfinished_runs: int
    leased_runs: int
    leases: int
    unindexed_runs: int
    waiting_copies: int
    workers: int
    heartbeat_age: float | None
    """Since the last heartbeat of any worker; None: there has never been one."""
    beat_delay: float | None
    """How long the task that beat sends most often is overdue; None: beat has never run."""


def read_backlog() -> Backlog:
    """Return the state of the queue, over all teams."""
    now = clock.now()
    due = Run.objects.askable(now).aggregate(count=Count("pk"), oldest=Min("due_at"))
    leased = Run.objects.leased(now).aggregate(count=Count("pk"), leases=Count("lease", distinct=True))
    heartbeats = WorkerHeartbeat.objects.filter(seen_at__lte=now + WorkerHeartbeat.DEAD_AFTER)
    seen_at = heartbeats.order_by("-seen_at").values_list("seen_at", flat=True).first()
    return Backlog(
        due_runs=due["count"],
        oldest_due_age=_seconds(now - due["oldest"]) if due["oldest"] else 0.0,
        unfinished_runs=Run.objects.current().unfinished().count(),
        leased_runs=leased["count"],
        leases=leased["leases"],
        unindexed_runs=Run.objects.to_index().count() + Run.objects.to_unindex().count(),
        waiting_copies=MediaCopy.objects.due(now).count(),
        workers=WorkerHeartbeat.objects.alive(now).count(),
        heartbeat_age=_seconds(now - seen_at) if seen_at else None,
        beat_delay=beat_delay(),
    )


def oldest_due_age() -> float:
    """Return the age in seconds of the oldest due run whose key may be used; 0 if nothing is due."""
    now = clock.now()
    oldest = Run.objects.askable(now).aggregate(oldest=Min("due_at"))["oldest"]
    return _seconds(now - oldest) if oldest else 0.0


def beat_delay() -> float | None:
    """Return for how many seconds the task that beat sends most often is overdue; None: beat has never run."""
    next_at = ScheduledTask.objects.filter(name="refresh-due").values_list("next_at", flat=True).first()
    return _seconds(clock.now() - next_at) if next_at else None


def is_beat_silent() -> bool:
    """Whether beat is so late that no one sends tasks, or has never run."""
    delay = beat_delay()
    return delay is None or delay > BEAT_TOLERANCE_SECONDS


def _seconds(duration: timedelta) -> float:
    return max(0.0, round(duration.total_seconds(), 3))


def messages_by_queue() -> dict[str, int]:
    """Return how many messages wait in each queue of the broker. Raises one of BROKER_ERRORS."""
    if settings.BROKER_URL.startswith("folder://"):
        waiting = Path(unquote(settings.BROKER_URL.removeprefix("folder://"))) / "waiting"
        return {name: sum(1 for _ in (waiting / name).glob("*")) for name in QUEUES}
    with current_app.connection_for_write(connect_timeout=2) as connection:
        channel: Any = connection.default_channel
        return {name: channel._size(name) for name in QUEUES}


def messages_or_none() -> dict[str, int] | None:
    """Return what `messages_by_queue` does; None while the broker does not answer."""
    try:
        return messages_by_queue()
    except BROKER_ERRORS:
        return None
