"""Searches by people read from the replica, and from the database while the replica does not answer."""

import logging
from time import monotonic

import pytest
from django.db import OperationalError, connection, connections, transaction

from results.db import replica
from results.db.replica import fetch_rows, from_replica


@pytest.fixture
def asked(settings, monkeypatch) -> list[str]:
    """The connections that were asked, while there is a replica."""
    asked: list[str] = []
    settings.HAS_REPLICA = True

    def fetch(alias, *_):
        asked.append(alias)
        return [(alias,)]

    monkeypatch.setattr(replica, "_fetch", fetch)
    monkeypatch.setattr(replica, "_paused_until", 0.0)
    return asked


@pytest.mark.django_db(transaction=True)
def test_only_what_people_look_at_is_read_from_the_replica(asked):
    fetch_rows("select 1", [])
    from_replica(fetch_rows, "select 1", [])
    with transaction.atomic():
        from_replica(fetch_rows, "select 1", [])
    fetch_rows("select 1", [])
    assert asked == ["default", "replica", "default", "default"]


@pytest.mark.django_db(transaction=True)
def test_a_replica_that_does_not_answer_is_left_alone_for_a_while(asked, monkeypatch, caplog):
    def fail(alias, *_):
        asked.append(alias)
        if alias == "replica":
            raise OperationalError("connection refused")
        return [(1,)]

    monkeypatch.setattr(replica, "_fetch", fail)
    with caplog.at_level(logging.WARNING):
        assert [from_replica(fetch_rows, "select 1", []) for _ in range(3)] == [[(1,)]] * 3
    assert asked == ["replica", "default", "default", "default"]
    assert "connection refused" in caplog.text
    monkeypatch.setattr(replica, "_paused_until", monotonic() - 1)
    from_replica(fetch_rows, "select 1", [])
    assert asked[-2:] == ["replica", "default"]


class _SqlError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def failing_with(sqlstate: str) -> OperationalError:
    error = OperationalError(f"state {sqlstate}")
    error.__cause__ = _SqlError(sqlstate)
    return error


@pytest.mark.django_db(transaction=True)
def test_a_query_that_was_canceled_on_the_replica_is_not_run_again_and_the_replica_stays_in_use(asked, monkeypatch):
    def fail(alias, *_):
        asked.append(alias)
        raise failing_with("57014")

    monkeypatch.setattr(replica, "_fetch", fail)
    for _ in range(2):
        with pytest.raises(OperationalError):
            from_replica(fetch_rows, "select 1", [])
    assert asked == ["replica", "replica"]


@pytest.mark.django_db(transaction=True)
def test_a_conflict_with_what_the_replica_receives_is_read_from_the_database_once(asked, monkeypatch):
    def fail(alias, *_):
        asked.append(alias)
        if asked == ["replica"]:
            raise failing_with("40001")
        return [(alias,)]

    monkeypatch.setattr(replica, "_fetch", fail)
    assert [from_replica(fetch_rows, "select 1", []) for _ in range(2)] == [[("default",)], [("replica",)]]


@pytest.mark.django_db(transaction=True)
def test_after_a_pause_one_query_finds_out_for_all_whether_the_replica_answers(asked, monkeypatch):
    monkeypatch.setattr(replica, "_paused_until", monotonic() - 1)

    def fetch(alias, *_):
        asked.append(alias)
        if asked == ["replica"]:  # while the first waits for the replica
            assert from_replica(fetch_rows, "select 1", []) == [("default",)]
        return [(alias,)]

    monkeypatch.setattr(replica, "_fetch", fetch)
    assert [from_replica(fetch_rows, "select 1", []) for _ in range(2)] == [[("replica",)]] * 2
    assert asked == ["replica", "default", "replica"]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="only a server cancels queries")
@pytest.mark.django_db(transaction=True)
def test_a_canceled_query_is_known_by_what_postgresql_says(settings, monkeypatch):
    settings.HAS_REPLICA = True
    monkeypatch.setattr(replica, "_paused_until", 0.0)
    connections["replica"] = connection.copy("replica")
    try:
        with pytest.raises(OperationalError, match="canceling statement"):
            from_replica(fetch_rows, "select pg_cancel_backend(pg_backend_pid()), pg_sleep(60)", [])
        assert replica._paused_until == 0.0
    finally:
        connections["replica"].close()
        del connections["replica"]


@pytest.mark.django_db
def test_without_a_replica_the_database_is_read():
    assert from_replica(fetch_rows, "select 1", []) == [(1,)]
