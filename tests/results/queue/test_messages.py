"""Tasks reach workers through the broker; the heartbeat of workers is in the database."""

from datetime import timedelta

import pytest
from celery import Celery, current_app
from celery.worker import state
from django.utils import timezone
from kombu.exceptions import OperationalError

from results import clock, queue
from results.models import Run, WorkerHeartbeat
from results.queue import messages
from results.runs.request import QueueUnreachableError, request_refresh
from tests.factories import make_ready_run, make_run, make_team

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


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
        queue.enqueue("refresh_requested", "a-lease")
        assert sent == []
    assert sent == [("results.tasks.refresh_requested", ("a-lease",))]


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
    assert (run.lease, Run.objects.due(clock.now()).pks()) == (None, [run.pk])


def test_a_broker_that_cannot_be_connected_to_is_tried_once(
    monkeypatch, settings, django_capture_on_commit_callbacks
):
    slept: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
    tried: list[str] = []
    with Celery(broker="redis://127.0.0.1:9/0", set_as_current=False) as app:
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        app.conf.task_publish_retry = settings.CELERY_TASK_PUBLISH_RETRY
        monkeypatch.setattr(messages, "current_app", app)
        with django_capture_on_commit_callbacks(execute=True):
            queue.enqueue("refresh_due", on_unreachable=lambda: tried.append("refresh_due"))
    assert (tried, slept) == (["refresh_due"], [])


# --- Is there a worker? ------------------------------------------------------------------------------


def test_a_missing_worker_is_told_of_after_a_while(monkeypatch):
    monkeypatch.setattr(messages, "_started_at", timezone.now())
    assert queue.worker_missing_since() is None
    monkeypatch.setattr(messages, "_started_at", started := timezone.now() - 5 * MINUTE)
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
    stopped = client.get(f"/t/{team.slug}/runs/").content.decode()
    assert "Checks on this server stopped" in stopped
    assert "next check" not in stopped
    assert client.get("/health/").json() == {
        "status": "unavailable",
        "reason": "No worker is running.",
        "worker": "silent",
        "beat": "silent",
    }
    WorkerHeartbeat.objects.update(seen_at=timezone.now())
    going = client.get(f"/t/{team.slug}/runs/").content.decode()
    assert "Checks on this server stopped" not in going
    assert "next check" in going
    assert client.get("/health/").json() == {"status": "ok", "worker": "heard", "beat": "silent"}
