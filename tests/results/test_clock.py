"""results.clock: the database's time, carried on between two readings of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from results import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def monotonic(monkeypatch) -> list[float]:
    """Make this process's monotonic clock the one number in the list, and forget every earlier reading."""
    seconds = [1000.0]
    monkeypatch.setattr(clock, "READING_SECONDS", 2.0)
    monkeypatch.setattr(clock, "_reading", None)
    monkeypatch.setattr(clock, "monotonic", lambda: seconds[0])
    return seconds


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no clock of its own")
def test_a_reading_of_the_database_s_clock_is_carried_on_for_two_seconds(monotonic, django_assert_num_queries):
    with django_assert_num_queries(1):
        first = clock.now()
        monotonic[0] += 1.5
        assert clock.now() - first == timedelta(seconds=1.5)
    monotonic[0] += 1
    with django_assert_num_queries(1):
        clock.now()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no clock of its own")
def test_a_machine_s_wrong_clock_changes_nothing(monotonic, monkeypatch):
    before = clock.now()
    an_hour_ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: an_hour_ahead)
    monotonic[0] += 3
    assert abs(clock.now() - before) < timedelta(minutes=1)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a clock of its own")
def test_sqlite_s_time_is_this_machine_s(monotonic, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert abs(clock.now() - timezone.now()) < timedelta(minutes=1)
