"""The health checks, and the error pages for transient errors and for faults."""

import errno
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db import InternalError, OperationalError, ProgrammingError, connection
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from results.db import health
from results.models import ScheduledTask
from tests.factories import make_key, make_run, make_worker


@pytest.mark.django_db
def test_a_healthy_server_answers_ok():
    make_worker()
    ScheduledTask.objects.create(name="refresh-due", next_at=timezone.now())
    response = Client().get("/health/")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "worker": "heard", "beat": "heard"})


@pytest.mark.django_db
def test_beat_is_silent_until_it_runs_and_when_it_is_late():
    make_worker()
    assert Client().get("/health/").json()["beat"] == "silent"
    task = ScheduledTask.objects.create(name="refresh-due", next_at=timezone.now() - timedelta(seconds=30))
    assert Client().get("/health/").json()["beat"] == "heard"
    task.next_at -= timedelta(seconds=60)
    task.save()
    assert Client().get("/health/").json()["beat"] == "silent"


@pytest.mark.django_db
@pytest.mark.parametrize("cookies", [{}, {"sessionid": "x" * 32}])
def test_a_database_failure_is_reported_without_the_drivers_message(monkeypatch, cookies):
    def refuse(*_):
        raise OperationalError("connection to server at db.internal failed for user dubroom")

    monkeypatch.setattr(connection, "cursor", refuse)
    monkeypatch.setattr(SessionStore, "load", refuse)
    client = Client()
    client.cookies.load(cookies)
    response = client.get("/health/")
    assert (response.status_code, response.json()) == (
        503,
        {"status": "unavailable", "reason": "The database does not answer."},
    )


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "sqlite", reason="only a server can be read-only")
def test_a_read_only_database_is_reported():
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    response = Client().get("/health/")
    assert (response.status_code, response.json()["reason"]) == (503, "The database takes no changes.")


@pytest.mark.django_db
def test_a_database_that_is_not_migrated_is_reported_until_it_is(monkeypatch):
    monkeypatch.setattr(health, "_was_migrated", False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(name) FROM django_migrations WHERE app = 'results'")
        [newest] = cursor.fetchone()
        cursor.execute("UPDATE django_migrations SET name = 'before' WHERE name = %s", [newest])
        response = Client().get("/health/")
        assert (response.status_code, response.json()["reason"]) == (503, "The database is not migrated.")
        cursor.execute("UPDATE django_migrations SET name = %s WHERE name = 'before'", [newest])
    assert Client().get("/health/").status_code == 200


@pytest.mark.django_db
def test_an_unreachable_cache_does_no_harm(monkeypatch):
    make_worker()

    def fail(*_):
        raise RedisConnectionError("no route to redis.internal")

    monkeypatch.setattr(cache, "get", fail)
    assert Client().get("/health/").json()["worker"] == "heard"


OUTAGE = "If it happens again, tell the administrator"


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("too many connections for role dubroom"), 503, OUTAGE),
        (
            InternalError("cannot execute UPDATE in a read-only transaction"),
            503,
            OUTAGE,
        ),
        (RedisConnectionError("no route to redis.internal"), 503, OUTAGE),
        (OSError(errno.EROFS, "Read-only file system"), 503, OUTAGE),
        (FileNotFoundError(errno.ENOENT, "No such file"), 500, "Something went wrong on our side"),
        (ProgrammingError('column "coat" does not exist'), 500, "Something went wrong on our side"),
        (ZeroDivisionError("at work"), 500, "Something went wrong on our side"),
    ],
)
def test_a_transient_error_answers_503_and_a_fault_500(monkeypatch, caplog, error, status, words):
    loads = []

    def fail(*_):
        loads.append(1)
        raise error

    monkeypatch.setattr(health, "_was_migrated", True)
    monkeypatch.setattr(SessionStore, "load", fail)
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    response = client.get("/")
    assert (response.status_code, words in response.content.decode()) == (status, True)
    assert str(error) not in response.content.decode()
    assert response.headers.get("Retry-After") == ("30" if status == 503 else None)
    assert health.has_failed() == isinstance(error, health.TRANSIENT_ERRORS)
    assert len(loads) == 1
    # A transient error is logged in one line, a fault with its traceback.
    has_traceback = [
        bool(record.exc_info) for record in caplog.records if str(error) in caplog.handler.format(record)
    ]
    assert has_traceback == [status == 500]


@pytest.mark.django_db
def test_a_worker_silent_for_long_and_runs_checked_too_late_are_reported(settings):
    make_worker(timezone.now() - timedelta(minutes=6))
    assert (Client().get("/health/").status_code, Client().get("/health/").json()["reason"]) == (
        503,
        "No worker is running.",
    )
    settings.HEALTH_WORKER_SECONDS = 0
    assert Client().get("/health/").json()["worker"] == "silent"
    late = make_run(due_at=timezone.now() - timedelta(minutes=31))
    assert Client().get("/health/").status_code == 200  # without a key, its team is asked to give one
    make_key(late.team)
    response = Client().get("/health/")
    assert (response.status_code, response.json()["reason"]) == (503, "Runs are checked too late.")
    settings.HEALTH_OLDEST_DUE_SECONDS = 0
    assert Client().get("/health/").status_code == 200


def test_the_liveness_check_needs_no_database():
    assert Client().get("/health/alive/").json() == {"status": "alive"}
