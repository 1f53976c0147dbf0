from datetime import timedelta

import pytest
from django.utils import timezone

from demo.server import Reply
from results import camb as camb_client
from results import queue, tasks
from results.media import links
from results.models import ApiKey, Cue, Dub, Run, TeamVersion
from results.refresh import ask, claims
from results.runs import request
from results.runs.add import add_runs
from results.runs.remove import remove_run, remove_team
from results.runs.request import (
    RefreshProgress,
    refresh_progress,
    refresh_sooner,
    request_refresh,
    request_refresh_many,
)
from teams.models import Team
from tests.factories import make_dub, make_run, make_runs, make_team, ready

pytestmark = pytest.mark.django_db


def test_refresh_now_pressed_often_asks_once(camb, team, worker, clock):
    run = make_run(team, status="ready", due_at=None)
    camb.runs[run.camb_run_id] = ready()
    assert [request_refresh(run) for _ in range(50)] == [True] + [False] * 49
    worker()
    assert len(camb.calls) == 1
    assert request_refresh(run) is False


def test_refresh_now_waits_like_the_rest_while_the_key_is_paused(team, enqueued):
    run = make_run(team)
    ApiKey.objects.update(state="unavailable", failures=1, retry_at=timezone.now() + timedelta(minutes=1))
    assert request_refresh(run) is False
    assert request_refresh(make_run()) is False
    assert enqueued == []


def test_refresh_now_takes_the_run_that_is_next_along(camb, team, worker):
    runs = make_runs(team, 3, due_at=timezone.now() + timedelta(hours=1))
    camb.unknown = ready()
    assert request_refresh(runs[2]) is True
    worker()
    assert [call.run_ids for call in camb.calls] == [[runs[2].camb_run_id, runs[0].camb_run_id]]


def test_refresh_now_keeps_to_the_keys_limits_and_comes_before_the_rest(camb, team, enqueued, settings):
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


def test_a_link_is_not_renewed_while_the_key_is_paused(camb, team):
    run = make_run(team, status="ready", due_at=None)
    camb.script(Reply(429, b"", {"Retry-After": "60"}))
    for _ in range(2):
        with pytest.raises(camb_client.Unavailable, match="less often"):
            links.refresh_now(run)
    assert len(camb.calls) == 1
    assert ApiKey.objects.get().retry_at > timezone.now() + timedelta(seconds=30)


def test_ask_now_renews_the_links_while_somebody_waits(camb, team, enqueued):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready(video_url="https://media.example/fresh.mp4")
    links.refresh_now(run)
    assert Dub.objects.get(run=run).video_url == "https://media.example/fresh.mp4"
    run.refresh_from_db()
    assert run.lease is None


def test_add_runs_says_what_was_new_and_rings(team, enqueued):
    first = add_runs(team, [(11, "Eleven"), (12, "")], team.memberships.get().user)
    second = add_runs(team, [(12, "Twelve"), (13, "")], None)
    assert (first.new, first.known, second.new, second.known) == (2, [], 1, [12])
    assert list(Run.objects.order_by("camb_run_id").values_list("camb_run_id", "title")) == [
        (11, "Eleven"),
        (12, "Twelve"),
        (13, ""),
    ]
    assert enqueued == [("refresh_due",), ("refresh_due",)]
    assert TeamVersion.current(team.pk) == 2


def test_ten_thousand_runs_are_added_at_once(team, enqueued, django_assert_max_num_queries):
    pairs = [(number, "") for number in range(1, 10_001)]
    with django_assert_max_num_queries(300):
        assert add_runs(team, pairs, None).new == 10_000
    assert add_runs(team, pairs, None).new == 0


def test_many_runs_are_asked_on_request_and_their_progress_is_told(camb, team, sweep, enqueued):
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


def test_very_many_runs_are_marked_a_portion_at_a_time_and_workers_begin_with_the_first(team, monkeypatch):
    marked_at_the_bell: list[int] = []

    def ring(_task: str) -> None:
        marked_at_the_bell.append(Run.objects.due(timezone.now()).count())

    monkeypatch.setattr(request, "REQUESTS_PER_TRANSACTION", 5)
    monkeypatch.setattr(queue, "enqueue", ring)
    runs = make_runs(team, 12, status="ready", due_at=None)
    Run.objects.filter(pk=runs[7].pk).update(archived_at=timezone.now())
    assert request_refresh_many(Run.objects.all(), team) == 11
    assert marked_at_the_bell == [5]
    assert progress_of(team) == (0, 11)
    assert Run.objects.exclude(requested_at=None).values("due_at", "requested_at").distinct().count() == 1


def test_a_run_that_somebody_watches_is_asked_sooner(team, settings):
    settings.REFRESH_WATCHED_SECONDS = 15
    later = timezone.now() + timedelta(minutes=20)
    run, finished = make_run(team, due_at=later), make_run(team, due_at=None)
    refresh_sooner(run)
    refresh_sooner(finished)
    run.refresh_from_db()
    finished.refresh_from_db()
    assert timezone.now() < run.due_at <= timezone.now() + timedelta(seconds=15)
    assert finished.due_at is None


def test_the_time_left_is_not_guessed_while_the_key_is_paused(camb, team, enqueued):
    make_runs(team, 12, status="ready", due_at=None)
    camb.unknown = ready()
    request_refresh_many(Run.objects.all(), team)
    ask.refresh_lease(claims.claim(team.pk))
    assert refresh_progress(team).seconds_left is not None
    ApiKey.objects.update(retry_at=timezone.now() + timedelta(minutes=1))
    assert refresh_progress(team) == RefreshProgress(5, 12, None)


def test_progress_counts_only_what_was_asked_for_however_often_and_by_how_many(camb, team, enqueued, worker):
    first, second = make_runs(team, 4, status="ready", due_at=None), make_runs(team, 3, status="ready", due_at=None)
    polled = make_runs(team, 2, status="waiting", due_at=timezone.now() + timedelta(hours=1))
    camb.unknown = ready()
    request_refresh_many(Run.objects.filter(pk__in=[run.pk for run in first]), team)
    for run in (first[0], first[1], *polled):
        links.refresh_now(run)
    assert progress_of(team) == (2, 4)
    request_refresh_many(Run.objects.filter(pk__in=[run.pk for run in first[1:] + second]), team)
    assert progress_of(team) == (2, 8)
    links.refresh_now(second[0])
    assert progress_of(team) == (3, 8)
    ask.enqueue_due()
    worker()
    assert refresh_progress(team) is None
    request_refresh_many(Run.objects.filter(pk=first[0].pk), team)
    assert progress_of(team) == (0, 1)


def progress_of(team):
    progress = refresh_progress(team)
    return progress.checked, progress.total


def test_a_removed_run_takes_its_lines_along(team):
    run, other = make_dub(make_run(team), ["one"]).run, make_dub(make_run(team), ["two"])
    remove_run(run)
    remove_run(run)
    assert [cue.text for cue in Cue.objects.all()] == ["two"]
    assert Run.objects.get() == other.run


def test_a_removed_team_is_gone_for_everybody_at_once_and_wholly_once_a_worker_has_been_there(team, enqueued):
    make_dub(make_run(team), ["one"])
    other = make_dub(make_run(make_team()), ["two"])
    owner = team.memberships.get().user
    remove_team(team)
    assert not Run.objects.visible_to(owner).exists()
    assert (ApiKey.objects.count(), enqueued) == (0, [("finish_removals",)])
    tasks.finish_removals()
    tasks.finish_removals()
    assert list(Team.objects.all()) == [other.team]
    assert [cue.text for cue in Cue.objects.all()] == ["two"]
