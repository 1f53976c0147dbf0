"""The circuit breaker of a key: when it may be used, and what failures do to it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from results import camb
from results.models import ApiKey
from results.refresh import circuit_breaker

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("pause", "is_usable"),
    [
        (None, True),
        (timedelta(seconds=-1), True),
        (timedelta(minutes=1), False),
        (circuit_breaker.LONGEST_PAUSE + timedelta(minutes=1), True),  # the clock was set back since
    ],
)
def test_a_key_is_usable_unless_it_is_paused(team, pause, is_usable):
    ApiKey.objects.update(retry_at=None if pause is None else timezone.now() + pause)
    assert circuit_breaker.is_usable(team.pk) is is_usable


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
