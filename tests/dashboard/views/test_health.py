"""Does the health page say the truth, to everybody, without a word too much? And is trouble that passes told so?"""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db import InternalError, OperationalError, ProgrammingError, connection
from django.test import Client
from redis.exceptions import ConnectionError as RedisIsAway

from results.db import health


@pytest.mark.django_db
def test_a_healthy_server_says_ok():
    response = Client().get("/health/")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "worker": "heard"})


@pytest.mark.django_db
@pytest.mark.parametrize("cookies", [{}, {"sessionid": "x" * 32}])
def test_a_silent_database_is_told_without_its_own_words(monkeypatch, cookies):
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
@pytest.mark.skipif(connection.vendor == "sqlite", reason="only a server is ever read-only by itself")
def test_a_database_that_takes_no_changes_is_told():
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    response = Client().get("/health/")
    assert (response.status_code, response.json()["reason"]) == (503, "The database takes no changes.")


@pytest.mark.django_db
def test_a_database_that_is_not_migrated_is_told_until_it_is(monkeypatch):
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
def test_a_cache_that_is_away_counts_as_silence(monkeypatch):
    def away(*_):
        raise RedisIsAway("no route to redis.internal")

    monkeypatch.setattr(cache, "get_or_set", away)
    assert Client().get("/health/").json() == {"status": "ok", "worker": "silent"}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("too many connections for role dubroom"), 503, "Back in a moment"),
        (InternalError("cannot execute UPDATE in a read-only transaction"), 503, "Back in a moment"),
        (RedisIsAway("no route to redis.internal"), 503, "Back in a moment"),
        (ProgrammingError('column "coat" does not exist'), 500, "Something broke on our side"),
        (ZeroDivisionError("at work"), 500, "Something broke on our side"),
    ],
)
def test_trouble_that_passes_is_told_apart_from_a_fault(monkeypatch, caplog, error, status, words):
    asked = []

    def fail(*_):
        asked.append(1)
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
    assert len(asked) == 1
    # What passes is told in a line, of a fault all is told.
    told = [bool(record.exc_info) for record in caplog.records if str(error) in caplog.handler.format(record)]
    assert told == [status == 500]


def test_whoever_only_asks_whether_the_server_lives_hears_so_without_a_database():
    assert Client().get("/health/alive/").json() == {"status": "alive"}
