"""When may a key be used, and how is that found out without asking the database before each call?"""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.utils import timezone

from results import camb
from results.models import ApiKey
from results.refresh import limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def gate(team, monkeypatch):
    monkeypatch.setattr(limits.CircuitBreaker, "LASTS_S", 60)
    return limits.CircuitBreaker(team.pk)


def close(team) -> None:
    ApiKey.objects.filter(pk=team.pk).update(retry_at=timezone.now() + timedelta(minutes=1))


def test_an_open_gate_is_looked_up_once_for_many_calls(gate, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert [gate.is_open() for _ in range(5)] == [True] * 5


def test_a_closed_gate_is_looked_up_before_each_call(team, gate):
    close(team)
    assert not gate.is_open()
    ApiKey.objects.update(retry_at=None)
    assert gate.is_open()


def test_trouble_that_this_process_meets_counts_at_once(team, monkeypatch):
    monkeypatch.setattr(limits.CircuitBreaker, "LASTS_S", 60)
    key, gate = ApiKey.objects.get(pk=team.pk), limits.circuit_breaker(team.pk)
    assert gate.is_open()
    limits.record_failure(key, camb.Refused("no", http_status=401))
    assert not gate.is_open()


def test_while_one_looks_the_others_go_on_with_what_was_seen_a_moment_ago(gate, monkeypatch):
    looking, may_end = Event(), Event()

    def look() -> bool:
        looking.set()
        return may_end.wait(60)

    monkeypatch.setattr(limits.CircuitBreaker, "LASTS_S", 0)
    assert gate.is_open()
    monkeypatch.setattr(gate, "_look", look)
    slow = Thread(target=gate.is_open, daemon=True)
    slow.start()
    assert looking.wait(60)
    assert gate.is_open()
    may_end.set()
    slow.join()


def test_after_trouble_everybody_waits_for_who_looks(gate, monkeypatch):
    looking, may_end, seen = Event(), Event(), []

    def look() -> bool:
        looking.set()
        may_end.wait(60)
        return False

    monkeypatch.setattr(gate, "_look", look)
    with gate.closing():
        pass
    asking = [Thread(target=lambda: seen.append(gate.is_open()), daemon=True) for _ in range(2)]
    for thread in asking:
        thread.start()
    assert looking.wait(60)
    assert not seen
    may_end.set()
    for thread in asking:
        thread.join()
    assert seen == [False, False]
