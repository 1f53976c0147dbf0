"""Answers about several runs: each run gets what is said of it, in whatever form the ids come."""

import json
from typing import Any

import pytest

from results.camb import RunAnswer, bulk, notes
from results.camb.parse import decode, read_run_in, unpacked
from tests.results.camb.cases import FLAT, FLAT_DUB

TEXT = json.dumps(FLAT)
FIRST, SECOND = {"run_id": 8081} | FLAT, {"run_id": 8082} | FLAT


def answers_of(answer: Any, *run_ids: int) -> list[RunAnswer]:
    body = answer if isinstance(answer, str) else json.dumps(answer)
    by_run = bulk.sort_by_run(unpacked(decode(body.encode())), run_ids or (8081, 8082))
    assert by_run
    return [read_run_in(by_run, run_id) for run_id in run_ids or (8081, 8082)]


@pytest.mark.parametrize(
    "answer",
    [
        {"8081": FLAT, "8082": FLAT},
        {"8081.0": FLAT, " 8082": FLAT},
        {"Results": {"8081": FLAT, "8082": FLAT}},
        {"payload": {"8081": FLAT, "8082": FLAT}},
        {"data": {"results": {"8081": FLAT, "8082": FLAT}}},
        {"8081": FLAT, "results": {"8082": FLAT}},
        {"results": {"8081": FLAT}, "data": {"8082": FLAT}},
        [FIRST, SECOND, None, 5],
        [{"8081": FLAT}, {"8082": FLAT}],
        {"runs": [FIRST, {"RunID": "8082.0"} | FLAT]},
        {"8081": TEXT, "8082": TEXT},
        json.dumps({"8081": TEXT, "8082": FLAT}),
        {"8081": FLAT, "data": {"8081": FLAT, "8082": FLAT}},
        {"completed": {"8081": FLAT}, "ready": [SECOND], "prices": {"8081": 5, "8082": 7}},
        {"body": {"8081": FLAT, "8082": FLAT}},
    ],
)
def test_each_run_gets_its_result(answer: Any) -> None:
    assert [(one.dubs, one.notes) for one in answers_of(answer)] == [((FLAT_DUB,), ())] * 2


@pytest.mark.parametrize(
    ("answer", "failure", "notes"),
    [
        ({"results": [FIRST], "failed": [{"run_id": 8082, "status": "ERROR"}]}, "ERROR", ()),
        ({"results": {"8081": FLAT}, "errors": {"8082": "SOURCE_TOO_LONG"}}, "SOURCE_TOO_LONG", ()),
        ({"8081": FLAT, "failed": [8082]}, "FAILED", ()),
        ({"results": {"8081": FLAT}, "errors": {"8082": "not found"}}, "", ("CAMB.AI says: “not found”",)),
        ({"8081": FLAT, "errors": [{"run_id": 8082, "message": "gone"}]}, "", ("CAMB.AI says: “gone”",)),
    ],
)
def test_what_went_wrong_is_told_of_its_run_alone(answer: Any, failure: str, notes: tuple[str, ...]) -> None:
    good, bad = answers_of(answer)
    assert (good.dubs, good.failure, good.notes) == ((FLAT_DUB,), "", ())
    assert (bad.dubs, bad.failure, bad.notes, bad.is_absent) == ((), failure, notes, False)


def test_a_repeated_run_keeps_its_result_and_says_so() -> None:
    first, second = answers_of(f'{{"8081": {TEXT}, "8081": null, "8082": {TEXT}}}')
    assert (first.dubs, first.notes) == ((FLAT_DUB,), (str(notes.REPEATED_FIELD),))
    assert (second.dubs, second.notes) == ((FLAT_DUB,), ())


def test_words_about_the_whole_call_reach_the_runs_that_it_leaves_out() -> None:
    for answer in answers_of({"error": "Invalid API key", "status": 401}):
        assert (answer.is_absent, answer.notes) == (True, ("CAMB.AI says: “Invalid API key”",))
    for answer in answers_of({"detail": [{"loc": ["body"], "msg": "Too many ids"}]}):
        assert (answer.is_absent, answer.notes) == (True, ("CAMB.AI says: “Too many ids”",))
    first, second = answers_of({"message": "One is missing", "8081": FLAT})
    assert (first.notes, second.notes) == ((), ("CAMB.AI says: “One is missing”",))


def test_a_result_that_names_no_run_spoils_no_other() -> None:
    first, second = answers_of([FIRST, FLAT])
    assert (first.dubs, first.notes) == ((FLAT_DUB,), ())
    assert (second.is_absent, second.notes) == (True, (str(notes.UNKNOWN_FORM),))


@pytest.mark.parametrize("answer", [[], [FLAT], [5], "x", 5, None, True])
def test_what_can_name_no_run_is_none_of_the_forms(answer: object) -> None:
    assert bulk.sort_by_run(answer, [8081, 8082]) is None


@pytest.mark.parametrize("answer", [{}, {"9": FLAT}, {"08081": FLAT}, {"8081.5": FLAT}, [{"run_id": 9} | FLAT]])
def test_foreign_keys_touch_no_run(answer: object) -> None:
    by_run = bulk.sort_by_run(answer, [8081, 8082])
    assert by_run
    assert by_run.by_run == {}


@pytest.mark.parametrize(
    "answer", [{"run_8081": FLAT}, {"result": FLAT}, {"es-es": FLAT}, {"items": [{"key": "8081", "value": FLAT}]}]
)
def test_a_result_under_a_key_that_names_no_run_is_told(answer: object) -> None:
    for read in answers_of(answer):
        assert (read.is_absent, read.notes) == (True, (str(notes.UNKNOWN_FORM),))


@pytest.mark.parametrize("answer", [{"9": FLAT}, {"results": {"9": FLAT}}, {"request": FLAT}, {"sourceFile": FLAT}])
def test_other_runs_and_the_request_say_nothing_about_the_runs(answer: object) -> None:
    for read in answers_of(answer):
        assert (read.is_absent, read.notes) == (True, ())
