"""When a waiting run is usually ready: the median and the range of the team's own runs, by their length."""

from datetime import timedelta

import pytest
from django.utils import timezone

from results.models import Run
from results.runs.ready_estimate import FEWEST_RUNS, PastWait, estimate_ready, past_waits
from tests.factories import make_run, make_team

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def waiting(age: float = 0, **fields) -> Run:
    return Run(status=Run.Status.WAITING, created_at=NOW - minutes(age), due_at=NOW, **fields)


def waits(*lengths: float, duration_ms: int = 0) -> list[PastWait]:
    return [PastWait(minutes(length), duration_ms) for length in lengths]


def test_half_of_the_runs_were_ready_by_the_estimate():
    estimate = estimate_ready(waiting(), waits(10, 20, 30, 40, 50), NOW)
    assert estimate == (NOW + minutes(30), NOW + minutes(10), NOW + minutes(50), 5)


def test_too_few_runs_say_nothing():
    assert estimate_ready(waiting(), waits(*range(1, FEWEST_RUNS)), NOW) is None


def test_a_run_that_has_waited_is_compared_with_those_that_took_longer():
    estimate = estimate_ready(waiting(age=25), waits(5, 10, 20, 30, 35, 40, 45, 50), NOW)
    assert estimate
    assert (estimate.at, estimate.runs) == (NOW + minutes(40 - 25), 5)
    assert estimate_ready(waiting(age=35), waits(5, 10, 20, 30, 35, 40, 45, 50), NOW) is None


def test_only_runs_of_about_the_same_length_count():
    mixed = waits(10, 10, 10, 10, 10, duration_ms=60_000) + waits(90, 90, 90, 90, 90, duration_ms=3_600_000)
    assert estimate_ready(waiting(duration_ms=50_000), mixed, NOW).at == NOW + minutes(10)
    assert estimate_ready(waiting(duration_ms=3_000_000), mixed, NOW).at == NOW + minutes(90)
    assert estimate_ready(waiting(duration_ms=500_000), mixed, NOW) is None


@pytest.mark.parametrize("status", ["ready", "partly", "failed", "not_found"])
def test_only_runs_that_wait_have_an_estimate(status):
    assert estimate_ready(Run(status=status, created_at=NOW, due_at=NOW), waits(*range(1, 20)), NOW) is None


def test_the_history_is_the_teams_own_and_holds_only_runs_that_were_waited_for():
    team = make_team()
    for owner, wait in ((team, minutes(9)), (team, timedelta(seconds=2)), (make_team(), minutes(3))):
        make_run(owner, status="ready", due_at=None, created_at=NOW - wait, changed_at=NOW, duration_ms=7)
    make_run(team, status="failed", due_at=None, created_at=NOW - minutes(5), changed_at=NOW)
    assert past_waits(team.pk) == [PastWait(minutes(9), 7)]
