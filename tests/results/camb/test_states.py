"""How an answer about a run says that it goes on, is done, or has ended without a result."""

import json
from typing import Any

import pytest

from results.camb import notes
from results.camb.parse import read_run, read_task
from results.camb.reasons import explain
from tests.results.camb.cases import CUES, FLAT, FLAT_DUB

ODD_REASON = "CAMB.AI gave the reason “ODD”. Look the run up in CAMB.AI, or ask its support."


# Reasons


@pytest.mark.parametrize(
    "reason", ["N/A", "na", "null", "nil", 0, "0", "NO_ERROR", "no error", "OK", "-", "undefined"]
)
@pytest.mark.parametrize("status", ["PENDING", "SUCCESS", ""])
def test_a_placeholder_is_no_reason(reason: object, status: str) -> None:
    value = {"status": status, "exception_reason": reason}
    answer = read_run(1, value)
    assert (answer.is_empty, answer.notes) == (True, ())
    assert read_task(value | {"run_id": 7}).failure == ""
    assert read_run(1, FLAT | value).dubs == (FLAT_DUB,)
    assert read_run(1, value | {"status": "ERROR"}).failure == "ERROR"


def test_an_unknown_reason_ends_no_run_that_is_under_way() -> None:
    for status in ("PENDING", "in-progress", "Success"):
        value = {"status": status, "exception_reason": "odd"}
        answer, task = read_run(1, value), read_task(value)
        assert (answer.is_empty, answer.notes) == (True, (ODD_REASON,))
        assert (task.failure, task.notes[0]) == ("", ODD_REASON)
    assert read_run(1, {"exception_reason": "odd"}).failure == "ODD"
    assert read_run(1, {"status": "PENDING", "exception_reason": "SOURCE_TOO_LONG"}).failure == "SOURCE_TOO_LONG"
    assert read_run(1, {"exception_reason": "源太长"}).failure == "源太长"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"exception_reason": {"code": "SOURCE_TOO_LONG", "message": "2 h"}}, "2 h"),
        ({"exception_reason": ["SOURCE_TOO_LONG"]}, ""),
        ({"status": "PENDING", "exceptionReason": "source too long"}, ""),
        ({"Status": "ERROR", "ExceptionReason": "SOURCE_TOO_LONG", "Message": "2 h"}, "2 h"),
        ({"exception-reason": "SourceTooLong", "taskStatus": "FAILED"}, ""),
        ({"error_code": "SOURCE_TOO_LONG", "error_message": "2 h"}, "2 h"),
        ({"reason": "SOURCE_TOO_LONG"}, ""),
        ({"failure_reason": "source-too-long"}, ""),
        ({"error": "SOURCE_TOO_LONG"}, ""),
        ({"message": "SOURCE_TOO_LONG"}, ""),
        ({"detail": "SOURCE_TOO_LONG"}, ""),
        ({"errors": ["SOURCE_TOO_LONG"]}, ""),
        ({"failure": {"reason": "SOURCE_TOO_LONG", "message": "2 h"}}, "2 h"),
        ({"state": {"name": "FAILED", "reason": "SOURCE_TOO_LONG"}}, ""),
        ({"errors": {"es": "SOURCE_TOO_LONG"}}, ""),
        ({"failed": [{"language": "es", "reason": "SOURCE_TOO_LONG", "message": "2 h"}]}, "2 h"),
        ({"es-es": "SOURCE_TOO_LONG"}, ""),
    ],
)
def test_a_known_reason_is_found_in_every_field_of_a_state(value: dict[str, Any], message: str) -> None:
    answer = read_run(1, value)
    assert (answer.dubs, answer.message) == ((), message)
    assert "_".join(answer.failure.replace("-", " ").split()) == "SOURCE_TOO_LONG"
    assert str(notes.UNKNOWN_FORM) not in answer.notes


# States


@pytest.mark.parametrize(
    "value",
    [
        {"es-es": "ERROR"},
        {"es-es": ["ERROR"]},
        {"54": "ERROR"},
        {"dubs": {"es-es": "ERROR"}},
        {"result": "ERROR"},
        {"20107": "ERROR"},
        {"dub_status": "ERROR"},
        {"RunStatus": "ERROR"},
        {"status": ["PENDING", "ERROR"]},
        {"status": {"value": "ERROR"}},
        {"status": "success", "task_status": "ERROR"},
    ],
)
def test_a_failed_state_is_found_wherever_it_stands(value: object) -> None:
    answer = read_run(20_107, value)
    assert (answer.dubs, answer.failure) == ((), "ERROR")


@pytest.mark.parametrize(
    "value",
    [
        {"success": False},
        {"error": True},
        {"status": {"progress": 4}},
        {"status": True},
        {"data": {"status": False}},
        {"exception_reason": {"why": "cat"}},
    ],
)
def test_a_state_that_cannot_be_read_is_reported(value: object) -> None:
    answer = read_run(1, value)
    assert (answer.is_empty, answer.notes) == (True, (str(notes.UNKNOWN_FORM),))


def test_a_reason_may_have_a_remark_behind_it() -> None:
    for value in ({"status": "SOURCE_TOO_LONG: 2 h"}, {"error": "SOURCE_TOO_LONG: 2 h"}, "SOURCE_TOO_LONG (2 h)"):
        answer = read_run(1, value)
        assert explain(answer.failure).startswith("The source is too long")


def test_words_that_may_be_about_the_call_fail_no_run() -> None:
    forbidden, limited = {"error": "Forbidden"}, {"status": "RATE_LIMIT_EXCEEDED"}
    for value in (forbidden, limited, {"message": "Error"}, "Invalid API key"):
        answer = read_run(1, value)
        assert (answer.is_empty, len(answer.notes)) == (True, 1)
    said = read_run(1, {"success": False, "message": "Run not found"})
    assert (said.is_empty, said.notes) == (True, ("CAMB.AI says: “Run not found”",))
    assert read_run(1, {"status": 500}).notes == ("CAMB.AI reports the status “500”.",)
    assert read_run(1, {"failed": True}).failure == "FAILED"
    assert read_run(1, {"failed": False}).is_empty


def test_a_failed_language_beside_a_ready_one_is_told() -> None:
    for failed in (
        {"es-es": "ERROR"},
        {"errors": {"es-es": "ERROR"}},
        {"es-es": {"Status": "ERROR"}},
        {"failed_languages": ["es-es"]},
    ):
        answer = read_run(1, failed | {"results": {"fr-fr": FLAT}})
        assert ([dub.language for dub in answer.dubs], answer.failure) == (["fr-fr"], "")
        (note,) = answer.notes
        assert note.startswith("es-es: CAMB.AI could not finish this dub")
    assert read_run(1, {"fr-fr": FLAT, "errors": {"es-es": "no voice"}}).notes == (
        "es-es: CAMB.AI says: “no voice”",
    )
    assert read_run(1, {"fr-fr": FLAT, "es-es": "on hold"}).notes == (
        "es-es: CAMB.AI reports the status “ON HOLD”.",
    )
    assert read_run(1, {"fr-fr": FLAT, "es-es": "PENDING", "message": "Two languages"}).notes == ()


@pytest.mark.parametrize(
    "status",
    [
        "TIMED-OUT", "TIME_OUT", "TIME OUT", "timed.out", "TimedOut", "dubFailed", "CancelledByUser", "FAIL", "ERR",
        "ERRORS", "CANCEL", "ABORT", "REJECT", "ERROR 500", "ERROR_500", "FAILED (2)", "FAILED: no voice",
        "Failed…", "Failed - no voice", "UNSUPPORTED", "INVALID", "OUT_OF_CREDITS", "FAILED_NO_AUDIO",
        "ERROR_NOT_FOUND", "ERROR_SOURCE_NOT_FOUND", "EXCEPTION",
    ],
)  # fmt: skip
def test_a_final_word_ends_a_run_in_every_spelling(status: str) -> None:
    assert read_run(1, {"status": status}).failure
    assert read_task({"status": status}).failure


@pytest.mark.parametrize(
    "status",
    [
        "ERROR_HANDLED", "STOPPED_WAITING", "ERRORS: 0", "NO_FATAL_ERROR", "WITHOUT_ERRORS", "FAILED: WILL RETRY",
        "ERROR: STILL PROCESSING", "INVALID_API_KEY", "NOT_CANCELLED",
    ],
)  # fmt: skip
def test_a_final_word_that_is_undone_is_only_shown(status: str) -> None:
    answer = read_run(1, {"status": status})
    assert (answer.failure, answer.notes) == ("", (f"CAMB.AI reports the status “{status}”.",))


def test_a_run_out_of_credit_asks_for_payment() -> None:
    assert explain("OUT_OF_CREDITS").startswith("The CAMB.AI account has no credit left")
    assert explain("SourceTooLong".upper()).startswith("CAMB.AI gave the reason")
    assert explain("source too long").startswith("The source is too long")


# Results in unusual texts


def test_a_result_as_the_text_of_json_is_read() -> None:
    for value in (json.dumps(FLAT), {"result": json.dumps(FLAT)}, [json.dumps(FLAT)]):
        assert read_run(1, value).dubs == (FLAT_DUB,)
    answer = read_run(1, {"es-es": json.dumps(FLAT | {"extra": "\x00\ud800"})})
    assert [(dub.language, dub.cues) for dub in answer.dubs] == [("es-es", CUES)]
    assert b"\\u0000" not in answer.raw
    spoken = FLAT | {"transcript": [{"start": 0, "end": 1, "text": "{}"}, {"start": 1, "end": 2, "text": "[1]"}]}
    assert [cue.text for cue in read_run(1, spoken).dubs[0].cues] == ["{}", "[1]"]
    assert [cue.text for cue in read_run(1, {"transcript": ["{}", "[1]"]}).dubs[0].cues] == ["{}", "[1]"]
    listed = read_run(1, FLAT | {"transcript": json.dumps(FLAT["transcript"])})
    assert listed.dubs == (FLAT_DUB,)


@pytest.mark.parametrize("link", ["HTTPS://cdn.example/1.mp3", " https://cdn.example/1.mp3\n"])
def test_a_link_under_another_name_is_read_in_every_spelling(link: str) -> None:
    assert [dub.audio_url for dub in read_run(1, {"dubbed_audio_url": link}).dubs] == [link.strip()]


def test_a_web_page_in_place_of_a_result_is_not_quoted() -> None:
    assert read_run(1, "<html><b>502</b></html>").notes == (str(notes.UNKNOWN_FORM),)


@pytest.mark.parametrize("status", ["²", "①②", "③", "HTTP ²"])
def test_digits_that_are_no_number_are_shown(status: str) -> None:
    for value in ({"status": status}, {"es-es": {"status": status}}):
        assert f"“{status}”" in read_run(1, value).notes[0]


def test_a_number_beyond_floats_spoils_nothing() -> None:
    huge = {"start": 10**400, "end": 1, "text": "Hola"}
    value = {"transcript": [huge], "segments": [huge]}
    assert [cue.text for cue in read_run(1, value).dubs[0].cues] == ["Hola"]


# The run of a task


@pytest.mark.parametrize(
    ("value", "run_id"),
    [
        ({"run_id": "8081.0"}, 8081),
        ({"run_ids": [7]}, 7),
        ({"data": {"RunIds": ["7"]}}, 7),
        ({"run": {"id": 7}}, 7),
        ({"result": json.dumps({"run_id": 7})}, 7),
        ({"run_ids": [7, 8]}, None),
        ({"run_id": 2.0**60}, None),
    ],
)
def test_the_run_of_a_task_is_read_in_every_form(value: dict[str, Any], run_id: int | None) -> None:
    assert read_task({"status": "SUCCESS"} | value).run_id == run_id
