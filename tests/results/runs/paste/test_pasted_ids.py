"""Finding ids in pasted text: every id is found, and every other number is listed with a reason."""

import json
import tracemalloc

import pytest

from results.runs.paste import running_text
from results.runs.paste.limits import MAX_RUN_ID
from results.runs.paste.pasted_ids import TooManyIdsError, parse, read
from results.runs.paste.verdicts import PastedId, Verdict


def ids(text: str) -> list[int]:
    return [line.run_id for line in parse(text) if line.verdict is Verdict.ID]


def titles(text: str) -> dict[int, str]:
    return {line.run_id: line.title for line in parse(text) if line.verdict is Verdict.ID}


def verdicts(text: str, verdict: Verdict) -> list[str]:
    return [line.written for line in parse(text) if line.verdict is verdict]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" \n\t\n", []),
        ("1344", [1344]),
        ("1344\n1345\r\n1346\r1347", [1344, 1345, 1346, 1347]),
        ("1 2,3;4\n5", [1, 2, 3, 4, 5]),
        ("1344,1345,\n1346,1347", [1344, 1345, 1346, 1347]),
        ("1344\t1345\t1346", [1344, 1345, 1346]),
        ("1344 | 1345", [1344, 1345]),
        ("１３４４，１３４５、１３４６", [1344, 1345, 1346]),
        ("١٣٤٤، ١٣٤٥", [1344, 1345]),
        ("run 1344 and run_id: 1345, please", [1344, 1345]),
        ("Could you add run 1344?\nAnd #1345 (or 1346). Thanks!", [1344, 1345, 1346]),
        ("run_id=1344 run_id:1345 run-1346 run1347 RUN#1348 id:1349", [1344, 1345, 1346, 1347, 1348, 1349]),
        ('{"run_ids": [1344,1345], "x": null}', [1344, 1345]),
        ('{"1344.0": {"audio_url": "https://x.example/7.mp3"}, " 1345": null}', [1344, 1345]),
        ("* 1344\n- 1345\n1346.", [1344, 1345, 1346]),
        ("**1344** and `1345`", [1344, 1345]),
        ("https://studio.example/dub?run_id=1344&lang=54", [1344]),
        ("https://client.camb.ai/apis/dub-result/1344", [1344]),
        ("see https://studio.example/runs/1344/video and 1345", [1344, 1345]),
        ("https://studio.example/projects/1344", [1344]),
        ("(see https://studio.example/run/1344).", [1344]),
        ("http://[::1/1344", [1344]),
        ("https://x.example/runs/1344,https://x.example/runs/1345https://x.example/runs/1346", [1344, 1345, 1346]),
        ("https://x.example/results?run_ids=1344,1345&n=7", [1344, 1345]),
        ("run_ids[]=1344&run_ids[]=1345&lang=fr", [1344, 1345]),
        ("1344/1345, 1346 & 1347+1348・1349", [1344, 1345, 1346, 1347, 1348, 1349]),
        ("\ufeff1344\x00\u200e 1345", [1344, 1345]),
        ("2147483648 9223372036854775807", [2**31, MAX_RUN_ID]),
    ],
)
def test_ids_are_found_in_any_text(text, found):
    assert ids(text) == found


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("0", "run ids begin at 1"),
        ("000", "run ids begin at 1"),
        ("-1", "a run id has no sign before it"),
        ("−1", "a run id has no sign before it"),
        ("+7", "a run id has no sign before it"),
        ("run_id=-1", "a run id has no sign before it"),
        ("1.5", "a run id is a whole number"),
        ("7.0", "a run id is a whole number"),
        ("-1.5", "a run id is a whole number"),
        ("1e3", "write the number out, without an exponent"),
        ("1E+3", "write the number out, without an exponent"),
        ("0x1f", "write the number in decimal digits"),
        ("1_000", "write the number without underscores"),
        ("1344-1350", "this looks like a range; write each id"),
        ("1344..1350", "this looks like a range; write each id"),
        ("12:30", "this looks like a time"),
        ("3pm", "a run id has only digits"),
        ("S01E02", "a run id has only digits"),
        ("5²", "a run id has only digits"),
        ("9223372036854775808", "this number is too large for a run id"),
        ("1" + "0" * 25, "this number is too large for a run id"),
        ("9" * 5000, "this number is too large for a run id"),
        ("https://studio.example/dubs", "there is no run id in this link"),
    ],
)
def test_a_number_that_is_no_id_has_a_reason(token, reason):
    (line,) = parse(token)
    assert (line.verdict, line.note) == (Verdict.NOT_AN_ID, reason)
    assert len(line.written) <= 60


@pytest.mark.parametrize(
    ("token", "run_id", "note"),
    [
        ("007", 7, "read as 7"),
        ("0" * 5000 + "7", 7, "read as 7"),
        ("١٣٤٤", 1344, "read as 1344"),
        ("１３４４", 1344, "read as 1344"),
        ("१३४४", 1344, "read as 1344"),
        ("run_id:1344", 1344, ""),
        ("https://studio.example/run/1344", 1344, "taken from the link"),
    ],
)
def test_an_id_written_in_another_way_has_a_note(token, run_id, note):
    (line,) = parse(token)
    assert (line.verdict, line.run_id, line.note) == (Verdict.ID, run_id, note)


TASK = "b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    "text",
    [
        TASK,
        TASK.upper(),
        f"task_id: {TASK}",
        f"task_id={TASK}",
        f"please add {TASK}, thanks",
        f"https://client.camb.ai/apis/dub/{TASK}",
        f"{TASK}\tHarbour lights",
        f"task_id,title\n{TASK},Harbour lights",
    ],
)
def test_a_task_is_told_apart_from_a_run(text):
    (line,) = [line for line in parse(text) if line.verdict is not Verdict.WORD]
    assert (line.verdict, line.task_id, line.run_id) == (Verdict.TASK, TASK, 0)
    assert line.title == ("Harbour lights" if "Harbour" in text else "")


def test_a_task_counts_once():
    assert [line.verdict for line in parse(f"{TASK}\n{TASK}")] == [Verdict.TASK, Verdict.REPEATED]


def test_words_of_a_message_are_only_words():
    assert verdicts("Hi Ben, run 1344 is done — thanks!", Verdict.WORD) == [
        "Hi", "Ben", "run", "is", "done", "thanks",
    ]  # fmt: skip


def test_an_id_counts_once():
    assert parse("1344 1345 01344") == [
        PastedId("1344", Verdict.ID, 1344),
        PastedId("1345", Verdict.ID, 1345),
        PastedId("01344", Verdict.REPEATED, 1344, note="the same id is listed above"),
    ]


def test_a_repeated_id_may_add_the_title():
    assert titles("1344\n1344\tHarbour lights") == {1344: "Harbour lights"}


@pytest.mark.parametrize(
    "text",
    [
        "run_id,title\n1344,Harbour lights\n1345,京都の台所",
        "Title;Run ID\nHarbour lights;1344\n京都の台所;1345",
        "\ufeffcreated,Run_Id,Name\n2024-01-02,1344,Harbour lights\n2024-01-03,1345,京都の台所\n",
        "id\ttitle\n1344\tHarbour lights\n1345\t京都の台所",
        "1344\tHarbour lights\n1345\t京都の台所",
        "Harbour lights\t1344\n京都の台所\t1345",
        "1344,Harbour lights\n1345,京都の台所",
        "1344; Harbour lights\n\n1345; 京都の台所\n",
        'run_id,title\n1344,"Harbour lights"\n1345," 京都の台所 "',
    ],
)
def test_titles_are_read_from_tables(text):
    assert titles(text) == {1344: "Harbour lights", 1345: "京都の台所"}


def test_a_table_may_stand_below_a_message():
    assert titles("Hi, please add these and run 7:\nrun_id,title\n1344,Harbour lights\n") == {
        7: "",
        1344: "Harbour lights",
    }


def test_a_quoted_title_keeps_its_commas_and_lines():
    assert titles('run_id,title\n1344,"Lights, camera,\n ""action"""') == {1344: 'Lights, camera, "action"'}


def test_a_lone_quotation_mark_swallows_no_id():
    assert titles('run_id,title\n1344,"Harbour\n1345,Kyoto') == {1344: '"Harbour', 1345: "Kyoto"}


def test_table_rows_without_an_id_are_listed_with_a_reason():
    lines = parse("run_id,title\n,Harbour lights\nabc,Kyoto\n0,Desert")
    assert [(line.written, line.verdict, line.note) for line in lines] == [
        ("Harbour lights", Verdict.NOT_AN_ID, "this row has no run id"),
        ("abc", Verdict.BAD_ID, "a run id is a number"),
        ("0", Verdict.BAD_ID, "run ids begin at 1"),
    ]


@pytest.mark.parametrize("name", ["run_id", "id"])
@pytest.mark.parametrize(
    ("written", "listed", "note"),
    [
        ('""', "Kyoto", "this row has no run id"),
        ("null", "Kyoto", "this row has no run id"),
        ('"pending"', "pending", "a run id is a number"),
        ("1.5", "1.5", "a run id is a whole number"),
        ("-5", "-5", "a run id has no sign before it"),
        ("NaN", "nan", "a run id is a number"),
        ("true", "true", "a run id is a number"),
    ],
)
def test_a_row_of_json_without_an_id_is_listed_with_a_reason(name, written, listed, note):
    good, bad = f'{{"{name}": 1344, "title": "Harbour"}}', f'{{"{name}": {written}, "title": "Kyoto"}}'
    for text in (f"[{good}, {bad}]", f"{bad[:-1]}}}\n{good}", f'{{"a": {good}, "b": {bad}}}'):
        lines = {line.written: line for line in parse(text)}
        assert lines["1344"].run_id == 1344
        assert (lines[listed].found, lines[listed].note) == ("", note)


def test_an_id_within_a_row_without_one_is_none():
    assert ids('{"runs": [{"id": 1344, "user": {"id": 9}}, {"id": "draft", "user": {"id": 10}}]}') == [1344]


@pytest.mark.parametrize("text", ['{"run_id": 1344, "run_id": 1345}', "{'run_id': 1344, 'run_id': 1345}"])
def test_an_id_that_an_object_has_twice_is_not_lost(text):
    assert ids(text) == [1344, 1345]
    assert ids(text.replace("1345", "1344")) == [1344]


def test_a_message_with_commas_is_no_table():
    assert ids("1344, run 1345\n1346, run 1347") == [1344, 1345, 1346, 1347]


def test_a_long_title_is_cut_and_has_a_note():
    (line,) = parse(f"1344\t{'x' * 300}")
    assert (line.title, line.note) == ("x" * 200, "the title was cut to 200 characters")


def test_ten_thousand_ids_are_read():
    assert ids("\n".join(map(str, range(1, 10_001)))) == list(range(1, 10_001))


def test_a_huge_line_is_read():
    assert ids(f"run_id,title\n1344,{'x' * 200_000}\n1345,Kyoto") == [1344, 1345]


def test_a_huge_word_is_read():
    assert ids(f"{'x' * 500_000} 1344") == [1344]


@pytest.mark.parametrize("text", ["1 2 3 4 5 6", "1 " * 20, "[1],\n" * 20, "run_id,title\n" + "1,a\n" * 20])
def test_no_more_is_read_than_ids_that_can_be_added(text):
    with pytest.raises(TooManyIdsError):
        read([text], most=5)
    assert read([text]).lines


def test_the_rest_of_too_many_ids_is_not_read(monkeypatch):
    judged = []
    judge = running_text.judge

    def note(token):
        judged.append(token)
        return judge(token)

    monkeypatch.setattr(running_text, "judge", note)
    with pytest.raises(TooManyIdsError):
        read([" ".join(map(str, range(1, 10_000)))], most=5)
    assert len(judged) == 6


@pytest.mark.parametrize(
    "text",
    [
        "|a" * 2000,
        "run_id," + "a," * 2000 + "\n" + "7\n" * 5000,
        json.dumps([{"run_id": 7, f"n{n}": n} for n in range(5000)]),
        json.dumps([*([7] for _ in range(5000)), ["a"] * 3000]),
    ],
    ids=["bars", "commas", "objects", "lists"],
)
def test_rows_that_no_table_has_take_no_room(text):
    tracemalloc.start()
    lines = parse(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert {line.run_id for line in lines} <= {0, 7}
