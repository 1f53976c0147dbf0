"""The schedule of beat is in the database, and beat goes on without its broker or its database."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from celery import Celery
from django.db import OperationalError as DatabaseDown
from django.utils import timezone

from results import tasks
from results.models import ScheduledTask, WorkerHeartbeat
from results.queue.beat import BeatScheduler, claim_scheduled, end_scheduled, run_soon

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_each_task_is_due_at_first_and_then_after_its_interval(clock):
    intervals = {"tick": timedelta(seconds=2), "tidy": MINUTE}
    assert claim_scheduled(intervals) == (["tick", "tidy"], False)
    assert claim_scheduled(intervals) == ([], False)
    clock(2)
    assert claim_scheduled(intervals) == (["tick"], False)
    clock(58)
    assert claim_scheduled(intervals) == (["tick", "tidy"], False)


def test_of_two_beats_one_sends_a_task(monkeypatch):
    claim_scheduled({"tick": MINUTE})
    ScheduledTask.objects.update(next_at=timezone.now() - MINUTE)
    rows = list(ScheduledTask.objects.all())
    claim_scheduled({"tick": MINUTE})
    # The other beat has read the schedule before the first one wrote it.
    monkeypatch.setattr(ScheduledTask.objects, "filter", lambda **which: _Stale(rows, which))
    assert claim_scheduled({"tick": MINUTE}) == ([], False)


class _Stale:
    """A query set that still reads the earlier rows, and writes for real."""

    def __init__(self, rows, which) -> None:
        self._rows, self._which = rows, which

    def __iter__(self):
        return iter(self._rows)

    def update(self, **fields) -> int:
        return ScheduledTask._default_manager.get_queryset().filter(**self._which).update(**fields)


def test_an_hourly_task_is_sent_again_until_a_worker_has_done_it_and_then_after_an_hour(clock):
    intervals = {"purge-trash": HOUR}
    assert claim_scheduled(intervals)[0]
    clock(59)
    assert not claim_scheduled(intervals)[0]
    clock(2)
    assert claim_scheduled(intervals)[0]
    tasks.purge_trash()
    clock(3590)
    assert not claim_scheduled(intervals)[0]
    clock(20)
    assert claim_scheduled(intervals)[0]


def test_an_hourly_task_whose_worker_died_is_done_by_another(clock, monkeypatch):
    intervals = {"purge-trash": HOUR}
    claim_scheduled(intervals)
    monkeypatch.setattr("results.runs.trash.purge_trash", Mock(side_effect=SystemExit))
    with pytest.raises(SystemExit):
        tasks.purge_trash()
    clock(9 * 60)
    assert not claim_scheduled(intervals)[0]
    clock(2 * 60)
    assert claim_scheduled(intervals)[0]


@pytest.mark.parametrize(("interval", "back"), [(timedelta(seconds=2), 20), (MINUTE, 3600), (HOUR, 2 * 3600)])
def test_a_clock_that_is_set_back_keeps_no_task_waiting(clock, interval, back):
    claim_scheduled({"task": interval})
    end_scheduled("task", interval)
    clock(-back)
    assert claim_scheduled({"task": interval}) == (["task"], True)
    assert claim_scheduled({"task": interval}) == ([], False)


def test_a_task_can_be_moved_to_the_next_tick():
    claim_scheduled({"purge-trash": HOUR})
    run_soon("purge-trash")
    assert claim_scheduled({"purge-trash": HOUR})[0]


@pytest.fixture
def beat(tmp_path, settings):
    settings.CELERY_BEAT_SCHEDULE = {"tick": {"task": "a.task", "schedule": 1.0}}
    WorkerHeartbeat.objects.create(name="a worker", seen_at=timezone.now())
    with Celery(broker=f"folder://{tmp_path}", set_as_current=False) as app:
        app.conf.beat_schedule = settings.CELERY_BEAT_SCHEDULE
        yield BeatScheduler(app)


@pytest.mark.django_db(transaction=True)
def test_beat_sends_what_is_due_and_nothing_expires(beat, clock):
    beat.tick()
    beat.tick()
    waiting = beat.app.connection().SimpleQueue("celery")
    assert waiting.qsize() == 1
    assert waiting.get(block=False).properties.get("expiration") is None


@pytest.mark.django_db(transaction=True)
def test_beat_sends_nothing_while_there_is_no_worker_and_goes_on_once_there_is_one(beat, clock):
    clock(10)
    beat.tick()
    assert beat.app.connection().SimpleQueue("celery").qsize() == 0
    WorkerHeartbeat.objects.create(name="another", seen_at=timezone.now())
    clock(1)
    beat.tick()
    assert beat.app.connection().SimpleQueue("celery").qsize() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("results.queue.beat.BeatScheduler.apply_async", OSError(28, "No space left on device")),
        ("results.queue.beat.claim_scheduled", DatabaseDown("the database is away")),
    ],
)
def test_beat_goes_on_without_its_broker_or_its_database_and_says_so_in_one_line(
    beat, monkeypatch, caplog, broken, error
):
    with monkeypatch.context() as patch:
        patch.setattr(broken, Mock(side_effect=error))
        beat.tick()
        ScheduledTask.objects.update(next_at=timezone.now())
        beat.tick()
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
    ScheduledTask.objects.update(next_at=timezone.now())
    beat.tick()
    assert beat.app.connection().SimpleQueue("celery").qsize() == 1
    with monkeypatch.context() as patch:
        patch.setattr(broken, Mock(side_effect=error))
        ScheduledTask.objects.update(next_at=timezone.now())
        beat.tick()
    assert len(caplog.records) == 2  # another outage
