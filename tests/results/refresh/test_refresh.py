import itertools
import re
import uuid
import zlib
from dataclasses import replace
from datetime import timedelta
from threading import BoundedSemaphore

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from demo.server import ABSENT, Reply
from results import camb as camb_client
from results import clock, tasks
from results.camb import parse
from results.models import (
    ApiKey,
    Attempt,
    Call,
    Cue,
    Dub,
    RawAnswer,
    Run,
    TeamVersion,
    WorkerHeartbeat,
)
from results.refresh import ask, call_log, circuit_breaker, claims, merge, save, schedule
from results.runs.add import add_tasks
from results.runs.request import request_refresh
from results.runs.trash import delete_run
from tests.factories import LINE, make_run, make_runs, make_team, ready

pytestmark = pytest.mark.django_db


def bodies(camb) -> list[list[int]]:
    return [call.run_ids for call in camb.calls]


@pytest.mark.parametrize("number", range(0, 120))
def test_batches_are_as_few_as_the_contract_allows(number):
    ids = list(range(1, number + 1))
    cut = claims.batches(ids)
    assert [i for batch in cut for i in batch] == ids
    assert len(cut) == -(-number // 5)
    assert all(2 <= len(batch) <= 5 for batch in cut) or number == 1


@pytest.mark.parametrize(("number", "sizes"), [(1, [1]), (2, [2]), (5, [5]), (6, [4, 2]), (11, [5, 4, 2])])
def test_a_sweep_asks_every_due_run_once(camb, team, sweep, number, sizes):
    runs = make_runs(team, number)
    camb.runs |= {run.camb_run_id: ready() for run in runs}
    sweep()
    assert [len(ids) for ids in bodies(camb)] == sizes
    assert sorted(i for ids in bodies(camb) for i in ids) == sorted(run.camb_run_id for run in runs)
    assert set(Run.objects.values_list("status", "due_at", "lease")) == {("ready", None, None)}


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize(("number", "calls"), [(6, 2), (41, 9), (101, 21)])
def test_a_sweep_over_many_runs_chains_its_batches_and_leaves_none_alone(
    camb, team, sweep, settings, number, calls, in_flight
):
    settings.REFRESH_CALLS_PER_KEY, settings.REFRESH_CALLS_PER_SECOND = in_flight, 1000
    runs = make_runs(team, number)
    camb.unknown = ready()
    sweep()
    assert sorted(i for ids in bodies(camb) for i in ids) == sorted(run.camb_run_id for run in runs)
    assert [call.method for call in camb.calls] == ["POST"] * calls
    assert set(Run.objects.values_list("status", flat=True)) == {"ready"}


def test_a_lone_run_is_asked_by_the_single_call(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    sweep()
    assert [(call.method, call.path) for call in camb.calls] == [("GET", f"/apis/dub-result/{run.camb_run_id}")]
    run.refresh_from_db()
    assert run.status == "ready"


def test_a_lone_due_run_takes_the_next_one_along(camb, team, sweep):
    due = make_run(team)
    soon = make_run(team, due_at=timezone.now() + timedelta(seconds=30))
    later = make_run(team, due_at=timezone.now() + timedelta(hours=30))
    camb.runs |= {run.camb_run_id: ready() for run in (due, soon, later)}
    sweep()
    assert bodies(camb) == [[due.camb_run_id, soon.camb_run_id]]


def test_what_was_said_is_stored_as_it_was_said(camb, team, sweep):
    run = make_run(team, title="Tea")
    camb.runs[run.camb_run_id] = {"es-es": ready(), "54": None, "fr-fr": ready(video_url=None)}
    sweep()
    run.refresh_from_db()
    assert (run.status, run.languages, run.cue_count, run.duration_ms) == ("ready", ["es-es", "fr-fr"], 1, 2250)
    spanish, french = run.dubs.order_by("pk")
    assert (spanish.video_url, french.video_url) == ("https://media.example/1.mp4", "")
    assert list(spanish.cues.values_list("position", "start_ms", "end_ms", "speaker", "text")) == [
        (1, 500, 2250, "Anna", "The kettle is on.")
    ]
    assert b"The kettle is on." in zlib.decompress(RawAnswer.objects.get(run=run).body)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (ready(), "ready"),
        (ready(video_url=None), "ready"),
        (ready(video_url=""), "ready"),
        (
            {
                "output_video_url": "https://m.example/v",
                "output_audio_url": "https://m.example/a",
                "transcript": [LINE],
            },
            "ready",
        ),
        ({"88": ready()}, "ready"),
        (ready(transcript=[]), "partly"),
        (ready(audio_url=None), "partly"),
        (ready(audio_url=None, video_url=None), "partly"),
        ({"es-es": ready(), "fr-fr": ready(transcript=None)}, "partly"),
        (None, "waiting"),
        ({}, "waiting"),
        ("PENDING", "waiting"),
        ([], "waiting"),
        (ABSENT, "waiting"),
        ({"video_url": None, "audio_url": None, "transcript": None}, "waiting"),
        ({"status": "ERROR", "exception_reason": "SOURCE_IS_AGE_RESTRICTED"}, "failed"),
    ],
)
def test_status_is_derived_from_what_there_is(camb, team, sweep, result, status):
    run, mate = make_runs(team, 2)
    camb.runs |= {run.camb_run_id: result, mate.camb_run_id: ready()}
    sweep()
    run.refresh_from_db()
    mate.refresh_from_db()
    assert (run.status, mate.status) == (status, "ready")
    assert (run.due_at is None) == (status in ("ready", "failed"))


def test_a_failed_run_says_why_and_what_to_do(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"status": "ERROR", "exception_reason": "SOURCE_IS_AGE_RESTRICTED"}
    sweep()
    run.refresh_from_db()
    assert "age" in run.reason


def test_unfinished_runs_are_asked_at_growing_intervals_and_then_daily(settings):
    settings.REFRESH_FIRST_SECONDS, settings.REFRESH_SLOWEST_SECONDS = 5, 600
    waits = [schedule.backoff(attempts).total_seconds() for attempts in range(0, 30)]
    assert 4.5 <= waits[0] <= 5.5
    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:10]))
    assert 540 <= waits[-1] <= 660
    assert schedule.backoff(10**6) <= timedelta(seconds=660)
    now = timezone.now()
    old = Run(status="waiting", created_at=now - timedelta(days=8))
    assert schedule.next_due(old, now) == now + timedelta(days=1)


def test_finished_runs_are_left_alone(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    sweep()
    sweep()
    assert len(camb.calls) == 1


def test_a_ready_run_that_answers_empty_stays_ready_with_a_warning(camb, team, sweep, worker):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    sweep()
    camb.runs[run.camb_run_id] = {"video_url": None, "audio_url": None, "transcript": []}
    Run.objects.update(checked_at=timezone.now() - timedelta(hours=1))
    assert request_refresh(run) is True
    worker()
    run.refresh_from_db()
    assert (run.status, run.due_at, Cue.objects.count()) == ("ready", None, 1)
    assert run.notes == ["CAMB.AI's latest answer about this run was empty; the earlier result is kept."]
    assert RawAnswer.objects.get(run=run).size > 10


def test_a_worse_transcript_does_not_replace_a_better_one(camb, team, sweep, worker):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    sweep()
    camb.runs[run.camb_run_id] = ready(transcript=[], video_url=None, audio_url="https://media.example/new.mp3")
    Run.objects.update(checked_at=None)
    request_refresh(run)
    worker()
    dub = Dub.objects.get(run=run)
    assert (dub.cues.count(), dub.video_url, dub.audio_url) == (
        1,
        "https://media.example/1.mp4",
        "https://media.example/new.mp3",
    )
    run.refresh_from_db()
    assert run.status == "ready"
    assert len(run.notes) == 2


def test_a_changed_transcript_replaces_the_cues_whole_and_the_same_one_touches_none(camb, team, sweep, worker):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    sweep()
    first = set(Cue.objects.values_list("pk", flat=True))
    Run.objects.update(checked_at=None)
    request_refresh(run)
    worker()
    assert set(Cue.objects.values_list("pk", flat=True)) == first
    camb.runs[run.camb_run_id] = ready(
        transcript=[LINE | {"text": "The kettle sings."}, LINE | {"start": 9, "end": 10}]
    )
    Run.objects.update(checked_at=None)
    request_refresh(run)
    worker()
    assert list(Cue.objects.order_by("position").values_list("text", flat=True)) == [
        "The kettle sings.",
        "The kettle is on.",
    ]


def test_the_same_answer_writes_neither_lines_nor_terms_nor_what_was_said(
    camb, team, sweep, worker, django_assert_max_num_queries
):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    sweep()
    Run.objects.update(checked_at=None)
    request_refresh(run)
    with django_assert_max_num_queries(60) as queries:
        worker()
    assert len(camb.calls) == 2
    sql = " ".join(query["sql"].replace('"', "") for query in queries)
    written = set(re.findall(r"(?:INSERT INTO|UPDATE|DELETE FROM) (results_\w+)", sql))
    assert {"results_run", "results_call", "results_attempt"} <= written
    assert written <= {
        "results_apikey",
        "results_run",
        "results_dub",
        "results_teamversion",
        "results_call",
        "results_attempt",
    }
    assert list(run.call_attempts.order_by("pk").values_list("change", flat=True)) == [
        "New → Ready, transcript arrived",
        "",
    ]


def test_keys_are_never_mixed_and_a_result_fills_its_own_row_only(camb, sweep, make_key):
    ours, theirs = make_team(), make_team()
    make_key(ours, "key-ours")
    make_key(theirs, "key-theirs")
    camb.keys = {"key-ours", "key-theirs"}
    for number in (71, 72):
        make_run(ours, camb_run_id=number)
    make_run(theirs, camb_run_id=71, due_at=timezone.now() + timedelta(hours=1))
    make_run(theirs, camb_run_id=99)
    camb.runs |= {71: ready(), 72: ready(), 99: ready()}
    sweep()
    assert {(call.key, tuple(call.run_ids)) for call in camb.calls} == {
        ("key-ours", (71, 72)),
        ("key-theirs", (99, 71)),
    }


def test_foreign_ids_in_the_answer_touch_nothing(camb, team, sweep):
    runs = make_runs(team, 2)
    other = make_run(make_team(), camb_run_id=555)
    answer = {str(run.camb_run_id): ready() for run in runs} | {"555": ready(), "556": ready()}
    camb.script(Reply(200, answer))
    sweep()
    other.refresh_from_db()
    assert (other.status, Run.objects.count()) == ("new", 3)


@pytest.mark.parametrize("guilty", range(5))
@pytest.mark.parametrize(("status", "words"), [(404, "does not know"), (403, ""), (422, ""), (400, "")])
def test_one_bad_id_is_found_by_halving_and_its_mates_get_their_results(camb, team, sweep, guilty, status, words):
    runs = make_runs(team, 5)
    camb.runs |= {run.camb_run_id: ready() for run in runs}
    camb.runs[runs[guilty].camb_run_id] = Reply(status, {"detail": "no"})
    sweep()
    statuses = list(Run.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == ["not_found" if place == guilty else "ready" for place in range(5)]
    assert len(camb.calls) <= 9
    bad = Run.objects.get(pk=runs[guilty].pk)
    assert bad.reason
    assert bad.due_at is None
    assert ApiKey.objects.get(team=team).state == "working"


def test_a_forbidden_key_is_told_from_a_forbidden_run(camb, team, sweep):
    runs = make_runs(team, 5)
    camb.unknown = Reply(403, {"detail": "no"})
    sweep()
    assert ApiKey.objects.get(team=team).state == "refused"
    assert set(Run.objects.values_list("status", flat=True)) == {"new"}
    assert len(camb.calls) <= 9
    assert runs


@pytest.mark.parametrize("guilty", [{0, 1}, {3, 4}, {0, 1, 2, 3, 4}])
def test_runs_that_are_forbidden_together_are_no_trouble_of_a_key_that_sees_others(camb, team, sweep, guilty):
    seen = make_run(team, status="ready", due_at=None, checked_at=timezone.now())
    runs = make_runs(team, 5)
    camb.unknown = ready()
    camb.runs |= {runs[place].camb_run_id: Reply(403, {"detail": "no"}) for place in guilty}
    sweep()
    statuses = [Run.objects.get(pk=run.pk).status for run in runs]
    assert statuses == ["not_found" if place in guilty else "ready" for place in range(5)]
    assert ApiKey.objects.get(team=team).state == "working"
    assert len(camb.calls) <= 9 + 1
    seen.refresh_from_db()
    assert (seen.status, seen.due_at) == ("ready", None)


def test_a_key_that_no_longer_sees_what_it_saw_is_refused(camb, team, sweep):
    make_run(team, status="ready", due_at=None, checked_at=timezone.now())
    make_runs(team, 5)
    camb.unknown = Reply(403, {"detail": "no"})
    sweep()
    assert ApiKey.objects.get(team=team).state == "refused"
    assert set(Run.objects.values_list("status", flat=True)) == {"ready", "new"}


@pytest.mark.parametrize(("status", "state"), [(401, "refused"), (402, "unpaid")])
def test_a_refused_key_pauses_its_runs_and_only_its(camb, team, sweep, make_key, status, state):
    other = make_team()
    make_key(other, "good")
    camb.keys = {"good", "demo-key"}
    runs = make_runs(team, 12)
    fine = make_run(other)
    camb.runs |= {fine.camb_run_id: ready()}
    camb.rule = lambda call: Reply(status, {"error": "no", "status": status}) if call.key == "demo-key" else None
    sweep()
    sweep()
    key = ApiKey.objects.get(team=team)
    assert (key.state, key.retry_at > timezone.now() + timedelta(minutes=20)) == (state, True)
    assert "demo-key" not in key.message
    assert key.message
    assert sum(call.key == "demo-key" for call in camb.calls) == 1
    fine.refresh_from_db()
    assert fine.status == "ready"
    assert runs


def test_one_probe_resumes_all_runs_once_the_key_is_mended(camb, team, enqueued, sweep):
    make_runs(team, 12)
    camb.unknown = ready()
    camb.script(Reply(401))
    sweep()
    assert len(camb.calls) == 1
    ApiKey.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    Run.objects.update(due_at=timezone.now())
    probe = claims.claim(team.pk)
    assert claims.claim(team.pk) is None
    ask.refresh_lease(probe)
    assert Run.objects.filter(status="ready").count() == 5
    sweep()
    assert set(Run.objects.values_list("status", flat=True)) == {"ready"}
    key = ApiKey.objects.get(team=team)
    assert (key.state, key.retry_at) == ("working", None)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
        Reply(503),
        Reply(504),
        Reply(429),
        Reply(200, b"<html>hello</html>", {"Content-Type": "text/html"}),
        Reply(200, b""),
        Reply(200, []),
        Reply(200, "x"),
        Reply(200, 5),
        Reply(302, b"", {"Location": "http://127.0.0.1:9/"}),
        Reply(200, {"1": ready()}, truncate_at=10),
        Reply(200, {"1": ready()}, reset=True, truncate_at=10),
    ],
)
def test_upstream_trouble_keeps_what_is_known_and_tries_again_later(camb, team, sweep, reply):
    known = make_run(team)
    camb.runs[known.camb_run_id] = ready()
    sweep()
    Run.objects.update(status="partly", due_at=timezone.now(), checked_at=None)
    fresh, *_ = make_runs(team, 3)  # four runs in all, so that halves are bulk calls too
    camb.rule = lambda call: replace(reply)
    sweep()
    ApiKey.objects.update(retry_at=None)
    Run.objects.update(due_at=timezone.now())
    sweep()
    known.refresh_from_db()
    fresh.refresh_from_db()
    assert (known.status, fresh.status, Cue.objects.count()) == ("partly", "new", 1)
    key = ApiKey.objects.get(team=team)
    assert (key.state, key.failures) == ("unavailable", 2)
    assert key.message
    assert key.retry_at > timezone.now()
    assert known.due_at > timezone.now()
    camb.rule = None
    camb.unknown = ready()
    for _ in range(2):  # the probe is about one of the two
        ApiKey.objects.update(retry_at=None)
        Run.objects.exclude(due_at=None).update(due_at=timezone.now())
        sweep()
    assert set(Run.objects.values_list("status", flat=True)) == {"ready"}
    key.refresh_from_db()
    assert (key.state, key.message, key.failures, key.retry_at) == ("working", "", 0, None)


def test_no_answer_at_all_is_said_in_plain_words(settings, team, sweep, enqueued):
    settings.CAMB_BASE_URL = "http://127.0.0.1:9/apis"
    make_runs(team, 2)
    for _ in range(2):
        sweep()
        Run.objects.update(due_at=timezone.now())
    key = ApiKey.objects.get(team=team)
    assert key.state == "unavailable"
    assert "demo-key" not in key.message
    assert key.message


def test_retry_after_is_obeyed(camb, team, sweep):
    make_runs(team, 2)
    camb.script(Reply(429, b"", {"Retry-After": "120"}))
    sweep()
    key = ApiKey.objects.get(team=team)
    assert timedelta(seconds=60) < key.retry_at - timezone.now() <= timedelta(seconds=120)
    sweep()
    assert len(camb.calls) == 1


def test_failures_in_a_row_wait_longer_up_to_a_quarter_of_an_hour(camb, team, sweep):
    make_runs(team, 2)
    waits = []
    ApiKey.objects.update(failures=1)
    camb.rule = lambda call: Reply(500)
    for _ in range(8):
        sweep()
        key = ApiKey.objects.get(team=team)
        waits.append((key.retry_at - timezone.now()).total_seconds())
        ApiKey.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
        Run.objects.update(due_at=timezone.now())
    assert 55 <= waits[0] <= 67
    assert waits[1] > waits[0]
    assert 800 <= waits[-1] <= 1000


def test_one_odd_answer_among_many_stops_only_its_own_batch(camb, team, sweep):
    make_runs(team, 10)
    camb.unknown = ready()
    camb.script(Reply(500))
    sweep()
    assert list(Run.objects.values_list("status", flat=True)) == ["new"] * 5 + ["ready"] * 5
    key = ApiKey.objects.get(team=team)
    assert (key.state, key.failures, key.retry_at) == ("working", 0, None)
    assert Run.objects.filter(due_at__gt=timezone.now()).count() == 5


def test_calls_that_fail_together_count_as_one_failure(team):
    key = ApiKey.objects.get(team=team)
    for _ in range(4):
        circuit_breaker.record_failure(key, camb_client.Unavailable("down"))
    key.refresh_from_db()
    assert key.failures == 1


def test_a_message_delivered_twice_asks_once(camb, team):
    runs = make_runs(team, 2)
    camb.runs |= {run.camb_run_id: ready() for run in runs}
    lease = claims.claim(team.pk)
    tasks.refresh_requested(str(lease.id))
    tasks.refresh_requested(str(lease.id))
    assert len(camb.calls) == 1
    assert Cue.objects.count() == 2


def test_two_beats_ask_about_each_run_once(camb, team, enqueued, worker):
    runs = make_runs(team, 10)
    camb.unknown = ready()
    ask.enqueue_due()
    ask.enqueue_due()
    worker()
    assert sorted(i for call in camb.calls for i in call.run_ids) == sorted(run.camb_run_id for run in runs)


def test_a_lost_message_costs_one_tick_of_beat(camb, team, enqueued, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    ask.enqueue_due()
    enqueued.clear()
    sweep()
    run.refresh_from_db()
    assert run.status == "ready"


def test_a_process_sweeps_with_no_more_threads_than_it_may(camb, team, monkeypatch):
    make_run(team)
    monkeypatch.setattr(ask, "_sweeping", BoundedSemaphore(1))
    with ask._sweeping:
        tasks.refresh()
    assert camb.calls == []
    tasks.refresh()
    assert camb.calls[0].path.startswith("/apis/dub-result/")


def test_a_tick_starts_the_threads_of_all_workers_that_are_alive(team, enqueued, settings):
    settings.WORKER_THREADS, settings.REFRESH_CALLS_PER_KEY = 2, 8
    make_runs(team, 30)
    ask.enqueue_due()
    assert enqueued == [("refresh",)] * 2
    enqueued.clear()
    for name, age in (("a", 0), ("b", 1), ("dead", 60)):
        WorkerHeartbeat.objects.create(name=name, seen_at=clock.now() - timedelta(seconds=age))
    ask.enqueue_due()
    assert enqueued == [("refresh",)] * 4


def test_a_thread_that_finds_nothing_it_may_ask_about_wakes_no_other(camb, team, enqueued, settings):
    settings.REFRESH_CALLS_PER_SECOND = 1
    make_runs(team, 30)
    for _ in range(3):
        tasks.refresh()
    assert enqueued == []


def test_a_lease_that_was_taken_over_stores_nothing(camb, team, sweep, during_the_call):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    during_the_call(lambda: Run.objects.filter(pk=run.pk).update(lease=uuid.uuid4()))
    sweep()
    run.refresh_from_db()
    assert (run.status, Cue.objects.count()) == ("new", 0)


def held(run) -> uuid.UUID:
    """The run's lease, which nobody else has."""
    run.lease, run.lease_until = uuid.uuid4(), timezone.now() + Run.LEASE
    run.save()
    return run.lease


def outcome_of(run, lease, line="Hello."):
    said = parse.read_run(run.camb_run_id, ready(transcript=[LINE | {"text": line}]))
    return save.Outcome(run.pk, lease, timezone.now(), said)


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_two_leases_on_a_run_that_end_at_once_the_last_given_counts(team, newest_first):
    run = make_run(team)
    answers = [outcome_of(run, held(run), "Older."), outcome_of(run, held(run), "Newer.")]
    save.save_outcomes(sorted(answers, key=answers.index, reverse=newest_first), call_log.CallLog(team.pk))
    run.refresh_from_db()
    assert (run.status, run.lease, [cue.text for cue in Cue.objects.all()]) == ("ready", None, ["Newer."])


def test_saving_many_outcomes_takes_as_many_queries_as_saving_two(team):
    TeamVersion.bump(team.pk)
    runs = make_runs(team, 12)
    of_two = queries_to_save(team, runs[:2])
    of_ten = queries_to_save(team, runs[2:])
    assert of_ten == of_two
    assert (Call.objects.count(), Attempt.objects.filter(change__contains="Ready").count()) == (2, 12)


def queries_to_save(team, runs) -> int:
    lease, log = uuid.uuid4(), call_log.CallLog(team.pk)
    Run.objects.filter(pk__in=[run.pk for run in runs]).update(lease=lease, lease_until=timezone.now() + Run.LEASE)
    with log.record([run.pk for run in runs]):
        outcomes = [outcome_of(run, lease) for run in runs]
    with CaptureQueriesContext(connection) as queries:
        save.save_outcomes(outcomes, log)
    return len(queries)


def test_a_run_removed_while_it_is_asked_stays_removed(camb, team, sweep, during_the_call):
    run, mate = make_runs(team, 2)
    camb.runs |= {run.camb_run_id: ready(), mate.camb_run_id: ready()}
    during_the_call(lambda: delete_run(run))
    sweep()
    assert list(Run.objects.values_list("pk", "status")) == [(mate.pk, "ready")]
    assert Cue.objects.count() == 1


def test_a_poison_run_spoils_nobody_and_is_parked_after_five_tries(camb, team, sweep, monkeypatch):
    poison, mate = make_runs(team, 2)
    camb.runs |= {poison.camb_run_id: ready(), mate.camb_run_id: ready()}
    original = merge.Merge.merge

    def breaks(stock, run, *args):
        change = original(stock, run, *args)
        if run.pk == poison.pk:
            raise ValueError("poison")
        return change

    monkeypatch.setattr(merge.Merge, "merge", breaks)
    for _ in range(6):
        sweep()
        Run.objects.exclude(due_at=None).update(due_at=timezone.now())
    poison.refresh_from_db()
    mate.refresh_from_db()
    assert mate.status == "ready"
    assert (poison.due_at, poison.attempts, poison.lease) == (None, 5, None)
    assert poison.reason
    assert Dub.objects.filter(run=poison).count() == 0


def test_a_task_is_followed_until_it_has_a_run_id_and_then_the_run_is_asked(camb, team, sweep):
    assert add_tasks(team, [("abc-1", "Pilot")], None) == 1
    assert add_tasks(team, [("abc-1", "Pilot")], None) == 0
    camb.tasks["abc-1"] = {"status": "PENDING"}
    sweep()
    run = Run.objects.get()
    assert (run.status, str(run), run.camb_run_id, run.attempts) == ("waiting", "Pilot", None, 1)
    camb.tasks["abc-1"] = {"status": "SUCCESS", "run_id": 77}
    camb.runs[77] = ready()
    Run.objects.update(due_at=timezone.now())
    sweep()
    Run.objects.update(due_at=timezone.now())
    sweep()
    run.refresh_from_db()
    assert (run.camb_run_id, run.camb_task_id, run.status) == (77, "abc-1", "ready")
    assert [call.path for call in camb.calls] == ["/apis/dub/abc-1", "/apis/dub/abc-1", "/apis/dub-result/77"]


def test_a_task_that_is_a_run_the_team_has_already_becomes_one_with_it(camb, team, sweep):
    known = make_run(team, camb_run_id=77, status="ready", due_at=None)
    add_tasks(team, [("abc-1", "Pilot")], None)
    camb.tasks["abc-1"] = {"status": "SUCCESS", "run_id": 77}
    sweep()
    assert list(Run.objects.values_list("pk", "title")) == [(known.pk, "Pilot")]


@pytest.mark.parametrize(
    ("task", "status", "words"),
    [
        ({"status": "ERROR", "exception_reason": "SOURCE_TOO_LONG"}, "failed", "too long"),
        ({"status": "error", "exception_reason": "NONE", "message": {"why": "cat"}}, "failed", "cat"),
        ({"status": "TIMEOUT"}, "failed", "too long"),
        ({"status": "PAYMENT_REQUIRED"}, "failed", "credit"),
        ({"status": "SOMETHING_NEW"}, "waiting", ""),
        (Reply(404), "not_found", "404"),
    ],
)
def test_a_task_that_fails_says_why(camb, team, sweep, task, status, words):
    add_tasks(team, [("abc-1", "")], None)
    camb.tasks["abc-1"] = task
    sweep()
    run = Run.objects.get()
    assert run.status == status
    assert words in run.reason
    assert str(run) == "Task abc-1"


def test_tasks_and_runs_are_asked_side_by_side(camb, team, sweep):
    runs = make_runs(team, 3)
    camb.runs |= {run.camb_run_id: ready() for run in runs}
    add_tasks(team, [("a", ""), ("b", "")], None)
    camb.tasks |= {"a": {"status": "PENDING"}, "b": {"status": "PENDING"}}
    sweep()
    assert sorted(call.path for call in camb.calls) == ["/apis/dub/a", "/apis/dub/b", "/apis/dubbing-results"]


def test_every_change_raises_the_teams_version(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready()
    before = TeamVersion.current(team.pk)
    sweep()
    run.refresh_from_db()
    assert run.version > before
    assert TeamVersion.current(team.pk) >= run.version


def test_every_call_is_kept_with_what_it_changed(camb, team, sweep):
    good, bad, mate = make_runs(team, 3)
    camb.runs |= {good.camb_run_id: ready(), bad.camb_run_id: Reply(404), mate.camb_run_id: None}
    sweep()
    calls = Call.objects.order_by("pk").values_list("run_count", "http_status", "outcome")
    assert list(calls) == [
        (3, 404, "refused"),
        (1, 200, "answered"),
        (2, 404, "refused"),
        (1, 404, "refused"),
        (1, 200, "answered"),
    ]
    assert [attempt.change for attempt in good.call_attempts.order_by("pk")] == [
        "",
        "New → Ready, transcript arrived",
    ]
    assert [attempt.change for attempt in bad.call_attempts.order_by("pk")] == ["", "", "New → Not found"]


def test_old_calls_are_forgotten(camb, team, sweep, settings):
    make_run(team)
    camb.unknown = ready()
    sweep()
    assert call_log.delete_old() == 0
    Call.objects.update(at=timezone.now() - timedelta(days=31))
    assert call_log.delete_old() == 1
    assert (Call.objects.count(), Attempt.objects.count()) == (0, 0)


def test_a_team_without_a_key_asks_nothing(camb, sweep):
    make_run(make_team())
    sweep()
    assert camb.calls == []


def test_storing_takes_the_same_number_of_queries_for_any_transcript(
    camb, team, sweep, django_assert_max_num_queries
):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready(transcript=[LINE] * 100)
    with django_assert_max_num_queries(60):
        sweep()
    assert Cue.objects.count() == 100
