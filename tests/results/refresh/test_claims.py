"""Who may ask about which runs, and how many may at once?"""

import uuid
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from results.models import ApiKey, Run
from results.refresh import ask, claims
from tests.factories import LINE, make_numbered_runs

pytestmark = pytest.mark.django_db

READY = {"audio_url": "https://media.example/1.mp3", "transcript": [LINE]}


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.REFRESH_CALLS_PER_KEY, settings.REFRESH_CALLS_PER_SECOND = 2, 1000


@pytest.fixture
def runs(team):
    """200 runs of the team, numbered from 1."""
    return make_numbered_runs(team, 200)


def leased() -> set[int]:
    return set(Run.objects.exclude(lease=None).values_list("pk", flat=True))


def claim(team) -> list[claims.Lease]:
    return claims.claim(team.pk, timezone.now())


def test_who_holds_a_lease_gets_more_under_it_before_its_calls_are_over(team, runs):
    one, two = claim(team)
    [more] = claims.claim_more(team.pk, [one.id])
    assert more.id == one.id
    assert {run.pk for run in more.runs}.isdisjoint(run.pk for lease in (one, two) for run in lease.runs)
    assert claim(team) == []


def test_nobody_gets_more_while_others_make_all_the_calls_that_may_be_made(team, runs):
    claim(team)
    assert claims.claim_more(team.pk, [uuid.uuid4()]) == []


def test_of_many_who_want_more_as_many_get_it_as_may_call(team, runs):
    one, _ = claim(team)
    given = claims.claim_more(team.pk, [one.id, uuid.uuid4()])
    assert [lease.id for lease in given] == [one.id]


def test_runs_go_back_one_by_one_and_only_from_who_holds_them(team, runs):
    one, two = claim(team)
    first, *rest = [run.pk for run in one.runs]
    others = [run.pk for run in two.runs]
    claims.release(one.id, [first, *others])
    assert leased() == {*rest, *others}


def test_of_two_messages_about_a_lease_one_finds_its_runs(team, runs):
    one, two = claim(team)
    taken, gone, other = claims.take([str(one.id), str(one.id), str(two.id)])
    assert (taken and taken.runs, gone, other and other.runs) == (one.runs, None, two.runs)
    assert claims.take([str(one.id)]) == [None]


def test_taking_many_costs_no_more_queries_than_taking_one(team, runs, settings):
    settings.REFRESH_CALLS_PER_KEY = 20
    one, *others = claim(team)
    with CaptureQueriesContext(connection) as alone:
        claims.take([str(one.id)])
    with CaptureQueriesContext(connection) as together:
        assert None not in claims.take([str(lease.id) for lease in others])
    assert len(together) == len(alone)


def test_what_is_due_longest_is_asked_first(team, runs):
    now = timezone.now()
    for wait, run in enumerate(runs):
        run.due_at = now - timedelta(seconds=wait)
    Run.objects.bulk_update(runs, ["due_at"])
    one, _ = claim(team)
    [taken] = claims.take([str(one.id)])
    assert taken
    assert [run.pk for run in taken.runs] == [run.pk for run in runs[: -len(one.runs) - 1 : -1]]


def test_a_lease_that_is_taken_while_the_gate_is_closed_goes_back(team, runs):
    one, _ = claim(team)
    ApiKey.objects.update(retry_at=timezone.now() + timedelta(minutes=1))
    assert claims.take([str(one.id)]) == [None]
    assert leased().isdisjoint(run.pk for run in one.runs)


def test_what_is_asked_next_is_claimed_before_the_last_call_is_over(team, runs, django_assert_num_queries):
    one, _ = claim(team)
    before = leased()
    caller = ask._Caller(one)
    caller.look_ahead()
    with django_assert_num_queries(0):
        ahead = caller.next_lease()
    assert ahead
    assert leased() - before == {run.pk for run in ahead.runs}


def test_what_was_claimed_ahead_goes_back_when_the_caller_fails(team, runs):
    one, two = claim(team)
    caller = ask._Caller(one)
    caller.look_ahead()
    caller.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert leased() == {run.pk for lease in (one, two) for run in lease.runs}


def test_a_lease_that_was_claimed_long_before_is_renewed_before_its_first_call(
    team, runs, camb, clock, during_the_call
):
    one, _ = claim(team)
    camb.unknown = READY
    seen = []
    during_the_call(lambda: seen.append(Run.objects.get(pk=one.runs[0].pk).lease_until))
    clock(60)
    ask._ask(one)
    assert seen[0] == timezone.now() + claims.LEASE_DURATION


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="On SQLite one writes at a time")
def test_a_run_that_somebody_is_writing_is_passed_by(team, runs):
    written, may_end = Event(), Event()

    def write() -> None:
        with transaction.atomic():
            Run.objects.filter(pk=runs[0].pk).update(title="Being written")
            written.set()
            assert may_end.wait(60)
        connection.close()

    writer = Thread(target=write, daemon=True)
    writer.start()
    assert written.wait(60)
    try:
        given = claim(team)
    finally:
        may_end.set()
        writer.join()
    assert given
    assert runs[0].pk not in leased()
