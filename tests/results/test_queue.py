"""Tasks reach workers through the broker; the schedule of beat and the heartbeat of workers are in the database."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from celery import Celery, current_app
from celery.worker import state
from django.db import OperationalError as DatabaseDown
from django.utils import timezone
from kombu.exceptions import OperationalError

from results import queue, tasks
from results.models import Run, ScheduledTask, WorkerHeartbeat
from results.runs.request import QueueUnreachableError, request_refresh
from tests.factories import make_ready_run, make_run, make_team

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def sent(monkeypatch):
    tasks: list[tuple[str, tuple]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args: tasks.append((name, args)))
    return tasks


@pytest.fixture
def _broker_is_down(monkeypatch):
    def down(name, args):
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", down)


def test_a_task_is_sent_once_the_transaction_is_committed(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        queue.enqueue("refresh_now", "a-lease")
        assert sent == []
    assert sent == [("results.tasks.refresh_now", ("a-lease",))]


@pytest.mark.parametrize(("stop", "is_stopping"), [(None, False), (False, False), (True, True), (0, True)])
def test_a_worker_that_was_told_to_stop_begins_nothing_more(monkeypatch, stop, is_stopping):
    monkeypatch.setattr(state, "should_stop", stop)
    assert queue.is_worker_stopping() is is_stopping


@pytest.mark.usefixtures("_broker_is_down")
def test_a_broker_that_is_down_is_logged_and_no_more(caplog, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        queue.enqueue("refresh_due")
    assert "beat will send it later: refresh_due" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_broker_is_down")
def test_a_refresh_says_so_when_no_worker_can_be_told_and_leaves_the_run_due(team):
    run = make_ready_run(team)
    with pytest.raises(QueueUnreachableError):
        request_refresh(run)
    run.refresh_from_db()
    assert (run.lease, Run.objects.due(timezone.now()).pks()) == (None, [run.pk])


# --- The schedule ------------------------------------------------------------------------------------


def test_each_task_is_due_at_first_and_then_after_its_interval(clock):
    intervals = {"tick": timedelta(seconds=2), "tidy": MINUTE}
    assert queue.claim_scheduled(intervals) == (["tick", "tidy"], False)
    assert queue.claim_scheduled(intervals) == ([], False)
    clock(2)
    assert queue.claim_scheduled(intervals) == (["tick"], False)
    clock(58)
    assert queue.claim_scheduled(intervals) == (["tick", "tidy"], False)


def test_of_two_beats_one_sends_a_task(monkeypatch):
    queue.claim_scheduled({"tick": MINUTE})
    ScheduledTask.objects.update(next_at=timezone.now() - MINUTE)
    rows = list(ScheduledTask.objects.all())
    queue.claim_scheduled({"tick": MINUTE})
    # The other beat has read the schedule before the first one wrote it.
    monkeypatch.setattr(ScheduledTask.objects, "filter", lambda **which: _Stale(rows, which))
    assert queue.claim_scheduled({"tick": MINUTE}) == ([], False)


class _Stale:
    """A query set that still reads the earlier rows, and writes for real."""

    def __init__(self, rows, which) -> None:
        self._rows, self._which = rows, which

    def __iter__(self):
        return iter(self._rows)

    def update(self, **fields) -> int:
        return ScheduledTask._default_manager.get_queryset().filter(**self._which).update(**fields)


def test_an_hourly_task_is_sent_again_until_a_worker_has_done_it_and_then_after_an_hour(clock):
    intervals = {"finish-removals": HOUR}
    assert queue.claim_scheduled(intervals)[0]
    clock(59)
    assert not queue.claim_scheduled(intervals)[0]
    clock(2)
    assert queue.claim_scheduled(intervals)[0]
    tasks.finish_removals()
    clock(3590)
    assert not queue.claim_scheduled(intervals)[0]
    clock(20)
    assert queue.claim_scheduled(intervals)[0]


def test_an_hourly_task_whose_worker_died_is_done_by_another(clock, monkeypatch):
    intervals = {"finish-removals": HOUR}
    queue.claim_scheduled(intervals)
    monkeypatch.setattr("results.runs.remove.finish_removals", Mock(side_effect=SystemExit))
    with pytest.raises(SystemExit):
        tasks.finish_removals()
    clock(9 * 60)
    assert not queue.claim_scheduled(intervals)[0]
    clock(2 * 60)
    assert queue.claim_scheduled(intervals)[0]


@pytest.mark.parametrize(("interval", "back"), [(timedelta(seconds=2), 20), (MINUTE, 3600), (HOUR, 2 * 3600)])
def test_a_clock_that_is_set_back_keeps_no_task_waiting(clock, interval, back):
    queue.claim_scheduled({"task": interval})
    queue.end_scheduled("task", interval)
    clock(-back)
    assert queue.claim_scheduled({"task": interval}) == (["task"], True)
    assert queue.claim_scheduled({"task": interval}) == ([], False)


def test_a_task_can_be_moved_to_the_next_tick():
    queue.claim_scheduled({"finish-removals": HOUR})
    queue.run_soon("finish-removals")
    assert queue.claim_scheduled({"finish-removals": HOUR})[0]


@pytest.fixture
def beat(tmp_path, settings):
    settings.CELERY_BEAT_SCHEDULE = {"tick": {"task": "a.task", "schedule": 1.0}}
    with Celery(broker=f"folder://{tmp_path}", set_as_current=False) as app:
        app.conf.beat_schedule = settings.CELERY_BEAT_SCHEDULE
        yield queue.BeatScheduler(app)


@pytest.mark.django_db(transaction=True)
def test_beat_sends_what_is_due_and_nothing_expires(beat):
    beat.tick()
    beat.tick()
    waiting = beat.app.connection().SimpleQueue("celery")
    assert waiting.qsize() == 1
    assert waiting.get(block=False).properties.get("expiration") is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("results.queue.BeatScheduler.apply_async", OSError(28, "No space left on device")),
        ("results.queue.claim_scheduled", DatabaseDown("the database is away")),
    ],
)
def test_beat_goes_on_without_its_broker_or_its_database_and_says_so_in_one_line(
    beat, monkeypatch, caplog, broken, error
):
    with monkeypatch.context() as patch:
        patch.setattr(broken, Mock(side_effect=error))
        beat.tick()
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
    ScheduledTask.objects.update(next_at=timezone.now())
    beat.tick()
    assert beat.app.connection().SimpleQueue("celery").qsize() == 1


# --- Is there a worker? ------------------------------------------------------------------------------


def test_a_missing_worker_is_told_of_after_a_while(monkeypatch):
    assert queue.worker_missing_since() is None
    monkeypatch.setattr(queue, "_started_at", started := timezone.now() - 5 * MINUTE)
    assert queue.worker_missing_since() == started
    seen = WorkerHeartbeat.objects.create(name="worker", seen_at=timezone.now() - 2 * MINUTE).seen_at
    assert queue.worker_missing_since() == seen
    WorkerHeartbeat.objects.update(seen_at=timezone.now())
    assert queue.worker_missing_since() is None


def test_pages_and_health_say_that_there_is_no_worker(client, make_key):
    team = make_team()
    client.force_login(team.memberships.get().user)
    make_run(team)
    make_key(team)
    WorkerHeartbeat.objects.create(name="worker", seen_at=timezone.now() - 5 * MINUTE)
    assert "The workers of this server were last heard from" in client.get(f"/t/{team.slug}/runs/").content.decode()
    assert client.get("/health/").json() == {"status": "ok", "worker": "silent"}
    WorkerHeartbeat.objects.update(seen_at=timezone.now())
    assert "were last heard from" not in client.get(f"/t/{team.slug}/runs/").content.decode()
    assert client.get("/health/").json() == {"status": "ok", "worker": "heard"}
