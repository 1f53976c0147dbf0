"""Leaves a background task alone for a while after several workers in a row died while they ran it.

Its message comes back to the next worker, and beat sends it again. So a task whose work ends the process, as one
that takes all memory does, would end every worker without end, and with them the sweeps of all teams.

Each attempt has a row in the database from before its work until its end, so one that stays behind its worker tells
of a death. Runs have a count of their own: `Run.lost_leases`.
"""

import functools
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Max, Q

from results import clock
from results.models import TaskAttempt, WorkerHeartbeat
from results.refresh import heartbeat

logger = logging.getLogger(__name__)

MAX_DEATHS = 3
# The wait triples with each further death.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)


class Suspect(NamedTuple):
    """A task during whose last attempts workers died."""

    task: str
    deaths: int
    last_at: datetime

    @property
    def next_at(self) -> datetime:
        """When it is tried again at the earliest."""
        growth: int = 3 ** min(self.deaths - MAX_DEATHS, 9)
        return self.last_at + min(FIRST_WAIT * growth, LONGEST_WAIT)


def guarded(task: Callable[[], None]) -> Callable[[], None]:
    """Make the task do nothing while it is left alone; its message is acknowledged, and beat sends it again."""

    @functools.wraps(task)
    def run() -> None:
        with attempt(task.__name__) as may_run:
            if may_run:
                task()

    return run


@contextmanager
def attempt(task: str) -> Iterator[bool]:
    """Note that this worker attempts the task inside this context, and yield whether it may do the work."""
    if heartbeat.worker_id is None:  # a command, or a worker before its first heartbeat
        yield True
        return
    now = clock.now()
    for suspect in suspects(now, task):
        # At different times, so that a task that only ran beside the guilty one does not do so again.
        if now < suspect.last_at + (suspect.next_at - suspect.last_at) * random.uniform(1, 2):  # noqa: S311
            _log(suspect.task, suspect.deaths)
            yield False
            return
    own = TaskAttempt.objects.create(task=task, worker=heartbeat.worker_id, started_at=now)
    try:
        yield True
    except MemoryError:
        raise  # the process ends, which counts as a death
    except BaseException:
        _forget(own)
        raise
    else:
        _forget(own)


def suspects(now: datetime, task: str = "") -> list[Suspect]:
    """Return the tasks, or this one alone, of which MAX_DEATHS workers or more have died since one survived."""
    left_behind = TaskAttempt.objects.exclude(worker__in=WorkerHeartbeat.objects.alive(now).values("pk"))
    if task:
        left_behind = left_behind.filter(task=task)
    counted = left_behind.order_by().values_list("task").annotate(deaths=Count("pk"), last_at=Max("started_at"))
    return [Suspect(*row) for row in counted.filter(deaths__gte=MAX_DEATHS).order_by("task")]


def _forget(own: TaskAttempt) -> None:
    """Delete the attempt, which has ended, and those before it: whatever they died of is over."""
    alive = WorkerHeartbeat.objects.alive(clock.now()).values("pk")
    TaskAttempt.objects.filter(Q(pk=own.pk) | Q(task=own.task) & ~Q(worker__in=alive)).delete()


@functools.lru_cache(maxsize=100)  # one line for each death, not one for each message
def _log(task: str, deaths: int) -> None:
    logger.error("The task %s is left alone for a while: %s workers in a row died while they ran it", task, deaths)
