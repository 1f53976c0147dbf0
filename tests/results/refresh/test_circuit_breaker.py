"""The circuit breaker of a key: when it may be used, and what failures do to it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from results import camb, clock
from results.models import ApiKey, Run
from results.refresh import circuit_breaker
from teams.models import Team
from tests.factories import make_run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("pause", "is_usable"),
    [
        (None, True),
        (timedelta(seconds=-1), True),
        (timedelta(minutes=1), False),
    ],
)
def test_a_key_is_usable_unless_it_is_paused(team, pause, is_usable):
    make_run(team)
    ApiKey.objects.update(retry_at=None if pause is None else timezone.now() + pause)
    assert usable_by_each_condition(team) == {is_usable}


@pytest.mark.parametrize("set_back", [timedelta(seconds=20), timedelta(minutes=10), timedelta(days=1)])
def test_a_clock_that_is_set_back_lengthens_no_pause(team, monkeypatch, set_back):
    make_run(team)
    circuit_breaker.record_failure(ApiKey.objects.get(), camb.Refused("no", http_status=401))
    assert usable_by_each_condition(team) == {False}
    now = clock.now() - set_back
    monkeypatch.setattr(clock, "now", lambda: now)
    Run.objects.update(due_at=now)
    assert usable_by_each_condition(team) == {True}


def test_the_key_of_a_removed_team_is_not_usable_and_keeps_no_worker_busy(team):
    make_run(team)
    assert usable_by_each_condition(team) == {True}
    Team.objects.update(removed_at=timezone.now())
    assert usable_by_each_condition(team) == {False}


def test_a_due_run_of_a_team_without_a_key_is_not_askable():
    make_run()
    assert not Run.objects.askable(timezone.now()).exists()


def usable_by_each_condition(team) -> set[bool]:
    """Whether the team's key is usable: before a call, when runs are leased, and when there is said to be work."""
    now = clock.now()
    return {
        circuit_breaker.is_usable(team.pk),
        ApiKey.objects.usable(now).exists(),
        Run.objects.askable(now).exists(),
    }


def test_a_refusal_of_the_key_is_seen_before_the_next_call(team):
    circuit_breaker.record_failure(ApiKey.objects.get(), camb.Refused("no", http_status=401))
    assert not circuit_breaker.is_usable(team.pk)


def test_a_first_unexplained_failure_pauses_nothing_and_a_second_does(team):
    for is_usable in (True, False):
        circuit_breaker.record_failure(ApiKey.objects.get(), camb.Unavailable("down", http_status=500))
        assert circuit_breaker.is_usable(team.pk) is is_usable


def test_a_success_ends_the_pause_unless_a_failure_came_since(team):
    before = ApiKey.objects.get()
    circuit_breaker.record_failure(before, camb.Unavailable("busy", http_status=429, retry_after=60))
    circuit_breaker.record_success(before)
    assert not circuit_breaker.is_usable(team.pk)
    circuit_breaker.record_success(ApiKey.objects.get())
    assert circuit_breaker.is_usable(team.pk)
