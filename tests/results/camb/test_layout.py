"""Answers that carry a result under another name: each is read, or reported as a form that is not known."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.camb import DubAnswer, RunAnswer
from results.camb.parse import read_run, read_task
from tests.results.camb.cases import CUES, FLAT, FLAT_DUB, LINES, MP3, MP4

UNKNOWN_FORM = "CAMB.AI answered in a form that Dubroom does not know."
SPANISH, FRENCH = DubAnswer("es-es", MP4, MP3, CUES), DubAnswer("fr-fr", MP4, MP3, CUES)
TWO = {"es-es": FLAT, "fr-fr": FLAT}


def dubs_of(value: object, run_id: int = 20_107) -> tuple[DubAnswer, ...]:
    answer = read_run(run_id, value)
    assert answer.notes == ()
    return answer.dubs


@pytest.mark.parametrize(
    "name",
    ["result", "results", "data", "output", "outputs", "dub", "response", "dubbing_result", "run", "Result",
     "target", "default", "null", "None"],
)  # fmt: skip
def test_a_single_result_in_a_wrapper_has_no_language(name: str) -> None:
    assert dubs_of({"run_id": 106, "status": "SUCCESS", name: FLAT}) == (FLAT_DUB,)
    assert dubs_of({name: [FLAT]}) == (FLAT_DUB,)
    assert dubs_of({name: {"data": FLAT}}) == (FLAT_DUB,)


@pytest.mark.parametrize(
    "name", ["dubs", "result", "results", "data", "outputs", "languages", "target_languages", "translations"]
)
def test_languages_in_a_wrapper_are_dubs(name: str) -> None:
    assert dubs_of({"run_id": 107, "status": "SUCCESS", name: TWO}) == (SPANISH, FRENCH)
    assert dubs_of({name: {"es-es": {"result": FLAT}, "fr-fr": [FLAT]}}) == (SPANISH, FRENCH)


@pytest.mark.parametrize(
    "field", ["language", "target_language", "lang", "locale", "language_code", "targetLanguage"]
)
def test_a_list_of_results_names_its_languages(field: str) -> None:
    results = [{field: "es-es"} | FLAT, {field: "fr-fr"} | FLAT]
    assert dubs_of({"dubs": results}) == (SPANISH, FRENCH)
    assert dubs_of(results) == (SPANISH, FRENCH)
    assert dubs_of({"results": [{field: "es-es", "result": FLAT}, {field: "fr-fr", "data": FLAT}]}) == (
        SPANISH,
        FRENCH,
    )


def test_a_language_may_be_an_object_in_a_result_of_a_list() -> None:
    results = [{"language": {"id": 54, "short_name": "es-es", "language": "Spanish (Spain)"}} | FLAT]
    assert dubs_of({"items": results}) == (SPANISH,)


@pytest.mark.parametrize(
    "key",
    [
        "es",
        "es-es",
        "ES_MX",
        "zh-hans-cn",
        "es-419",
        "54",
        "cmn-cn",
        "Spanish",
        "Spanish (Spain)",
        "sr-latn",
        "zh-cn-gx",
        "bgc-in",
        "Chinese, Simplified",
        "Portuguese-Brazil",
        "fr-cafr",
        "Español",
        "Deutsch",
        "日本語",
        "हिन्दी",
        "العربية",
        "Mandarin",
        "Farsi",
        "Castilian",
        "US English",
        "Myanmar",
        "jp",
        "Spanish – Spain",
        "es_ES.UTF-8",
        "sr_RS@latin",
        "id-id",
    ],
)
def test_a_key_that_names_a_language_is_one(key: str) -> None:
    assert dubs_of({key: FLAT}) == (DubAnswer(key, MP4, MP3, CUES),)


@pytest.mark.parametrize(
    "key", ["final", "main", "version_1", "hd", "dubbed_result_2", "es-es final", "es_1", "metadata", "audio_0"]
)
def test_a_result_under_any_other_key_is_reported_and_kept_in_the_raw_answer(key: str) -> None:
    for value in ({key: FLAT}, {key: {"es-es": FLAT}}, {key: [FLAT]}):
        answer = read_run(1, value)
        assert (answer.dubs, answer.notes) == ((), (UNKNOWN_FORM,))
        assert json.loads(answer.raw) == value
    beside = read_run(1, {"es-es": FLAT, key: FLAT})
    assert (beside.dubs, beside.notes) == ((SPANISH,), (UNKNOWN_FORM,))


def test_an_answer_keyed_by_the_run_itself_is_that_runs_answer() -> None:
    assert dubs_of({"20107": FLAT}) == (FLAT_DUB,)
    assert dubs_of({"20107": TWO}) == (SPANISH, FRENCH)
    assert dubs_of({"54": FLAT}, run_id=54) == (DubAnswer("54", MP4, MP3, CUES),)
    assert dubs_of({"1344": FLAT}, run_id=1344) == (FLAT_DUB,)
    assert dubs_of({"1344": FLAT}, run_id=7) == (DubAnswer("1344", MP4, MP3, CUES),)
    assert dubs_of({"20107": TWO, "status": "SUCCESS"}) == (SPANISH, FRENCH)
    assert dubs_of({"results": {"20107.0": FLAT}}) == (FLAT_DUB,)


@pytest.mark.parametrize("number", ["0", "1", "20107", "999999"])
def test_the_number_of_a_result_under_its_language_is_no_language(number: str) -> None:
    assert dubs_of({"es-es": {number: FLAT}, "fr-fr": {number: [FLAT]}}) == (SPANISH, FRENCH)
    assert dubs_of({"dubs": {"es-es": {number: {"data": FLAT}}}}) == (SPANISH,)


def test_languages_by_number_under_the_language_of_the_source_are_dubs() -> None:
    numbered = (DubAnswer("54", MP4, MP3, CUES), DubAnswer("76", MP4, MP3, CUES))
    assert dubs_of({"en-us": {"54": FLAT, "76": FLAT}}) == numbered
    assert dubs_of({"result": {"language": "en-us", "54": FLAT, "76": FLAT}}) == numbered


def test_a_languages_number_may_be_a_float() -> None:
    numbered = (DubAnswer("54", MP4, MP3, CUES), DubAnswer("76", MP4, MP3, CUES))
    assert dubs_of({"54.0": FLAT, "76.0": FLAT}) == numbered
    assert dubs_of({"dubs": [{"language_id": 54.0} | FLAT, {"language_id": 76.0} | FLAT]}) == numbered


@pytest.mark.parametrize("key", ["id", "new", "min", "src", "sd"])
def test_a_code_that_is_an_ordinary_name_is_no_language_by_itself(key: str) -> None:
    answer = read_run(1, {key: FLAT})
    assert (answer.dubs, answer.notes) == ((), (UNKNOWN_FORM,))


def test_an_ordinary_name_is_a_language_beside_one() -> None:
    assert [dub.language for dub in dubs_of({"id": FLAT, "fr": FLAT})] == ["id", "fr"]
    assert dubs_of({"id": "abc", "run": 7, "es-es": FLAT}) == (SPANISH,)


def test_languages_may_stand_in_a_list_of_their_own() -> None:
    assert dubs_of({"languages": ["es-es", "fr-fr"], "results": [FLAT, FLAT]}) == (SPANISH, FRENCH)
    assert dubs_of({"target_language": ["es-es"]} | FLAT) == (SPANISH,)


def test_languages_beside_or_within_the_parts_of_a_result_are_dubs() -> None:
    assert dubs_of(FLAT | {"fr-fr": FLAT}) == (FLAT_DUB, FRENCH)
    assert dubs_of({"audio_url": {"es-es": MP3, "fr-fr": MP3}, "transcript": {"es-es": LINES}}) == (
        DubAnswer("es-es", "", MP3, CUES),
        DubAnswer("fr-fr", "", MP3, ()),
    )


@pytest.mark.parametrize(
    ("value", "dub"),
    [
        ({"dubbed_video_url": MP4}, DubAnswer("", MP4, "", ())),
        ({"dubbed_audio_url": MP3}, DubAnswer("", "", MP3, ())),
        ({"videoUrl": MP4, "audioUrl": MP3, "transcript": LINES}, FLAT_DUB),
        ({"video": MP4, "audio": MP3, "transcription": LINES}, FLAT_DUB),
        ({"video": {"url": MP4}, "audio": {"url": MP3}, "segments": LINES}, FLAT_DUB),
        ({"video_url": MP4, "audio_url": MP3, "transcription": {"segments": LINES}}, FLAT_DUB),
        ({"video_url": MP4, "audio_url": MP3, "transcript": {"lines": LINES}}, FLAT_DUB),
        ({"output": {"dubbed_video_url": MP4, "segments": LINES}}, DubAnswer("", MP4, "", CUES)),
        ({"es-es": LINES}, DubAnswer("es-es", "", "", CUES)),
        (LINES, DubAnswer("", "", "", CUES)),
        (
            {"segments": [{"start_time": 0, "end_time": 1.5, "speaker_name": "Ana", "translated_text": "Hola"}]},
            DubAnswer("", "", "", CUES),
        ),
    ],
)
def test_other_names_of_the_parts_of_a_result_are_read(value: object, dub: DubAnswer) -> None:
    assert dubs_of(value) == (dub,)


@pytest.mark.parametrize(
    "value",
    [
        {"a": FLAT, "b": FLAT},
        {"dubs": [FLAT, FLAT]},
        {"result": FLAT, "data": FLAT},
        {"transcripts": {"es-es": LINES, "fr-fr": LINES}, "videos": [MP4]},
        {"final_dub_link": MP4},
        {"dubbed_videos": [MP4]},
        {"es-es": MP4},
        {"url": MP4},
        {"download_url": "https://cdn.example/download/7"},
        {"outputs": [{"type": "video", "url": MP4}]},
        {"whatever": "https://cdn.example/7.mp4?sig=1"},
        {"dubs": {"0": FLAT, "1": FLAT}},
        {"whatever": {"inside": {"again": {"audio_url": MP3}}}},
        {"whatever": [{"start": 0, "end": 1, "text": "Hola"}]},
        [1, "two"],
        7,
    ],
)
def test_a_result_that_cannot_be_told_apart_is_reported(value: Any) -> None:
    answer = read_run(1, value)
    assert (answer.dubs, answer.notes) == ((), (UNKNOWN_FORM,))


@pytest.mark.parametrize(
    "value",
    [
        {"status": "PENDING", "source_video_url": "https://youtube.example/watch"},
        {"progress": 40, "eta": 12},
        {"run_id": 7, "status": "processing", "result": None, "dubs": {}},
        {"metadata": {"thumbnail_url": "https://cdn.example/1.jpg", "video_length": 12}},
        {"state": "running", "data": {"es-es": None}},
        {"status": "PENDING", "source": FLAT, "request": {"video_url": MP4}, "original_video_url": MP4},
        {"status": "PENDING", "webhook_url": "https://team.example/done", "source": {"url": "https://y.example/w"}},
    ],
)
def test_a_run_under_way_is_not_reported(value: object) -> None:
    answer = read_run(1, value)
    assert (answer.is_empty, answer.notes) == (True, ())


@pytest.mark.parametrize(
    "beside", [TWO, [{"language": tag} | FLAT for tag in TWO], {"results": TWO}, TWO | {"de-de": None, "id": None}]
)
def test_languages_in_a_wrapper_beside_a_single_result_are_dubs(beside: object) -> None:
    assert dubs_of(FLAT | {"dubs": beside}) == (FLAT_DUB, SPANISH, FRENCH)
    assert dubs_of(FLAT | {"target_language": "es-es", "dubs": {"fr-fr": FLAT}}) == (SPANISH, FRENCH)


@pytest.mark.parametrize("beside", [FLAT, [FLAT], {"one": FLAT}, {"es-es": FLAT, "data": FLAT}])
def test_results_without_a_language_beside_a_single_one_are_reported(beside: object) -> None:
    answer = read_run(1, FLAT | {"dubs": beside})
    assert (answer.dubs, answer.notes) == ((FLAT_DUB,), (UNKNOWN_FORM,))


@pytest.mark.parametrize(
    "part",
    [
        {"audio_urls": [MP3]},
        {"dubbed_audio_tracks": {"stereo": MP3}},
        {"download_url": MP3},
        {"audioFile": MP3},
    ],
)
def test_a_result_without_audio_is_reported_with_what_may_be_its_audio(part: dict[str, Any]) -> None:
    given = {"video_url": MP4, "transcript": LINES}
    assert read_run(1, given | part).notes == (UNKNOWN_FORM,)
    assert read_run(1, {"es-es": given | part}).notes == (UNKNOWN_FORM,)
    assert read_run(1, FLAT | part).notes == ()


def test_a_result_without_a_transcript_is_reported_with_what_may_be_one() -> None:
    given = {"video_url": MP4, "audio_url": MP3}
    for part in ({"script": LINES}, {"subtitles_url": "https://cdn.example/1.srt"}):
        assert read_run(1, given | part).notes == (UNKNOWN_FORM,)
    beside = {"thumbnail_url": MP4, "source_video_url": MP4, "project_url": "https://studio.example/7", "run_id": 1}
    assert read_run(1, given | beside).notes == ()


def test_a_language_that_failed_in_a_wrapper_beside_a_single_result_is_told() -> None:
    answer = read_run(1, FLAT | {"dubs": {"es-es": FLAT, "fr-fr": {"status": "ERROR"}}})
    assert (answer.dubs, answer.failure) == ((FLAT_DUB, SPANISH), "")
    assert answer.notes[0].startswith("fr-fr: ")


def test_an_error_in_an_unknown_form_is_reported_and_its_message_shown() -> None:
    answer = read_run(121, {"error": {"message": "Run not found", "code": 404}})
    assert answer.notes == ("CAMB.AI says: “Run not found”", UNKNOWN_FORM)


def test_a_single_result_may_name_its_target_language() -> None:
    assert dubs_of(FLAT | {"target_language": "es-es", "source_language": "en-us"}) == (SPANISH,)
    assert dubs_of(FLAT | {"target_languages": ["es-es"]}) == (SPANISH,)
    assert dubs_of(FLAT | {"target_languages": ["es-es", "fr-fr"]}) == (FLAT_DUB,)
    assert dubs_of(FLAT | {"language": "en-us"}) == (FLAT_DUB,)


NAMES = st.sampled_from(
    ["result", "dubs", "data", "es-es", "54", "Spanish", "main", "finalCut", "x y", "languages"]
)
WRAPPED = st.recursive(
    st.sampled_from(
        [FLAT, {"dubbed_video_url": MP4}, {"audio_url": MP3}, {"transcript": LINES}, {"segments": LINES}]
    ),
    lambda inner: st.lists(inner, min_size=1, max_size=2) | st.dictionaries(NAMES, inner, min_size=1, max_size=2),
    max_leaves=4,
)


@given(WRAPPED)
def test_a_result_anywhere_is_read_or_reported(value: object) -> None:
    answer = read_run(1, value)
    assert answer.dubs or UNKNOWN_FORM in answer.notes
    assert all(dub.language in ("", "es-es", "54", "Spanish") for dub in answer.dubs)


# Failures and CAMB.AI's own words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"error": {"message": "Run not found", "code": 404}}, "Run not found"),
        ({"error": {"detail": "Run not found"}}, "Run not found"),
        ({"message": {"error": "Run not found"}}, "Run not found"),
        ({"data": {"error": {"message": "Run not found"}}}, "Run not found"),
        ({"result": {"message": "Run not found"}}, "Run not found"),
        ({"errors": None, "error": {"title": "Run not found"}}, "Run not found"),
        ({"detail": [{"msg": "Run not found"}]}, "Run not found"),
        ({"errors": [{"message": "Run not found"}]}, "Run not found"),
        ({"error_message": "Run not found"}, "Run not found"),
        ({"status": {"code": "ON_HOLD"}}, "ON_HOLD"),
        ({"status": "ON_HOLD"}, "ON_HOLD"),
        ({"data": {"state": "needs review"}}, "NEEDS REVIEW"),
    ],
)
def test_what_camb_says_of_a_run_without_a_result_is_passed_on(value: object, words: str) -> None:
    answer = read_run(1, value)
    assert answer.is_empty
    assert words in " ".join(answer.notes)


@pytest.mark.parametrize(
    ("value", "failure", "message"),
    [
        ({"status": "ERROR", "exception_reason": "SOURCE_TOO_LONG", "message": "2 h"}, "SOURCE_TOO_LONG", "2 h"),
        ({"status": "ERROR", "error": {"message": "No voice"}}, "ERROR", "No voice"),
        ({"data": {"status": "FAILED", "detail": "No voice"}}, "FAILED", "No voice"),
        ({"result": None, "error": {"code": "SOURCE_TOO_LONG", "message": "2 h"}}, "SOURCE_TOO_LONG", "2 h"),
        ({"es-es": {"status": "ERROR", "message": {"why": "cat"}}}, "ERROR", '{"why": "cat"}'),
        ({"dubs": [{"language": "es-es", "status": "ABORTED", "message": "By Kim"}]}, "ABORTED", "By Kim"),
        ({"state": "cancelled", "message": "By Kim"}, "CANCELLED", "By Kim"),
    ],
)
def test_a_failure_carries_its_message(value: object, failure: str, message: str) -> None:
    answer = read_run(1, value)
    assert (answer.dubs, answer.failure, answer.message) == ((), failure, message)


def test_a_failed_language_is_a_hint_with_its_message() -> None:
    answer: RunAnswer = read_run(
        1,
        {"dubs": [{"language": "es-es"} | FLAT, {"language": "fr-fr", "status": "CANCELLED", "message": "By Kim"}]},
    )
    assert (answer.dubs, answer.failure) == ((SPANISH,), "")
    assert answer.notes == (
        "fr-fr: This dub ended in CAMB.AI with the status “CANCELLED”. Start it again there if you still need it. "
        "CAMB.AI says: “By Kim”",
    )


# Tasks


FINAL = [
    "CANCELLED", "canceled", "ABORTED", "Rejected", "EXPIRED", "TERMINATED", "STOPPED", "FAILURE", "KILLED",
    "TIMED_OUT", "QUOTA_EXCEEDED", "Cancelled by user.",
    "CANCELLED_BY_USER", "user cancelled", "DUBBING_FAILED", "PROCESSING_FAILED", "REVOKED",
    "INTERRUPTED", "DENIED",
]  # fmt: skip
GOING_ON = [
    "CANCELLING", "CANCEL_REQUESTED", "FAILED_RETRYING", "NO_ERROR", "PAUSED", "ON_HOLD", "SUSPENDED", "NOT_FAILED",
    "COMPLETED_WITH_FAILED_LANGUAGES", "STOPPED_TEMPORARILY", "OPTIMIZING",
]  # fmt: skip


@pytest.mark.parametrize("status", FINAL)
def test_a_final_status_fails_the_task_and_the_run(status: str) -> None:
    for value in (
        {"status": status},
        {"state": status},
        {"data": {"status": status}},
        {"task": {"status": status}},
    ):
        assert read_task(value).failure == status.upper()
        assert read_run(1, value).failure == status.upper()
    assert read_run(1, status).failure == status.upper()


@pytest.mark.parametrize("status", GOING_ON)
def test_an_unknown_status_that_is_not_final_is_shown(status: str) -> None:
    task = read_task({"status": status, "message": "Soon"})
    assert task.failure == ""
    assert task.notes == (f"CAMB.AI reports the status “{status}”.", "CAMB.AI says: “Soon”")
    assert read_run(1, {"status": status}).notes == (f"CAMB.AI reports the status “{status}”.",)


@pytest.mark.parametrize("status", ["PENDING", "processing", "IN_PROGRESS", "QUEUED"])
def test_a_usual_status_needs_no_word(status: str) -> None:
    assert read_task({"status": status, "message": "You are third in line", "progress": {"percent": 4}}).notes == ()


@pytest.mark.parametrize("value", [{}, {"status": None}, {"progress": 4}, {"status": ["PENDING"]}])
def test_a_task_without_a_status_is_reported(value: object) -> None:
    assert read_task(value).notes == (UNKNOWN_FORM,)


def test_a_task_that_is_done_without_a_run_is_reported() -> None:
    [note] = read_task({"status": "SUCCESS", "run_id": None}).notes
    assert "names no run" in note


@pytest.mark.parametrize(
    "value",
    [
        {"result": {"run_id": 7}},
        {"data": {"status": "SUCCESS", "run_id": "7"}},
        {"runId": 7},
        {"task": {"run_id": 7}},
    ],
)
def test_the_run_of_a_task_is_found_in_a_wrapper(value: object) -> None:
    task = read_task(value)
    assert (task.run_id, task.failure, task.notes) == (7, "", ())
