"""What becomes of a run whose answer came in an unusual form: status, notes, lines and raw answer."""

import json
import zlib

import pytest
from django.utils import timezone, translation

from results.camb import Client
from results.models import Cue, Dub, Language, MediaCopy, RawAnswer, Run
from results.refresh.merge import Merge, tag_numbered_dubs
from results.runs.add import add_tasks
from results.runs.time_unit import check_time_unit, choose_time_unit
from results.search.service import search
from tests.factories import LINE, make_run, make_runs, make_team, ready

pytestmark = pytest.mark.django_db

UNKNOWN_FORM = "CAMB.AI answered in a form that Dubroom does not know."
MEDIA = {"video_url": "https://media.example.org/a.mp4", "audio_url": "https://media.example.org/a.m4a"}
MUSIC = MEDIA | {"transcript": [{"start": 0, "end": 1_200, "text": "Kettle drums", "speaker": ""}] * 3}


def times_of(run: Run) -> list[tuple[int, int]]:
    return list(Cue.objects.filter(run=run).order_by("dub", "position").values_list("start_ms", "end_ms"))


def refreshed(run: Run, sweep) -> Run:
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
    sweep()
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(
    ("answer", "status", "languages", "notes"),
    [
        ({"run_id": 106, "result": ready()}, "ready", [""], []),
        ({"status": "SUCCESS", "dubs": {"es-es": ready(), "fr-fr": ready()}}, "ready", ["es-es", "fr-fr"], []),
        ({"Spanish (Spain)": ready(), "Japanese": ready()}, "ready", ["es-es", "ja"], []),
        ({"dubbed_video_url": "https://media.example.org/a.mp4"}, "partly", [""], []),
        (
            {"error": {"message": "Run not found", "code": 404}},
            "waiting",
            [],
            ["CAMB.AI says: “Run not found”", UNKNOWN_FORM],
        ),
        ({"one": ready(), "two": ready()}, "waiting", [], [UNKNOWN_FORM]),
        ({"status": "STOPPED"}, "failed", [], []),
    ],
)
def test_no_answer_leaves_a_run_waiting_without_a_word(camb, team, sweep, answer, status, languages, notes):
    run, mate = make_runs(team, 2)
    camb.runs |= {run.camb_run_id: answer, mate.camb_run_id: ready()}
    sweep()
    run.refresh_from_db()
    assert (run.status, run.languages, run.notes) == (status, languages, notes)
    assert json.loads(zlib.decompress(RawAnswer.objects.get(run=run).body)) == answer


@pytest.mark.parametrize(
    "wrap",
    [lambda runs: {"results": runs}, lambda runs: {"data": [{"run_id": int(i)} | r for i, r in runs.items()]}],
)
def test_a_bulk_answer_in_a_wrapper_is_about_the_runs_in_it(team, sweep, camb, monkeypatch, wrap):
    send = Client._send
    monkeypatch.setattr(Client, "_send", lambda *call, **more: wrap(send(*call, **more)))
    runs = make_runs(team, 2)
    camb.runs |= {run.camb_run_id: ready() for run in runs}
    sweep()
    assert set(Run.objects.values_list("status", flat=True)) == {"ready"}


def test_a_failure_is_shown_with_the_words_of_camb(camb, team, sweep):
    run, mate = make_runs(team, 2)
    failure = {"status": "ERROR", "exception_reason": "SOURCE_TOO_LONG", "message": "2 h 5 min are more than 2 h"}
    camb.runs |= {run.camb_run_id: failure, mate.camb_run_id: ready()}
    sweep()
    run.refresh_from_db()
    assert run.status == "failed"
    assert run.reason.startswith("The source is too long")
    assert run.reason.endswith("CAMB.AI says: “2 h 5 min are more than 2 h”")


@pytest.mark.parametrize("status", ["CANCELLED", "canceled", "ABORTED", "REJECTED", "USER_CANCELLED", "EXPIRED"])
def test_a_final_task_ends_in_its_own_words(camb, team, sweep, status):
    add_tasks(team, [("abc-1", "")], None)
    camb.tasks["abc-1"] = {"status": status, "message": "By Kim"}
    sweep()
    run = Run.objects.get()
    assert (run.status, run.due_at) == ("failed", None)
    assert f"ended in CAMB.AI with the status “{status.upper()}”" in run.reason
    assert run.reason.endswith("CAMB.AI says: “By Kim”")


def test_an_unknown_status_of_a_task_is_shown_and_the_checks_thin_out(camb, team, sweep):
    add_tasks(team, [("abc-1", "")], None)
    camb.tasks["abc-1"] = {"status": "ON_HOLD"}
    sweep()
    run = Run.objects.get()
    assert (run.status, run.notes, run.attempts) == ("waiting", ["CAMB.AI reports the status “ON_HOLD”."], 1)
    first = run.due_at - run.checked_at
    for _ in range(4):
        refreshed(run, sweep)
    assert run.attempts == 5
    assert run.due_at - run.checked_at > first
    assert json.loads(zlib.decompress(RawAnswer.objects.get(run=run).body)) == {"status": "ON_HOLD"}
    camb.tasks["abc-1"] = {"status": "SUCCESS", "run_id": 77}
    assert refreshed(run, sweep).notes == []


def test_an_escaped_line_is_found_as_it_is_spoken(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready(transcript=[LINE | {"text": "It&#39;s Tom &amp; Jerry"}])
    sweep()
    assert Cue.objects.get().text == "It's Tom & Jerry"
    assert search(team.pk, "it's").count == 1
    assert search(team.pk, "amp").count == 0


# The unit of time


def test_a_person_switches_the_unit_there_and_back(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"es-es": MUSIC}
    sweep()
    run.refresh_from_db()
    before = times_of(run)
    assert (before[0], run.duration_ms) == ((0, 1_200), 1_200)
    version = run.version
    assert choose_time_unit(run, "seconds")
    run.refresh_from_db()
    assert (times_of(run)[0], run.duration_ms, run.version > version) == ((0, 1_200_000), 1_200_000, True)
    assert run.notes == ["The times are read as seconds, as chosen for this run."]
    assert search(team.pk, "kettle").count == 3
    assert choose_time_unit(run, "")
    run.refresh_from_db()
    assert (times_of(run), run.duration_ms) == (before, 1_200)
    assert run.notes == ["The times came in milliseconds instead of seconds and were converted."]
    assert search(team.pk, "kettle").count == 3


def test_notes_are_written_in_the_servers_language_whoever_chooses_the_unit(team, monkeypatch):
    languages = []

    def reread(*given):
        languages.append(translation.get_language())
        return True

    monkeypatch.setattr(Merge, "reread", reread)
    with translation.override("de"):
        choose_time_unit(make_run(team), "seconds")
    assert languages == ["en"]


def test_a_refresh_never_undoes_the_chosen_unit(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"es-es": MUSIC}
    sweep()
    choose_time_unit(run, "seconds")
    camb.runs[run.camb_run_id] = {"es-es": MUSIC, "fr-fr": MUSIC}
    refreshed(run, sweep)
    assert {end for _, end in times_of(run)} == {1_200_000}
    assert run.time_unit == "seconds"


def test_a_choice_made_while_camb_is_asked_applies_to_that_answer(camb, team, sweep, during_the_call):
    run = make_run(team)
    camb.runs[run.camb_run_id] = MUSIC
    during_the_call(lambda: Run.objects.update(time_unit="seconds"))
    sweep()
    assert times_of(run)[0] == (0, 1_200_000)


def test_other_notes_and_links_survive_a_change_of_the_unit(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"es-es": MUSIC, "fr-fr": MUSIC}
    sweep()
    camb.runs[run.camb_run_id] = {"es-es": MUSIC}
    refreshed(run, sweep)
    dub = run.dubs.get(language="es-es")
    choose_time_unit(run, "seconds")
    run.refresh_from_db()
    assert "CAMB.AI no longer provides French (France); the earlier result is kept." in run.notes
    assert run.dubs.values_list("video_url", "media_fetched_at").get(pk=dub.pk) == (
        dub.video_url,
        dub.media_fetched_at,
    )
    assert (run.status, run.attempts) == ("ready", 0)


def test_a_large_answer_is_kept_whole_so_that_the_unit_can_change_without_a_refresh(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = MUSIC | {"extra": "x" * 3 * 2**20}
    sweep()
    assert RawAnswer.objects.get().is_cut is False
    assert choose_time_unit(run, "seconds")
    assert times_of(run)[0] == (0, 1_200_000)


@pytest.mark.parametrize("body", [b'{"es-es": {"transcr', b"\xff", None])
def test_a_stored_answer_that_was_cut_off_changes_the_times_with_the_next_refresh(camb, team, sweep, body):
    run = make_run(team)
    camb.runs[run.camb_run_id] = MUSIC
    sweep()
    if body is None:
        RawAnswer.objects.all().delete()
    RawAnswer.objects.update(body=zlib.compress(body or b""), is_cut=True)
    assert not choose_time_unit(run, "seconds")
    assert times_of(run)[0] == (0, 1_200)
    refreshed(run, sweep)
    assert times_of(run)[0] == (0, 1_200_000)


def test_nothing_happens_to_a_run_that_was_removed_or_has_the_unit_already(camb, team, sweep):
    run = make_run(team, time_unit="seconds")
    assert choose_time_unit(run, "seconds")
    run.refresh_from_db()
    assert run.version == 0
    Run.objects.all().delete()
    assert choose_time_unit(run, "")


def test_the_kept_media_decides_what_speech_leaves_open(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"es-es": MUSIC}
    sweep()
    assert times_of(run)[0] == (0, 1_200)
    MediaCopy.objects.create(
        team=team, dub=run.dubs.get(), kind="audio", name="a.m4a", state="kept", length_ms=1_210_000, due_at=None
    )
    refreshed(run, sweep)
    assert times_of(run)[0] == (0, 1_200_000)
    assert run.notes == []


@pytest.mark.parametrize(
    ("unit", "length_ms", "end_ms", "notes"),
    [("", 1_210_000, 1_200_000, 0), ("", 1_500, 1_200, 1), ("milliseconds", 1_210_000, 1_200, 1)],
)
def test_newly_kept_media_decides_at_once(camb, team, sweep, unit, length_ms, end_ms, notes):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"es-es": MUSIC}
    sweep()
    choose_time_unit(run, unit)
    MediaCopy.objects.create(team=team, dub=run.dubs.get(), kind="audio", name="a.m4a", length_ms=length_ms)
    check_time_unit(run.pk)
    run.refresh_from_db()
    assert (times_of(run)[0], len(run.notes)) == ((0, end_ms), notes)


def test_another_teams_media_decides_nothing(camb, team, sweep):
    run, other = make_run(team), make_run(make_team())
    camb.runs[run.camb_run_id] = {"es-es": MUSIC}
    sweep()
    dub = other.dubs.create(team=other.team, language="es-es", media_fetched_at=timezone.now())
    MediaCopy.objects.create(team=other.team, dub=dub, kind="audio", name="b.m4a", length_ms=1_210_000)
    refreshed(run, sweep)
    assert times_of(run)[0] == (0, 1_200)


@pytest.mark.parametrize("key", ["4321", "oc-fr"])
def test_a_dub_stored_under_a_number_is_found_once_its_language_is_known(camb, team, sweep, key):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"4321": {"audio_url": MEDIA["audio_url"]}}
    refreshed(run, sweep)
    Language.objects.create(camb_id=4321, tag="oc-fr")
    camb.runs[run.camb_run_id] = {key: ready()}
    assert refreshed(run, sweep).status == "ready"
    tag_numbered_dubs({4321: "oc-fr"})
    assert list(Dub.objects.values_list("camb_language", "language")) == [("oc-fr", "oc-fr")]


SECOND = {"video_url": "https://media.example.org/b.mp4", "audio_url": "https://media.example.org/b.m4a"}


@pytest.mark.parametrize("keys", [("54", "es-es"), ("es_es", "es-es"), ("es-es", "Spanish (Spain)")])
def test_of_two_results_in_one_language_the_first_complete_one_counts(camb, team, sweep, keys):
    run = make_run(team)
    other = SECOND | {"transcript": [LINE | {"text": "Another voice"}]}
    camb.runs[run.camb_run_id] = {keys[0]: ready(), keys[1]: other}
    refreshed(run, sweep)
    dub, changed_at = Dub.objects.get(), run.changed_at
    assert (dub.audio_url, Cue.objects.filter(text="Another voice").count()) == (ready()["audio_url"], 0)
    note = "CAMB.AI gave 2 results in Spanish (Spain), which count as one."
    assert (run.status, run.notes) == ("ready", [note])
    # The same answer changes nothing.
    refreshed(run, sweep)
    assert (run.changed_at, run.notes) == (changed_at, [note])
    camb.runs[run.camb_run_id] = {keys[0]: SECOND, keys[1]: ready()}
    refreshed(run, sweep)
    assert Dub.objects.get().audio_url == ready()["audio_url"]


def test_a_dub_stored_under_an_old_code_is_found_under_the_present_one(camb, team, sweep):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"he": ready()}
    refreshed(run, sweep)
    Dub.objects.update(camb_language="iw")
    refreshed(run, sweep)
    assert list(Dub.objects.values_list("camb_language", flat=True)) == ["he"]
    assert (run.status, run.notes) == ("ready", [])


def test_words_about_the_whole_call_are_noted_on_each_run(team, sweep, monkeypatch):
    monkeypatch.setattr(Client, "_send", lambda *call, **more: {"error": "Come back later"})
    make_runs(team, 2)
    sweep()
    assert [run.notes for run in Run.objects.all()] == [["CAMB.AI says: “Come back later”"]] * 2
    assert set(Run.objects.values_list("status", flat=True)) == {"waiting"}


@pytest.mark.parametrize("reason", ["N/A", "NO_ERROR", 0])
def test_a_placeholder_for_a_reason_ends_no_run(camb, team, sweep, reason):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {"status": "PENDING", "exception_reason": reason}
    assert refreshed(run, sweep).status == "waiting"
    assert run.due_at
    camb.runs[run.camb_run_id] = ready()
    assert refreshed(run, sweep).status == "ready"
