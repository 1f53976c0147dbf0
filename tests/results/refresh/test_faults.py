"""Tests that the engine makes few calls, waits and leaks nothing when CAMB.AI, a clock or the database fails."""

import logging
import threading
import zlib
from collections import Counter
from contextlib import suppress
from datetime import UTC, timedelta
from email.utils import format_datetime
from time import monotonic

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from demo.server import ABSENT, Reply, StandIn
from results import camb as camb_client
from results import clock, queue, tasks
from results.camb import parse, texts
from results.models import ApiKey, Attempt, Call, Cue, Dub, RawAnswer, Run, TeamVersion
from results.refresh import ask, circuit_breaker, claims, keys, merge
from results.refresh.call_log import CallLog, write_log
from results.runs.request import request_refresh, request_refresh_many
from results.search.service import search
from tests.factories import LINE, make_numbered_runs, make_run, make_team

pytestmark = pytest.mark.django_db

SECRET = "sk-very/secret-0123456789"
READY = {"audio_url": "https://media.example/1.mp3", "transcript": [LINE]}


def statuses() -> list[str]:
    return list(Run.objects.order_by("pk").values_list("status", flat=True))


# --- Many runs ---------------------------------------------------------------------------------------


def test_a_thread_looks_for_the_next_key_once_its_turn_is_over(camb, enqueued, make_key, settings, monkeypatch):
    settings.REFRESH_CALLS_PER_KEY = 1
    monkeypatch.setattr(ask, "KEY_SECONDS", (0, 0))
    monkeypatch.setattr(ask, "ASK_SECONDS", 0)
    teams = [make_team(), make_team()]
    for number, team in enumerate(teams):
        make_key(team, f"key-{number}")
        make_numbered_runs(team, 15)
    camb.keys = {"key-0", "key-1"}
    camb.unknown = READY
    tasks.refresh()
    keys_asked = [call.key for call in camb.calls]
    assert sorted(keys_asked[:2]) == sorted(keys_asked[2:4]) == ["key-0", "key-1"]
    assert statuses() == ["ready"] * 30


def whole_lease(team) -> claims.Lease:
    """Lease all due runs of the team at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("results.refresh.claims.random.randint", lambda least, most: most)
        return claims.claim(team.pk)


def test_trouble_amid_a_lease_keeps_what_was_heard_and_puts_off_only_what_was_not(camb, team, enqueued, settings):
    settings.REFRESH_CALLS_PER_KEY = 1
    make_numbered_runs(team, 20)
    camb.unknown = READY
    camb.script(None, Reply(500))
    ask.refresh_lease(whole_lease(team))
    assert statuses() == ["ready"] * 5 + ["new"] * 15
    now = timezone.now()
    assert Run.objects.filter(due_at__gt=now).count() == 5
    assert Run.objects.due(now).count() == 10


def test_runs_whose_calls_failed_are_asked_about_first_so_that_they_hold_up_no_answer(
    camb, team, enqueued, settings
):
    settings.REFRESH_CALLS_PER_KEY = 1
    runs = make_numbered_runs(team, 15)
    Run.objects.filter(pk=runs[12].pk).update(call_failures=1)
    camb.unknown = READY
    ask.refresh_lease(whole_lease(team))
    first_halves = {run_id for call in camb.calls[:2] for run_id in call.run_ids}
    assert first_halves == {run.camb_run_id for run in runs[10:]}
    assert statuses() == ["ready"] * 15


def test_a_worker_that_stops_begins_no_further_call_and_leases_nothing_more(
    camb, team, enqueued, settings, monkeypatch
):
    settings.REFRESH_CALLS_PER_KEY = 1
    make_numbered_runs(team, 15)
    camb.unknown = READY
    lease = whole_lease(team)
    monkeypatch.setattr(queue, "is_worker_stopping", lambda: True)
    ask.refresh_lease(lease)
    tasks.refresh()
    assert len(camb.calls) == 1
    assert statuses() == ["ready"] * 5 + ["new"] * 10
    assert not Run.objects.exclude(lease=None).exists()


def test_a_worker_that_stops_halves_no_refused_batch(camb, team, monkeypatch):
    make_numbered_runs(team, 5)
    camb.script(Reply(422))
    lease = whole_lease(team)
    monkeypatch.setattr(queue, "is_worker_stopping", lambda: True)
    ask.refresh_lease(lease)
    assert len(camb.calls) == 1
    assert statuses() == ["new"] * 5
    assert not Run.objects.exclude(lease=None).exists()


def test_a_call_log_that_was_rolled_back_is_stored_beside_the_call_that_took_its_key(team):
    log, other = CallLog(team.pk), CallLog(team.pk)
    for one in (log, other):
        with one.record([]):
            pass
    with suppress(ZeroDivisionError), transaction.atomic():
        write_log(log, {})
        raise ZeroDivisionError
    write_log(other, {})
    write_log(log, {})
    assert Call.objects.count() == 2


# --- CAMB.AI's trouble -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("1", 1, 1),
        ("120", 120, 120),
        (lambda: format_datetime(timezone.now().astimezone(UTC) + timedelta(seconds=120), usegmt=True), 60, 120),
        ("soon", 20, 25),
        (None, 20, 25),
        ("1000000000", 15 * 60, 15 * 60),
    ],
)
def test_retry_after_is_obeyed_in_each_form_up_to_a_quarter_of_an_hour(
    camb, team, sweep, clock, header, least, most
):
    make_numbered_runs(team, 2, due_at=timezone.now())
    header = header() if callable(header) else header
    camb.script(Reply(429, b"", {"Retry-After": header} if header else {}))
    before = timezone.now()
    sweep()
    key = ApiKey.objects.get()
    assert least <= (key.retry_at - before).total_seconds() <= most
    sweep()
    assert len(camb.calls) == 1


def test_a_time_that_was_named_too_short_is_not_believed_again(camb, team, sweep, clock):
    make_numbered_runs(team, 2, due_at=timezone.now())
    camb.rule = lambda call: Reply(429, b"", {"Retry-After": "3"})
    for _ in range(60):
        sweep()
        clock(1)
    waits = ApiKey.objects.get().retry_at - timezone.now()
    assert [call.status for call in camb.calls] == [429] * 2
    assert waits > timedelta(seconds=2)


def test_runs_wait_as_long_as_was_named_and_no_longer(camb, team, sweep, clock):
    make_numbered_runs(team, 2, due_at=timezone.now())
    camb.unknown = READY
    camb.script(Reply(429, b"", {"Retry-After": "3"}))
    for calls in (1, 1, 1, 2):
        sweep()
        assert len(camb.calls) == calls
        clock(1)
    assert statuses() == ["ready"] * 2


def test_of_calls_that_fail_together_the_longest_time_named_counts(team, clock):
    key = ApiKey.objects.get()
    for seconds in (5, 60, 30):
        circuit_breaker.record_failure(key, camb_client.Unavailable("busy", http_status=429, retry_after=seconds))
    key.refresh_from_db()
    assert (key.failures, key.retry_at) == (1, timezone.now() + timedelta(seconds=60))


def test_a_gate_that_closes_amid_a_lease_is_heeded_before_the_next_call(
    camb, team, enqueued, settings, during_the_call
):
    settings.REFRESH_CALLS_PER_KEY = 1
    make_numbered_runs(team, 20)
    camb.unknown = READY
    during_the_call(lambda: ApiKey.objects.update(failures=1, retry_at=timezone.now() + timedelta(minutes=1)))
    ask.refresh_lease(whole_lease(team))
    assert len(camb.calls) == 1
    assert statuses() == ["ready"] * 5 + ["new"] * 15
    assert Run.objects.exclude(lease=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_once_a_refusal_of_the_key_is_noted_no_further_call_begins(camb, team, enqueued, settings):
    settings.REFRESH_CALLS_PER_KEY, settings.REFRESH_CALLS_PER_SECOND = 4, 1000
    make_numbered_runs(team, 100)
    all_asked, is_noted = threading.Barrier(4), threading.Event()

    def refuse_one(call) -> Reply:
        if all_asked.wait(60) == 0:
            return Reply(401)
        is_noted.wait(60)
        return Reply(200, dict.fromkeys(map(str, call.run_ids), READY))

    def refresh() -> None:
        ask.refresh()
        connection.close()

    camb.rule = refuse_one
    threads = [threading.Thread(target=refresh) for _ in range(4)]
    for thread in threads:
        thread.start()
    while not ApiKey.objects.filter(state="refused").exists():
        assert any(thread.is_alive() for thread in threads)
    is_noted.set()
    for thread in threads:
        thread.join()
    assert (claims.claim(team.pk), len(camb.calls)) == (None, 4)
    assert Counter(statuses()) == {"ready": 15, "new": 85}
    assert Run.objects.exclude(lease=None).count() == 0


def test_a_gate_that_closes_while_a_batch_is_halved_is_heeded_and_keeps_what_was_heard(
    camb, team, sweep, during_the_call
):
    make_numbered_runs(team, 5)
    camb.unknown = READY
    camb.runs[5] = Reply(404)
    during_the_call(lambda: ApiKey.objects.update(failures=1, retry_at=timezone.now() + timedelta(minutes=1)))
    sweep()
    assert [call.run_ids for call in camb.calls] == [[1, 2, 3, 4, 5], [1, 2]]
    assert statuses() == ["ready"] * 2 + ["new"] * 3
    assert Run.objects.due(clock.now()).count() == 3


def test_a_new_key_is_tried_by_one_call_before_it_makes_many(camb, team, enqueued, sweep):
    ApiKey.objects.update(state="untried")
    make_numbered_runs(team, 100)
    camb.keys = {"another"}
    ask.enqueue_due()
    assert len(enqueued) == 1
    sweep()
    assert [call.status for call in camb.calls] == [401]


def test_a_batch_that_fails_is_asked_at_most_five_times_in_ten_minutes_and_soon_after_they_are_back(
    camb, team, sweep, clock
):
    make_numbered_runs(team, 5, due_at=timezone.now())
    camb.unknown = READY
    camb.rule = lambda call: Reply(503)
    for _ in range(60):
        sweep()
        clock(10)
    assert 3 <= len(camb.calls) <= 5
    camb.rule = None
    for _ in range(8):
        sweep()
        clock(2 * 60)
    assert statuses() == ["ready"] * 5


@pytest.mark.parametrize("reply", [Reply(delay=60), Reply(200, {"1": READY, "2": READY}, drip=0.1)])
def test_an_answer_that_takes_too_long_is_left(camb, team, sweep, settings, reply):
    settings.CAMB_READ_SECONDS, settings.CAMB_TOTAL_SECONDS = 0.2, 0.4
    make_numbered_runs(team, 2)
    camb.script(reply)
    began = monotonic()
    sweep()
    assert monotonic() - began < 15  # each takes half a minute by itself
    [call] = Call.objects.all()
    assert "did not answer in time" in call.message
    assert set(Run.objects.values_list("status", "lease")) == {("new", None)}


def test_an_answer_of_fifty_megabytes_is_cut_off_and_said_so(camb, team, sweep):
    known = make_run(team, camb_run_id=1)
    camb.runs[1] = READY
    sweep()
    Run.objects.update(due_at=timezone.now())
    camb.script(Reply(200, iter([b" " * 2**20] * 50)))
    sweep()
    assert "larger than 20 MB" in Call.objects.latest("pk").message
    known.refresh_from_db()
    assert (known.status, Cue.objects.count()) == ("ready", 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_key_nowhere(camb, team, sweep, status):
    make_numbered_runs(team, 2)
    with StandIn() as elsewhere:
        camb.script(Reply(status, b"", {"Location": f"{elsewhere.base_url}/dubbing-results"}))
        sweep()
        assert elsewhere.calls == []
    assert "redirects elsewhere" in Call.objects.get().message


def test_a_run_that_never_finishes_is_asked_ever_less_and_then_daily_but_never_forgotten(
    camb, team, sweep, worker, clock, settings
):
    settings.REFRESH_SLOWEST_SECONDS = 6 * 3600
    run = make_run(team, due_at=timezone.now(), created_at=timezone.now())
    camb.runs[run.camb_run_id] = None
    waits = []
    while timezone.now() - run.created_at < timedelta(days=10):
        sweep()
        run.refresh_from_db()
        waits.append((run.due_at - timezone.now()).total_seconds())
        clock(waits[-1])
    assert len(waits) < 70
    assert waits[0] < 10
    assert waits[-2:] == [24 * 3600] * 2
    assert run.status == "waiting"
    camb.runs[run.camb_run_id] = READY
    assert request_refresh(run) is True
    worker()
    assert statuses() == ["ready"]


def test_a_key_that_camb_echoes_is_nowhere_to_be_read(camb, make_key, sweep, caplog):
    caplog.set_level(logging.DEBUG)
    team = make_team()
    make_key(team, SECRET)
    camb.keys = {SECRET}
    echo = f"your key {SECRET} is odd"
    make_numbered_runs(team, 2)
    camb.runs |= {
        1: {"status": "ERROR", "exception_reason": echo},
        2: READY | {"transcript": [LINE | {"text": echo, "speaker": echo}], "extra": echo},
    }
    troubles = [
        Reply(code, {"detail": echo, "error": echo, "message": echo}, {"x-api-key": SECRET})
        for code in (500, 429, 400, 404, 422, 401, 402, 403)
    ]
    for trouble in (*troubles, Reply(200, echo), Reply(200, b"<html>" + echo.encode()), None):
        camb.rule = lambda call, trouble=trouble: trouble
        ApiKey.objects.update(retry_at=None, failures=1)
        Run.objects.update(due_at=timezone.now())
        sweep()
    assert statuses() == ["failed", "ready"]
    kept = [str(list(model.objects.values_list())) for model in (ApiKey, Run, Dub, Cue, Call, Attempt)]
    kept += [zlib.decompress(answer.body).decode() for answer in RawAnswer.objects.all()]
    assert len(kept) == 8
    assert [text for text in [*kept, caplog.text] if SECRET in text] == []


def test_two_teams_that_track_one_run_see_what_their_own_key_may_see(camb, sweep, make_key):
    ours, theirs = make_team(), make_team()
    make_key(ours, "key-ours")
    make_key(theirs, "key-theirs")
    camb.keys = {"key-ours", "key-theirs"}
    for team in (ours, theirs):
        make_run(team, camb_run_id=71)
    answers = {"key-ours": Reply(200, READY), "key-theirs": Reply(404)}
    camb.rule = lambda call: answers[call.key] if "dub-result" in call.path else None
    sweep()
    assert list(Run.objects.order_by("pk").values_list("team", "status")) == [
        (ours.pk, "ready"),
        (theirs.pk, "not_found"),
    ]
    assert set(Cue.objects.values_list("team", flat=True)) == {ours.pk}
    asked = [call.key for call in camb.calls if "dub-result" in call.path]
    assert sorted(asked) == ["key-ours", "key-theirs"]


# --- Answers that break things -----------------------------------------------------------------------


def test_an_answer_that_cannot_be_read_spoils_nobody_and_is_parked_after_five_tries(camb, team, sweep, monkeypatch):
    make_numbered_runs(team, 5)
    camb.unknown = READY
    read_run = parse.read_run

    def breaks(run_id, *args):
        if run_id == 3:
            raise ZeroDivisionError
        return read_run(run_id, *args)

    monkeypatch.setattr(parse, "read_run", breaks)
    for _ in range(7):
        sweep()
        Run.objects.exclude(due_at=None).update(due_at=timezone.now())
    assert statuses() == ["ready", "ready", "new", "ready", "ready"]
    poison = Run.objects.get(camb_run_id=3)
    assert (poison.due_at, poison.attempts, poison.lease) == (None, 5, None)
    assert poison.reason
    assert len(camb.calls) <= 9 + 4
    assert Call.objects.filter(message__contains="could not be read", outcome="malformed").exists()
    assert ApiKey.objects.get().state == "working"


def test_a_run_that_waited_long_is_not_parked_by_its_first_failure(camb, team, sweep, monkeypatch):
    run = make_run(team, status="waiting", attempts=40)
    camb.runs[run.camb_run_id] = READY
    with monkeypatch.context() as patch:
        patch.setattr(merge.Merge, "write", lambda stock: 1 / 0)
        sweep()
    run.refresh_from_db()
    assert (run.attempts, run.due_at > timezone.now()) == (1, True)
    Run.objects.update(due_at=timezone.now())
    sweep()
    assert statuses() == ["ready"]


def test_trouble_of_the_database_is_no_fault_of_the_runs_and_lets_nobody_ask_in_vain(
    camb, team, sweep, clock, monkeypatch
):
    make_numbered_runs(team, 3, due_at=timezone.now())
    camb.unknown = READY

    def is_full(stock):
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(merge.Merge, "write", is_full)
        for _ in range(60):
            sweep()
            clock(10)
    assert set(Run.objects.values_list("status", "reason", "lease")) == {("new", "", None)}
    assert 3 <= len(camb.calls) <= 20
    for _ in range(20):
        clock(60)
        sweep()
    assert statuses() == ["ready"] * 3


def test_a_run_asked_about_often_is_asked_again_soon_after_a_full_disk(camb, team, sweep, monkeypatch):
    make_numbered_runs(team, 2, due_at=timezone.now(), attempts=30)
    camb.unknown = READY

    def is_full(stock):
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(merge.Merge, "write", is_full)
        sweep()
    latest = timezone.now() + timedelta(seconds=90)
    assert all(due_at <= latest for due_at in Run.objects.values_list("due_at", flat=True))


@pytest.mark.parametrize("at", [(parse, "read_run"), (merge.Merge, "merge"), (merge.Merge, "write")])
def test_a_lack_of_memory_is_no_fault_of_the_runs_and_ends_the_task(camb, team, enqueued, worker, monkeypatch, at):
    make_numbered_runs(team, 3)
    camb.unknown = READY

    def no_room(*_):
        raise MemoryError

    ask.enqueue_due()
    with monkeypatch.context() as patch:
        patch.setattr(*at, no_room)
        with pytest.raises(MemoryError):
            worker()
    assert len(camb.calls) == 1
    assert list(Run.objects.values_list("status", "reason", "attempts")) == [("new", "", 0)] * 3
    # As if the worker had been killed: what begins anew in its place does not run into the same at once.
    assert claims.claim(team.pk) is None
    Run.objects.update(lease_until=timezone.now())
    ask.enqueue_due()
    worker()
    assert statuses() == ["ready"] * 3


def test_two_keys_of_one_language_in_one_answer_are_one_dub(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {
        "54": READY,
        "es-es": {"video_url": "https://media.example/1.mp4", "transcript": [LINE, LINE]},
    }
    sweep()
    dub = Dub.objects.get()
    assert (dub.language, dub.video_url != "", dub.audio_url != "") == ("es-es", True, True)
    assert (dub.cue_count, dub.cues.count(), statuses()) == (2, 2, ["ready"])


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.thorough)])
def test_many_lines_are_stored_found_and_replaced(camb, team, sweep, count):
    run = make_run(team)
    lines = [{"start": at, "end": at + 1, "text": f"line{at}", "speaker": "Anna"} for at in range(count)]
    camb.runs[run.camb_run_id] = READY | {"transcript": lines}
    sweep()
    assert (statuses(), Cue.objects.count()) == (["ready"], count)
    last = f"line{count - 1}"
    [hit] = search(team.pk, last).hits
    assert (hit.cue.position, hit.cue.start_ms) == (count, (count - 1) * 1000)
    camb.runs[run.camb_run_id] = READY
    Run.objects.update(due_at=timezone.now())
    sweep()
    assert Cue.objects.get().text == LINE["text"]
    assert search(team.pk, last).hits == []


def test_a_line_of_a_megabyte_is_stored_as_far_as_it_is_readable(camb, team, sweep):
    run, mate = make_numbered_runs(team, 2)
    camb.runs |= {1: READY | {"transcript": [LINE | {"text": "kettle " * 150_000}]}, 2: READY}
    sweep()
    assert statuses() == ["ready", "ready"]
    [cue] = Cue.objects.filter(run=run)
    assert len(cue.text) == texts.MAX_TEXT
    assert {hit.cue.run_id for hit in search(team.pk, "kettle").hits} == {run.pk, mate.pk}


def test_what_is_missing_from_an_answer_is_waited_for(camb, team, sweep):
    make_numbered_runs(team, 5)
    camb.unknown = READY
    camb.runs |= {2: ABSENT, 4: ABSENT}
    sweep()
    assert statuses() == ["ready", "waiting", "ready", "waiting", "ready"]


def test_what_json_lets_through_and_no_database_takes_is_stored_as_far_as_it_is_readable(camb, team, sweep, client):
    make_numbered_runs(team, 5)
    odd = r'"\u0000\ud800 odd"'
    line = r'{"start": NaN, "end": 1e999, "text": "ket\u0000tle \ud83d", "speaker": "A\u0000\udc00"}'
    answers = (
        rf'{{"audio_url": "https://m.example/1.mp3", {odd}: Infinity, "x": 1, "x": 1e999, "transcript": [{line}]}}',
        rf'{{"status": "ERROR", "exception_reason": {odd}}}',
        rf'{{"es-es": {{"audio_url": "https://m.example/3.mp3", {odd}: 1, "transcript": [{line}]}}}}',
        "9" * 5_000,
        "[" * 500 + "]" * 500,
    )
    body = ", ".join(f'"{number}": {answer}' for number, answer in enumerate(answers, start=1))
    camb.script(Reply(200, f"{{{body}}}".encode()))
    sweep()
    assert statuses() == ["ready", "failed", "ready", "waiting", "waiting"]
    assert {cue.text for cue in Cue.objects.all()} == {"ket\ufffdtle \ufffd"}
    lone = make_run(team, camb_run_id=77)
    camb.runs[77] = Reply(404, rf'{{"detail": {odd}}}'.encode())
    sweep()
    client.force_login(team.memberships.get().user)
    for run in [*Run.objects.exclude(pk=lone.pk), lone]:
        for page in ("", "history/"):
            assert client.get(f"/runs/{run.pk}/{page}").status_code == 200
    assert client.get(f"/t/{team.slug}/activity/").status_code == 200


# --- People, clocks and locks ------------------------------------------------------------------------


def test_a_team_removed_while_its_runs_are_asked_stays_removed(camb, team, sweep, during_the_call):
    make_numbered_runs(team, 2)
    camb.unknown = READY
    during_the_call(team.delete)
    sweep()
    assert (Run.objects.count(), Cue.objects.count(), Call.objects.count()) == (0, 0, 0)


def test_a_key_removed_while_it_is_used_is_not_used_again(camb, team, sweep, during_the_call):
    make_numbered_runs(team, 12)
    camb.unknown = READY
    during_the_call(lambda: keys.remove_key(team))
    sweep()
    assert ApiKey.objects.count() == 0
    assert len(camb.calls) <= 3
    assert Run.objects.exclude(lease=None).count() == 0


def test_a_clock_set_back_an_hour_holds_nothing_up_for_that_hour(camb, team, enqueued, worker, clock):
    runs = make_numbered_runs(team, 2, due_at=timezone.now() - timedelta(hours=2))
    camb.unknown = READY
    ask.enqueue_due()
    now = timezone.now()
    ApiKey.objects.update(retry_at=now + timedelta(minutes=30), last_call_at=now, failures=1, state="refused")
    Run.objects.filter(pk=runs[1].pk).update(checked_at=timezone.now(), lease=None, lease_until=None)
    clock(-3600)
    enqueued.clear()
    assert request_refresh(runs[1]) is True
    ask.enqueue_due()
    worker()
    assert statuses() == ["ready", "ready"]
    make_run(team, due_at=timezone.now())
    ask.enqueue_due()
    worker()
    assert statuses() == ["ready"] * 3


def test_a_clock_set_forward_an_hour_asks_again_and_stores_once(
    camb, team, enqueued, worker, clock, during_the_call
):
    make_numbered_runs(team, 2, due_at=timezone.now())
    camb.unknown = READY

    def jump_once() -> None:
        if len(camb.calls) == 1:
            clock(3600)
            ask.enqueue_due()
            worker()

    during_the_call(jump_once)
    ask.enqueue_due()
    worker()
    assert (len(camb.calls), statuses(), Cue.objects.count()) == (2, ["ready", "ready"], 2)
    assert set(Run.objects.values_list("lease", flat=True)) == {None}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_asking_for_many_runs_waits_for_answers_being_stored_instead_of_blocking_them(team, enqueued):
    runs = make_numbered_runs(team, 5)
    requested: list[int] = []

    def request() -> None:
        requested.append(request_refresh_many(Run.objects.all(), team))
        connection.close()

    asking = threading.Thread(target=request)
    waits_for_us = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        Run.objects.select_for_update().get(pk=runs[2].pk)
        asking.start()
        while not cursor.execute(waits_for_us).fetchone()[0]:
            assert asking.is_alive()
        TeamVersion.bump(team.pk)
    asking.join()
    assert requested == [5]


@pytest.mark.django_db(transaction=True)
def test_four_who_read_and_then_write_wait_for_each_other(team):
    """With Django's own settings for SQLite some of them would meet a locked database."""
    all_there, troubles = threading.Barrier(4), list[Exception]()

    def write() -> None:
        all_there.wait(60)
        try:
            for _ in range(25):
                with transaction.atomic():
                    TeamVersion.current(team.pk)
                    TeamVersion.bump(team.pk)
        except OperationalError as error:
            troubles.append(error)
        finally:
            connection.close()

    before = TeamVersion.current(team.pk)
    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (troubles, TeamVersion.current(team.pk) - before) == ([], 100)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_an_address_that_refuses_everything_settles_no_run(camb, team, sweep, clock, status):
    make_numbered_runs(team, 7)
    camb.rule = lambda call: Reply(status, {"detail": "no such page"})
    for _ in range(4):
        sweep()
        clock(120)
    key = ApiKey.objects.get(team=team)
    assert (set(statuses()), key.state) == ({"new"}, ApiKey.State.UNAVAILABLE)
    camb.rule, camb.unknown = None, READY
    for _ in range(8):
        sweep()
        clock(600)
    assert set(statuses()) == {"ready"}


def test_a_key_that_is_refused_for_all_but_runs_is_refused(camb, team, sweep):
    make_numbered_runs(team, 3)
    camb.rule = lambda call: Reply(404 if "dub" in call.path else 401, {"detail": "no"})
    sweep()
    assert (set(statuses()), ApiKey.objects.get(team=team).state) == ({"new"}, ApiKey.State.REFUSED)


def test_ids_that_nobody_has_are_not_found_while_camb_ai_answers(camb, team, sweep):
    make_numbered_runs(team, 4)
    camb.rule = lambda call: Reply(404, {"detail": "no"}) if "dub" in call.path else None
    sweep()
    assert (set(statuses()), ApiKey.objects.get(team=team).is_in_trouble) == ({"not_found"}, False)


def test_a_lease_is_renewed_before_each_call_that_may_outlast_it(camb, team, sweep, monkeypatch):
    """Another worker would claim the runs, and what this one brings would count as replaced."""
    renewed: list[object] = []
    monkeypatch.setattr(ask, "RENEW_AFTER_SECONDS", -1)
    monkeypatch.setattr(claims, "renew", renewed.append)
    make_numbered_runs(team, 5)
    Run.objects.update(absences=2)
    camb.rule = lambda call: Reply(200, {"1": READY}) if call.method == "POST" else Reply(200, {})
    sweep()
    assert len(renewed) == len(camb.calls) == 5
