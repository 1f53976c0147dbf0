"""Searches by people read from the replica, and from the database while the replica does not answer."""

import logging

import pytest
from django.db import OperationalError, transaction

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
    monkeypatch.setattr(replica, "_paused_until", 0.0)
    from_replica(fetch_rows, "select 1", [])
    assert asked[-2:] == ["replica", "default"]


@pytest.mark.django_db
def test_without_a_replica_the_database_is_read():
    assert from_replica(fetch_rows, "select 1", []) == [(1,)]
