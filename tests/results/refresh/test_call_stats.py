"""Tests that every call counts once, in the step in which it was made."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.utils import timezone as django_timezone

from results.models import Call
from results.refresh import call_stats
from results.refresh.call_stats import FailureCount, ResponseTimes, TimeWindow
from teams.models import Team
from tests.factories import make_team

pytestmark = pytest.mark.django_db

Outcome = Call.Outcome
HOUR = TimeWindow(step=60, count=60)
NOW = datetime(2026, 3, 29, 12, 30, 15, tzinfo=UTC)


def make_call(team: Team, at: datetime = NOW, **fields) -> Call:
    fields = {"ms": 200, "http_status": 200, "outcome": Outcome.ANSWERED, "run_count": 5} | fields
    return Call.objects.create(team=team, at=at, **fields)


def counted(summary: call_stats.CallSummary) -> dict[str, tuple[int, int]]:
    return {
        f"{step.start:%d %H:%M:%S}": (step.answered, step.failed)
        for step in summary.steps
        if step.answered or step.failed
    }


def test_a_call_counts_in_its_own_minute_to_the_microsecond():
    team = make_team()
    for text in ("12:28:59.999999", "12:29:00.000000", "12:29:59.999500", "12:29:59.999999", "12:30:00.000000"):
        make_call(team, datetime.fromisoformat(f"2026-03-29T{text}+00:00"))
    make_call(team, datetime(2026, 3, 29, 12, 29, 30, tzinfo=UTC), outcome=Outcome.REFUSED, http_status=401)
    assert counted(call_stats.summarise(team, HOUR, NOW)) == {
        "29 12:28:00": (1, 0),
        "29 12:29:00": (3, 1),
        "29 12:30:00": (1, 0),
    }


def test_the_window_ends_with_the_running_step_and_has_all_its_steps():
    team = make_team()
    for at in ("11:30:59.999999", "11:31:00", "12:30:59.999999", "12:31:00"):
        make_call(team, datetime.fromisoformat(f"2026-03-29T{at}+00:00"))
    summary = call_stats.summarise(team, HOUR, NOW)
    assert [step.start for step in summary.steps] == [
        datetime(2026, 3, 29, 11, 31, tzinfo=UTC) + timedelta(minutes=n) for n in range(60)
    ]
    assert counted(summary) == {"29 11:31:00": (1, 0), "29 12:30:00": (1, 0)}


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Europe/Berlin"])
def test_steps_are_the_same_in_every_time_zone(zone):
    team = make_team()
    # In Berlin the clock jumped that night; Kathmandu and St John's are not whole hours from UTC.
    for minutes in range(0, 24 * 60 - 20, 10):
        make_call(team, NOW - timedelta(minutes=minutes))
    day = TimeWindow(step=30 * 60, count=48)
    in_utc = call_stats.summarise(team, day, NOW)
    with django_timezone.override(zone):
        here = call_stats.summarise(team, day, NOW.astimezone(timezone(timedelta(hours=5, minutes=45))))
    assert here == in_utc
    assert sum(step.answered for step in in_utc.steps) == in_utc.calls == 142
    assert [step.answered for step in in_utc.steps] == [3] * 47 + [1]


def test_only_the_teams_own_calls_count():
    team = make_team()
    make_call(make_team())
    assert call_stats.summarise(team, HOUR, NOW).calls == 0


def test_failures_are_told_apart_by_outcome_and_code_most_frequent_first():
    team = make_team()
    for outcome, code, times in (
        (Outcome.UNAVAILABLE, None, 2),
        (Outcome.UNAVAILABLE, 503, 3),
        (Outcome.REFUSED, 401, 1),
        (Outcome.ANSWERED, 200, 4),
    ):
        for second in range(times):
            make_call(team, NOW - timedelta(minutes=second), outcome=outcome, http_status=code)
    assert call_stats.summarise(team, HOUR, NOW).failures == [
        FailureCount(Outcome.UNAVAILABLE, 503, 3),
        FailureCount(Outcome.UNAVAILABLE, None, 2),
        FailureCount(Outcome.REFUSED, 401, 1),
    ]


@pytest.mark.parametrize(
    ("ms", "median", "p95"),
    [
        ([7], 7, 7),
        ([1, 2], 1, 2),
        (list(range(1, 21)), 10, 19),
        (list(range(1, 22)), 11, 20),
        (list(range(100, 0, -1)), 50, 95),
    ],
)
def test_percentiles_are_times_that_were_measured(ms, median, p95):
    team = make_team()
    for number in ms:
        make_call(team, ms=number)
    assert call_stats.summarise(team, HOUR, NOW).times == ResponseTimes(median, p95, len(ms))


def test_a_call_without_an_answer_says_nothing_of_how_long_answers_take():
    team = make_team()
    make_call(team, ms=30_000, outcome=Outcome.UNAVAILABLE, http_status=None)
    assert call_stats.summarise(team, HOUR, NOW).times is None
    make_call(team, ms=90, outcome=Outcome.UNAVAILABLE, http_status=503)
    assert call_stats.summarise(team, HOUR, NOW).times == ResponseTimes(90, 90, 1)


def test_times_are_taken_from_the_newest_calls_only(monkeypatch):
    monkeypatch.setattr(call_stats, "MAX_TIMED", 3)
    team = make_team()
    for age, ms in enumerate((10, 20, 30, 4000, 5000)):
        make_call(team, NOW - timedelta(minutes=age), ms=ms)
    assert call_stats.summarise(team, HOUR, NOW).times == ResponseTimes(20, 30, 3)


def test_each_step_has_the_response_times_of_its_own_answers():
    team = make_team()
    for ms in (*range(1, 20), 99, 100, 109, 1099, 12_999, 123_456):
        make_call(team, NOW - timedelta(minutes=1), ms=ms)
    for ms in (129, 1234, 9876):
        make_call(team, NOW, ms=ms)
    make_call(team, NOW, ms=30_000, outcome=Outcome.UNAVAILABLE, http_status=None)
    make_call(team, NOW - timedelta(minutes=3), ms=30_000, outcome=Outcome.UNAVAILABLE, http_status=None)
    times = [step.times for step in call_stats.summarise(team, HOUR, NOW).steps[-4:]]
    assert times == [None, None, ResponseTimes(13, 12_000, 25), ResponseTimes(1200, 9800, 3)]


@pytest.mark.parametrize(
    ("answered", "failed", "share"), [(3, 0, "100"), (1999, 1, "99.9"), (1, 2, "33.3"), (0, 2, "0"), (0, 0, "0")]
)
def test_the_share_reaches_100_only_when_nothing_failed(answered, failed, share):
    steps = [call_stats.TimeStep(NOW, answered, failed)]
    assert call_stats.CallSummary(steps, [], None).share_answered == share


def test_a_window_costs_three_queries(django_assert_num_queries):
    team = make_team()
    for age in range(30):
        make_call(team, NOW - timedelta(minutes=age))
    with django_assert_num_queries(3):
        call_stats.summarise(team, HOUR, NOW)
