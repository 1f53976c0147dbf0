"""Which workers are alive, what they attempt, and when each scheduled task runs next."""

import uuid
from datetime import datetime, timedelta

from django.db import models


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    def alive(self, now: datetime) -> "WorkerHeartbeatQuerySet":
        """Workers whose last heartbeat is fresh. One from the future was written before the clock was set back."""
        fresh = WorkerHeartbeat.DEAD_AFTER
        return self.filter(seen_at__gt=now - fresh, seen_at__lt=now + fresh)


class WorkerHeartbeat(models.Model):
    """One worker process. It renews `seen_at` every few seconds; its leases bind only while it does."""

    # Three heartbeats may be late. With the two seconds until beat's next tick, leases are free within ten seconds.
    DEAD_AFTER = timedelta(seconds=7)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=200)
    seen_at = models.DateTimeField()

    objects = WorkerHeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class ScheduledTask(models.Model):
    """When beat sends a periodic task next. The row survives restarts, and of two beats one sends the task."""

    name = models.CharField(max_length=100, primary_key=True)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class TaskAttempt(models.Model):
    """A background task that a worker runs now, or that it died of: at its end an attempt's row is deleted."""

    task = models.CharField(max_length=100)
    worker = models.UUIDField()
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.task
