"""Refreshes that users request, and their progress."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from results import clock, queue
from results.media import links
from results.models import ApiKey, Run, TeamVersion
from results.refresh import ask, claims, heartbeat
from results.runs import request
from results.runs.request import (
    RefreshProgress,
    refresh_progress,
    refresh_sooner,
    request_refresh,
    request_refresh_many,
)
from tests.factories import make_run, make_runs, make_team, ready

pytestmark = pytest.mark.django_db


def progress_of(team):
    progress = refresh_progress(team)
    return progress.checked, progress.total


def test_refresh_now_pressed_often_makes_one_call(camb, team, worker, clock):
    run = make_run(team, status="ready", due_at=None)
    camb.runs[run.camb_run_id] = ready()
    assert [request_refresh(run) for _ in range(50)] == [True] + [False] * 49
    worker()
    assert len(camb.calls) == 1
    assert request_refresh(run) is False


def test_a_web_server_keeps_nothing_of_the_leases_that_it_hands_to_workers(team, enqueued, monkeypatch):
    monkeypatch.setattr(heartbeat, "held_leases", set())
    assert request_refresh(make_run(team, status="ready", due_at=None))
    assert [task for task, *_ in enqueued] == ["refresh_requested"]
    assert heartbeat.held_leases == set()


def test_a_refresh_whose_message_is_lost_with_the_web_server_is_due_again_within_ten_seconds(
    camb, team, sweep, enqueued, clock
):
    run = make_run(team, status="ready", due_at=None)
    camb.runs[run.camb_run_id] = ready()
    assert request_refresh(run)
    [(_task, lease)] = enqueued
    enqueued.clear()
    sweep()
    assert camb.calls == []  # the message may still come
    clock(8)
    sweep()
    assert len(camb.calls) == 1
    ask.refresh_requested(lease)
    assert len(camb.calls) == 1


def test_a_message_of_a_refresh_that_comes_late_has_the_run_asked_about(camb, team, enqueued, clock):
    run = make_run(team, status="ready", due_at=None)
    make_runs(team, 20)
    camb.unknown = ready()
    assert request_refresh(run)
    clock(60)
    [(_task, lease)] = enqueued
    ask.refresh_requested(lease)
    [call] = camb.calls
    assert run.camb_run_id in call.run_ids


def test_refresh_now_is_refused_while_the_key_is_paused_or_missing(team, enqueued):
    run = make_run(team)
    ApiKey.objects.update(state="unavailable", failures=1, retry_at=timezone.now() + timedelta(minutes=1))
    assert request_refresh(run) is False
    assert request_refresh(make_run()) is False
    assert enqueued == []


def test_refresh_now_includes_the_run_that_is_due_next(camb, team, worker):
    runs = make_runs(team, 3, due_at=timezone.now() + timedelta(hours=1))
    camb.unknown = ready()
    assert request_refresh(runs[2]) is True
    worker()
    assert [call.run_ids for call in camb.calls] == [[runs[2].camb_run_id, runs[0].camb_run_id]]


def test_refresh_now_keeps_the_rate_limit_and_goes_first(camb, team, enqueued, settings):
    settings.REFRESH_CALLS_PER_KEY = 2
    make_runs(team, 100)
    wanted = make_runs(team, 5, status="ready", due_at=None)
    camb.unknown = ready()
    swept = [claims.claim(team.pk), claims.claim(team.pk)]
    assert [request_refresh(run) for run in wanted] == [True] * 5
    assert {name for name, *_ in enqueued} == {"refresh_due"}
    ask.refresh_lease(swept[0])
    before = len(camb.calls)
    ask.refresh_lease(claims.claim(team.pk))
    assert set(camb.calls[before].run_ids) == {run.camb_run_id for run in wanted}


def test_many_requested_runs_are_refreshed_and_report_progress(camb, team, sweep, enqueued):
    runs = make_runs(team, 12, status="ready", due_at=None)
    other = make_run(make_team(), status="ready", due_at=None)
    camb.runs |= {run.camb_run_id: ready() for run in runs}
    assert refresh_progress(team) is None
    assert request_refresh_many(Run.objects.all(), team) == 12
    assert refresh_progress(team) == RefreshProgress(0, 12, None)
    ask.refresh_lease(claims.claim(team.pk))
    half = refresh_progress(team)
    assert (half.checked, half.total) == (5, 12)
    assert half.seconds_left is not None
    Run.objects.update(lease=None, lease_until=None)
    enqueued.clear()
    sweep()
    assert refresh_progress(team) is None
    other.refresh_from_db()
    assert other.due_at is None


def test_requests_are_marked_in_batches_and_workers_start_after_the_first(team, monkeypatch):
    marked_when_enqueued: list[int] = []

    def enqueue(_task: str, **_: object) -> None:
        marked_when_enqueued.append(Run.objects.due(clock.now()).count())

    monkeypatch.setattr(request, "REQUESTS_PER_TRANSACTION", 5)
    monkeypatch.setattr(queue, "enqueue", enqueue)
    runs = make_runs(team, 12, status="ready", due_at=None)
    Run.objects.filter(pk=runs[7].pk).update(archived_at=timezone.now())
    assert request_refresh_many(Run.objects.all(), team) == 11
    assert marked_when_enqueued == [5]
    assert progress_of(team) == (0, 11)
    assert Run.objects.exclude(requested_at=None).values("due_at", "requested_at").distinct().count() == 1


def test_an_unfinished_run_that_a_user_has_open_is_refreshed_sooner(team, settings):
    settings.REFRESH_WATCHED_SECONDS = 15
    later = timezone.now() + timedelta(minutes=20)
    run, finished = make_run(team, due_at=later), make_run(team, due_at=None)
    refresh_sooner(run)
    refresh_sooner(finished)
    run.refresh_from_db()
    finished.refresh_from_db()
    assert timezone.now() < run.due_at <= timezone.now() + timedelta(seconds=15)
    assert finished.due_at is None


def test_the_time_left_is_not_estimated_while_the_key_is_paused(camb, team, enqueued):
    make_runs(team, 12, status="ready", due_at=None)
    camb.unknown = ready()
    request_refresh_many(Run.objects.all(), team)
    ask.refresh_lease(claims.claim(team.pk))
    assert refresh_progress(team).seconds_left is not None
    ApiKey.objects.update(retry_at=timezone.now() + timedelta(minutes=1))
    assert refresh_progress(team) == RefreshProgress(5, 12, None)


def test_progress_counts_each_requested_run_once_and_no_other(camb, team, enqueued, worker):
    first, second = make_runs(team, 4, status="ready", due_at=None), make_runs(team, 3, status="ready", due_at=None)
    polled = make_runs(team, 2, status="waiting", due_at=timezone.now() + timedelta(hours=1))
    camb.unknown = ready()
    request_refresh_many(Run.objects.filter(pk__in=[run.pk for run in first]), team)
    for run in (first[0], first[1], *polled):
        links.renew_links(run)
    assert progress_of(team) == (2, 4)
    request_refresh_many(Run.objects.filter(pk__in=[run.pk for run in first[1:] + second]), team)
    assert progress_of(team) == (2, 8)
    links.renew_links(second[0])
    assert progress_of(team) == (3, 8)
    ask.enqueue_due()
    worker()
    assert refresh_progress(team) is None
    request_refresh_many(Run.objects.filter(pk=first[0].pk), team)
    assert progress_of(team) == (0, 1)


@pytest.mark.skipif(not settings.IS_EMBEDDED, reason="PostgreSQL chooses by what the tables hold")
def test_what_is_left_of_a_team_is_found_by_its_own_index():
    """Polls and refreshes look for it; SQLite would read every run of the team otherwise."""
    runs = Run.objects.filter(team=1)
    assert "COVERING INDEX run_due" in runs.unfinished().order_by("due_at").values("due_at").explain()
    assert "INDEX run_in_archive" in runs.archived().filter(pk__gt=0).explain()


def test_open_lists_show_an_earlier_check_at_once(team, enqueued):
    later = timezone.now() + timedelta(hours=1)
    runs = make_runs(team, 2, due_at=later)
    for change in (refresh_sooner, request_refresh):
        for run in runs:
            Run.objects.filter(pk=run.pk).update(due_at=later, lease=None, lease_until=None)
        before = TeamVersion.current(team.pk)
        change(Run.objects.get(pk=runs[0].pk))
        assert [Run.objects.get(pk=run.pk).version > before for run in runs] == [True, False]
        assert TeamVersion.current(team.pk) == before + 1


def test_a_page_that_stays_open_changes_nothing_more(team, django_assert_max_num_queries):
    run = make_run(team, due_at=timezone.now() + timedelta(hours=1))
    refresh_sooner(run)
    run.refresh_from_db()
    before = TeamVersion.current(team.pk)
    with django_assert_max_num_queries(1):  # the database's time
        refresh_sooner(run)
    assert TeamVersion.current(team.pk) == before
