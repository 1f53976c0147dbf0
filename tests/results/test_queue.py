from datetime import timedelta
from unittest.mock import Mock

import pytest
from celery import Celery, current_app
from celery.schedules import schedule
from celery.worker import state
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from results import queue
from results.refresh import ask
from results.runs.request import request_refresh
from tests.factories import make_run, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_heard_yet():
    cache.delete(queue.HEARTBEAT_KEY)
    yield
    cache.delete(queue.HEARTBEAT_KEY)


@pytest.fixture
def sent(monkeypatch):
    tasks: list[tuple[str, tuple]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args: tasks.append((name, args)))
    return tasks


def test_the_bell_rings_once_the_transaction_is_committed(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        queue.enqueue("refresh_batch", "a-lease")
        assert sent == []
    assert sent == [("results.tasks.refresh_batch", ("a-lease",))]


@pytest.mark.parametrize(
    ("at_work", "stop", "wanted"), [(1, None, False), (2, None, True), (0, 0, True), (0, False, False)]
)
def test_a_thread_is_wanted_elsewhere_when_all_are_at_work_or_the_worker_has_to_stop(
    monkeypatch, settings, at_work, stop, wanted
):
    settings.CELERY_WORKER_CONCURRENCY = 2
    monkeypatch.setattr(state, "active_requests", range(at_work))
    monkeypatch.setattr(state, "should_stop", stop)
    assert queue.is_thread_wanted() is wanted


def test_a_broker_that_is_down_is_logged_and_no_more(monkeypatch, caplog, django_capture_on_commit_callbacks):
    def down(name, args):
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", down)
    with django_capture_on_commit_callbacks(execute=True):
        queue.enqueue("refresh_due")
    assert "beat will find it later: refresh_due" in caplog.text


def test_a_lease_that_nobody_was_told_of_is_not_waited_out(
    monkeypatch, make_key, django_capture_on_commit_callbacks
):
    def down(name, args):
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", down)
    team = make_team()
    make_key(team)
    run = make_run(team)
    with django_capture_on_commit_callbacks(execute=True):
        ask.enqueue_due()
        assert request_refresh(run) is False
    assert request_refresh(run) is True
    run.refresh_from_db()
    assert run.lease is not None


def test_beat_keeps_still_while_so_many_bells_wait_that_nobody_seems_to_listen(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "MAX_QUEUED", 3)
    with Celery(broker=f"folder://{tmp_path}", set_as_current=False) as app:
        beat = queue.BeatScheduler(app)
        entry = beat.Entry("tick", "a.task", schedule=schedule(1), app=app)
        waiting = app.connection().SimpleQueue("celery")
        for _ in range(5):
            beat.apply_entry(entry, beat.producer)
        assert waiting.qsize() == 3
        waiting.get(block=False).ack()
        for _ in range(5):
            beat.apply_entry(entry, beat.producer)
        assert waiting.qsize() == 3


def test_beat_says_in_one_line_that_it_cannot_ring_and_goes_on(tmp_path, monkeypatch, caplog):
    with Celery(broker=f"folder://{tmp_path}", set_as_current=False) as app:
        beat = queue.BeatScheduler(app)
        entry = beat.Entry("tick", "a.task", schedule=schedule(1), app=app)
        waiting = app.connection().SimpleQueue("celery")
        for broken in ("_queue_length", "BeatScheduler.apply_async"):
            with monkeypatch.context() as patch:
                patch.setattr(f"results.queue.{broken}", Mock(side_effect=OSError(28, "No space left on device")))
                beat.apply_entry(entry, beat.producer)
        assert [record.exc_info for record in caplog.records if "cannot be reached" in record.message] == [None] * 2
        beat.apply_entry(entry, beat.producer)
        assert waiting.qsize() == 1


def test_a_silent_worker_is_told_of_after_a_while():
    assert queue.worker_missing_since() is None
    long_ago = timezone.now() - timedelta(minutes=5)
    cache.set(queue.HEARTBEAT_KEY, long_ago, None)
    assert queue.worker_missing_since() == long_ago
    ask.enqueue_due()
    assert queue.worker_missing_since() is None


def test_pages_and_health_say_that_no_worker_is_heard(client, make_key):
    team = make_team()
    client.force_login(team.memberships.get().user)
    make_run(team)
    make_key(team)
    cache.set(queue.HEARTBEAT_KEY, timezone.now() - timedelta(minutes=5), None)
    assert "The workers of this server were last heard from" in client.get(f"/t/{team.slug}/runs/").content.decode()
    assert client.get("/health/").json() == {"status": "ok", "worker": "silent"}
    ask.enqueue_due()
    assert "No worker of this server" not in client.get(f"/t/{team.slug}/runs/").content.decode()
    assert client.get("/health/").json() == {"status": "ok", "worker": "heard"}


def test_a_cache_that_is_away_keeps_nobody_from_asking(monkeypatch, make_key, caplog):
    def away(*_):
        raise RedisError("maxmemory")

    monkeypatch.setattr(cache, "set", away)
    monkeypatch.setattr(cache, "get_or_set", away)
    team = make_team()
    make_key(team)
    run = make_run(team)
    ask.enqueue_due()
    run.refresh_from_db()
    assert run.lease is not None
    assert queue.worker_missing_since() is not None
    assert "Nobody can be told" in caplog.text
