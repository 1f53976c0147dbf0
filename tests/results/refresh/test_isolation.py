"""One run, team, message or clock in trouble never holds up another."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from demo.http_server import Call as HttpCall
from demo.server import ABSENT, Reply
from results import clock
from results.camb import Unavailable, parse
from results.models import ApiKey, Call, Run
from results.refresh import answer_notes, ask, claims, merge, save, schedule
from results.refresh.call_log import CallLog
from results.runs.trash import delete_team, purge_trash
from teams.models import Team
from tests.factories import LINE, make_numbered_runs, make_run, make_runs

pytestmark = pytest.mark.django_db

READY = {"audio_url": "https://media.example/1.mp3", "transcript": [LINE]}


def statuses() -> list[str]:
    return list(Run.objects.order_by("pk").values_list("status", flat=True))


def failing(guilty: int, reply: Reply) -> Callable[[HttpCall], Reply | None]:
    """Return a rule by which every call that asks about this run id gets the reply."""

    def rule(call: HttpCall) -> Reply | None:
        one = call.path.rpartition("/")[2]
        ids = call.run_ids or ([int(one)] if one.isdigit() else [])
        return reply if guilty in ids else None

    return rule


def make_due() -> None:
    Run.objects.exclude(due_at=None).update(due_at=timezone.now())


# --- Ids that CAMB.AI's answers leave out -------------------------------------------------------------


def test_an_answer_that_names_no_run_is_each_runs_own_answer_and_no_trouble_of_the_key(camb, team, sweep):
    make_numbered_runs(team, 10)
    camb.unknown = READY
    camb.script(Reply(200, {}), Reply(200, {"999": READY}))
    sweep()
    assert statuses() == ["waiting"] * 10
    key = ApiKey.objects.get()
    assert (key.state, key.failures, key.retry_at) == ("working", 0, None)
    make_due()
    sweep()
    assert statuses() == ["ready"] * 10


def test_absences_are_counted_up_to_a_bound(camb, team, sweep):
    run, _ = make_numbered_runs(team, 2)
    camb.runs |= {1: ABSENT, 2: READY}
    # As many as PostgreSQL's smallint holds.
    Run.objects.filter(pk=run.pk).update(absences=32_767, is_absence_verified=True)
    sweep()
    assert Run.objects.get(pk=run.pk).absences == merge.MAX_ABSENCES


def test_after_some_absences_a_note_says_that_camb_says_nothing_about_the_id(camb, team, sweep):
    run, _ = make_numbered_runs(team, 2)
    camb.rule = lambda call: Reply(200, {})
    notes = []
    for _ in range(4):
        sweep()
        make_due()
        run.refresh_from_db()
        notes.append(run.notes)
    assert notes[:2] == [[], []]
    assert notes[2] == notes[3] == [answer_notes.ABSENT]
    assert (run.status, run.attempts, run.absences) == ("waiting", 4, 4)
    assert {call.method for call in camb.calls} == {"POST"}
    camb.rule = None
    camb.unknown = READY
    sweep()
    run.refresh_from_db()
    assert (run.status, run.notes, run.absences) == ("ready", [], 0)


def test_one_single_call_verifies_a_run_that_stays_absent_while_others_answer(camb, team, sweep):
    make_numbered_runs(team, 3)
    camb.runs |= {1: None, 2: None, 3: ABSENT}
    for _ in range(8):
        sweep()
        make_due()
    singles = [call.path for call in camb.calls if call.method == "GET"]
    assert singles == ["/apis/dub-result/3"]
    assert Run.objects.get(camb_run_id=3).is_absence_verified


@pytest.mark.parametrize(("single", "status"), [(Reply(404, {"detail": "no"}), "not_found"), (READY, "ready")])
def test_what_the_single_call_answers_counts(camb, team, sweep, single, status):
    make_numbered_runs(team, 2)
    camb.runs[1] = None
    camb.rule = lambda call: (
        Reply(200, {"1": None})
        if call.method == "POST"
        else single
        if isinstance(single, Reply)
        else Reply(200, single)
    )
    for _ in range(3):
        sweep()
        make_due()
    assert statuses() == ["waiting", status]
    assert ApiKey.objects.get().state == "working"


# --- An id that makes CAMB.AI fail ---------------------------------------------------------------------


@pytest.mark.parametrize("guilty", range(1, 6))
def test_the_mates_of_an_id_that_makes_camb_fail_get_their_results_within_a_minute(
    camb, team, sweep, clock, guilty
):
    make_numbered_runs(team, 5, due_at=timezone.now())
    camb.unknown = READY
    camb.rule = failing(guilty, Reply(500))
    for _ in range(15):
        sweep()
        clock(4)
    assert statuses() == ["new" if number == guilty else "ready" for number in range(1, 6)]
    key = ApiKey.objects.get()
    assert (key.state, key.retry_at) == ("working", None)
    assert len(camb.calls) <= 9


@pytest.mark.parametrize(
    "status", [409, 503] + [pytest.param(status, marks=pytest.mark.thorough) for status in (423, 502, 504)]
)
def test_one_id_that_makes_camb_unavailable_holds_up_no_other_for_long(camb, team, sweep, clock, status):
    make_numbered_runs(team, 5, due_at=timezone.now())
    camb.unknown = READY
    camb.rule = failing(2, Reply(status))
    for _ in range(30):
        sweep()
        clock(10)
    assert statuses() == ["ready", "new", "ready", "ready", "ready"]
    key = ApiKey.objects.get()
    assert (key.state, key.retry_at) == ("working", None)
    late = make_run(team, camb_run_id=6, due_at=timezone.now())
    for _ in range(30):
        sweep()
        clock(10)
        assert not ApiKey.objects.get().is_in_trouble
    late.refresh_from_db()
    assert late.status == "ready"


@pytest.mark.parametrize("status", [410, pytest.param(451, marks=pytest.mark.thorough)])
def test_a_refusal_of_one_id_is_that_runs_alone_whatever_its_status(camb, team, sweep, clock, status):
    make_numbered_runs(team, 5, due_at=timezone.now())
    camb.unknown = READY
    camb.rule = failing(1, Reply(status))
    for _ in range(15):
        sweep()
        clock(4)
        assert not ApiKey.objects.get().is_in_trouble
    assert statuses() == ["not_found", "ready", "ready", "ready", "ready"]


@pytest.mark.parametrize("named", ["0", pytest.param("1", marks=pytest.mark.thorough)])
def test_an_id_that_fails_is_not_asked_about_without_end_although_camb_names_no_wait(
    camb, team, sweep, clock, named
):
    make_numbered_runs(team, 5, due_at=timezone.now())
    camb.unknown = READY
    camb.rule = failing(1, Reply(500, b"", {"Retry-After": named}))
    for _ in range(60):
        sweep()
        clock(10)
    assert statuses() == ["new", "ready", "ready", "ready", "ready"]
    assert len([call for call in camb.calls if call.path == "/apis/dub-result/1"]) <= 12


def test_a_guilty_id_backs_off_alone_and_never_opens_the_circuit_breaker(camb, team, sweep, clock):
    guilty, *_ = make_numbered_runs(team, 5, due_at=timezone.now())
    camb.unknown = READY
    camb.rule = failing(1, Reply(500))
    for _ in range(120):
        sweep()
        clock(10)
        assert ApiKey.objects.get().retry_at is None
    alone = [call for call in camb.calls if call.path == "/apis/dub-result/1"]
    assert 3 <= len(alone) <= 12
    camb.rule = None
    for _ in range(10):
        clock(5 * 60)
        sweep()
    guilty.refresh_from_db()
    assert (guilty.status, guilty.call_failures) == ("ready", 0)


def test_when_both_halves_fail_the_service_is_at_fault_and_no_id(camb, team, sweep, clock):
    make_numbered_runs(team, 5, due_at=timezone.now())
    camb.rule = lambda call: Reply(500)
    for _ in range(60):
        sweep()
        clock(10)
    assert len(camb.calls) <= 5
    assert ApiKey.objects.get().state == "unavailable"
    assert set(Run.objects.values_list("call_failures", flat=True)) == {1}


@pytest.mark.parametrize(("age_days", "wait_hours"), [(6, 0.5), (8, 24)])
def test_an_old_run_that_makes_camb_fail_for_ever_is_asked_daily(team, clock, age_days, wait_hours):
    lease, now = uuid.uuid4(), timezone.now()
    run = make_run(team, call_failures=32_767, attempts=40, lease=lease, lease_until=now + timedelta(minutes=1))
    Run.objects.update(created_at=now - timedelta(days=age_days))
    failure = Unavailable("Something went wrong at CAMB.AI.", http_status=500)
    save.save_outcomes([save.Outcome(run.pk, lease, now, failure)], CallLog(team.pk))
    run.refresh_from_db()
    assert (run.call_failures, run.lease) == (schedule.MAX_CALL_FAILURES, None)
    assert (run.due_at - now) / timedelta(hours=1) == pytest.approx(wait_hours, rel=0.11)


# --- Clocks --------------------------------------------------------------------------------------------


def test_after_a_clock_went_forward_a_day_and_back_runs_are_asked_again(camb, team, sweep, clock):
    make_numbered_runs(team, 5, due_at=timezone.now())
    camb.unknown = None
    clock(86_400)
    sweep()
    clock(-86_400)
    assert Run.objects.due(timezone.now()).count() == 0
    schedule.recover_from_clock_change()
    assert Run.objects.due(timezone.now()).count() == 5


def test_recovering_from_a_clock_change_leaves_ordinary_waits_alone(team):
    soon, later = timezone.now() + timedelta(minutes=25), timezone.now() + timedelta(hours=20)
    make_run(team, due_at=soon)
    make_run(team, due_at=later)
    schedule.recover_from_clock_change()
    assert Run.objects.filter(due_at=soon).count() == 1
    assert Run.objects.due(clock.now()).count() == 1


# --- Answers that grow without end ---------------------------------------------------------------------


def test_answers_with_ever_new_languages_add_at_most_200_dubs_and_one_set_of_notes(camb, team, sweep):
    run = make_run(team)
    for turn in range(6):
        camb.runs[run.camb_run_id] = {f"en-x-{turn}{number:03}": READY for number in range(290)}
        sweep()
        Run.objects.update(due_at=timezone.now())
    run.refresh_from_db()
    assert run.dubs.count() == merge.MAX_DUBS == len(run.languages)
    assert len(run.notes) <= 3
    assert "No more than 200" in " ".join(run.notes) or "more than 200 dubs" in " ".join(run.notes)


def test_a_note_that_is_made_for_many_dubs_is_counted_and_not_repeated(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {
        f"en-x-{number:03}": READY | {"video_url": "https://m.example/v"} for number in range(40)
    }
    sweep()
    camb.runs[run.camb_run_id] = {f"en-x-{number:03}": READY for number in range(40)}
    Run.objects.update(due_at=timezone.now())
    sweep()
    run.refresh_from_db()
    assert run.notes == ["CAMB.AI no longer provides the video; the earlier link is kept (40 times)."]


# --- Removed meanwhile ---------------------------------------------------------------------------------


def test_a_team_removed_while_its_call_is_in_flight_leaves_nothing_behind(
    camb, team, sweep, during_the_call, enqueued
):
    make_runs(team, 5)
    camb.unknown = READY

    def remove() -> None:
        delete_team(team)
        purge_trash()

    during_the_call(remove)
    ask.enqueue_due()
    sweep()
    purge_trash()
    assert (Team.objects.count(), Run.objects.count(), Call.objects.count()) == (0, 0, 0)


def test_one_malformed_message_among_good_ones_is_refused_alone(camb, team):
    make_numbered_runs(team, 2)
    camb.unknown = READY
    lease = claims.claim(team.pk)
    for message in ("", "nonsense", str(lease.id)):
        ask.refresh_requested(message)
    assert statuses() == ["ready"] * 2


def test_an_unreadable_answer_spoils_only_its_own_run(camb, team, sweep, monkeypatch):
    make_numbered_runs(team, 5)
    camb.unknown = READY
    read_run = parse.read_run

    def breaks(run_id, *args):
        if run_id == 2:
            raise ZeroDivisionError
        return read_run(run_id, *args)

    monkeypatch.setattr(parse, "read_run", breaks)
    sweep()
    assert statuses() == ["ready", "new", "ready", "ready", "ready"]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no time-outs for statements")
def test_the_server_and_workers_give_a_statement_half_a_minute(settings):
    if settings.IS_DATABASE_POOLED:
        pytest.skip("behind a pooler it is a setting of the server, and `manage.py check` asks for it")
    program = (
        "from dashboard import celery; import django; django.setup(); from django.db import connection as c;"
        "k = c.cursor(); k.execute('show statement_timeout'); print(k.fetchone()[0])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "30s"
