"""Is CAMB.AI understood in all its forms, and does every trouble with it end in time as one of three errors?"""

import gzip
import json
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from demo.server import ABSENT, Reply, StandIn
from results import camb
from results.camb import (
    Client,
    CueAnswer,
    DubAnswer,
    LanguageAnswer,
    Malformed,
    Refused,
    TaskAnswer,
    Unavailable,
    parse,
)
from results.camb.client import _retry_after
from results.camb.parse import MAX_MS, MAX_RUN_ID, decode, read_run
from results.camb.reasons import REASONS

KEY = "sk-very/secret-0123456789"
MP4, MP3 = "https://cdn.example/1.mp4?Expires=9&Signature=a%2Bb", "https://cdn.example/1.mp3"
LINES = [{"start": 0, "end": 1.5, "speaker": "Ana", "text": "Hola"}]
CUES = (CueAnswer(0, 1500, "Ana", "Hola"),)
FLAT = {"video_url": MP4, "audio_url": MP3, "transcript": LINES}
FLAT_DUB = DubAnswer("", MP4, MP3, CUES)

TIMES_HINT = "Time put right, as it was missing, negative, reversed or beyond 100 hours: {}."
ORDER_HINT = "The lines came out of order and were sorted by time."
MS_HINT = "The times came in milliseconds instead of seconds and were converted."


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn(keys=[KEY]) as stand_in:
        stand_in.runs = {n: {"audio_url": f"https://cdn.example/{n}.mp3"} for n in range(1, 8)}
        yield stand_in


def make_client(stand_in: StandIn, **options: Any) -> Client:
    patient = {"connect_seconds": 30, "read_seconds": 30, "total_seconds": 60}
    return Client(stand_in.base_url, KEY, **patient | options)


@pytest.fixture
def client(stand_in: StandIn) -> Iterator[Client]:
    with make_client(stand_in) as client:
        yield client


def cues_of(*lines: Any) -> tuple[CueAnswer, ...]:
    dubs = read_run(1, {"transcript": list(lines)}).dubs
    return dubs[0].cues if dubs else ()


def line(start: Any = 0, end: Any = 1, text: Any = "Hola", speaker: Any = "Ana") -> dict[str, Any]:
    return {"start": start, "end": end, "text": text, "speaker": speaker}


# What a run's value means


@pytest.mark.parametrize(
    ("value", "dubs"),
    [
        (FLAT, (FLAT_DUB,)),
        (FLAT | {"extra": {"video_url": MP4}, "status": "SUCCESS", "exception_reason": "NONE"}, (FLAT_DUB,)),
        ({"output_video_url": MP4, "output_audio_url": MP3, "transcript": LINES}, (FLAT_DUB,)),
        ({"video_url": None, "output_video_url": MP4}, (DubAnswer("", MP4, "", ()),)),
        ({"audio_url": MP3}, (DubAnswer("", "", MP3, ()),)),
        ({"video_url": MP4, "audio_url": "", "transcript": None}, (DubAnswer("", MP4, "", ()),)),
        ({"transcript": LINES}, (DubAnswer("", "", "", CUES),)),
        (
            {"es-es": FLAT, "54": {"audio_url": MP3}},
            (DubAnswer("es-es", MP4, MP3, CUES), DubAnswer("54", "", MP3, ())),
        ),
        ({" es-es ": FLAT, "fr-fr": None, "de-de": {}, "ja-jp": "PENDING"}, (DubAnswer("es-es", MP4, MP3, CUES),)),
        (
            {"video_url": None, "audio_url": None, "transcript": [], "es-es": FLAT},
            (DubAnswer("es-es", MP4, MP3, CUES),),
        ),
        (
            {"status": "SUCCESS", "message": {"audio_url": MP3}, "es-es": FLAT},
            (DubAnswer("es-es", MP4, MP3, CUES),),
        ),
        ({"x" * 50: FLAT}, (DubAnswer("x" * 35, MP4, MP3, CUES),)),
    ],
)
def test_each_form_of_a_result_becomes_dubs(value: object, dubs: tuple[DubAnswer, ...]) -> None:
    answer = read_run(7, value)
    assert (answer.run_id, answer.dubs, answer.failure, answer.hints) == (7, dubs, "", ())
    assert not answer.is_empty
    assert json.loads(answer.raw) == value


@pytest.mark.parametrize(
    ("value", "hints"),
    [
        (None, ()),
        ({}, ()),
        ("", ()),
        ({"video_url": None, "audio_url": None, "transcript": None}, ()),
        ({"video_url": "", "audio_url": "", "transcript": []}, ()),
        ({"es-es": None, "fr-fr": {}}, ()),
        ({"status": "pending"}, ()),
        ({"status": "SUCCESS", "exception_reason": "NONE"}, ()),
        ({"status": "ODD", "exception_reason": None}, ()),
        ({"metadata": {"width": 1920}}, ()),
        ("PENDING", ("CAMB.AI says only “PENDING”.",)),
        ({"error": "Run not found", "status": 404}, ("CAMB.AI says: “Run not found”",)),
        ([], ("CAMB.AI answered in a form that is not known here.",)),
        (5, ("CAMB.AI answered in a form that is not known here.",)),
        (True, ("CAMB.AI answered in a form that is not known here.",)),
    ],
)
def test_a_run_without_anything_is_empty_and_never_failed(value: object, hints: tuple[str, ...]) -> None:
    answer = read_run(1, value)
    assert answer.is_empty
    assert (answer.dubs, answer.failure, answer.hints) == ((), "", hints)


@pytest.mark.parametrize(
    ("value", "failure"),
    [
        ({"status": "ERROR", "exception_reason": "SOURCE_TOO_LONG"}, "SOURCE_TOO_LONG"),
        ({"status": "error", "exception_reason": " source_too_long "}, "SOURCE_TOO_LONG"),
        ({"status": "Error", "exception_reason": "NONE"}, "ERROR"),
        ({"status": "ERROR", "exception_reason": {"odd": 1}}, "ERROR"),
        ({"status": "TIMEOUT"}, "TIMEOUT"),
        ({"status": "payment_required", "transcript": None}, "PAYMENT_REQUIRED"),
        ({"exception_reason": "brand new\nreason" + "x" * 200}, "BRAND NEW REASON" + "X" * 84),
        ("ERROR", "ERROR"),
        ("harmful_content_detected", "HARMFUL_CONTENT_DETECTED"),
        ({"es-es": {"status": "ERROR", "exception_reason": "FORBIDDEN"}, "fr-fr": None}, "FORBIDDEN"),
    ],
)
def test_a_status_or_reason_makes_a_failure(value: object, failure: str) -> None:
    answer = read_run(1, value)
    assert (answer.dubs, answer.failure, answer.is_empty) == ((), failure, False)


def test_a_language_that_failed_beside_a_good_one_is_a_hint() -> None:
    answer = read_run(1, {"es-es": FLAT, "fr-fr": {"status": "ERROR", "exception_reason": "INTERNAL_ERROR"}})
    assert answer.dubs == (DubAnswer("es-es", MP4, MP3, CUES),)
    assert answer.failure == ""
    assert answer.hints == ("fr-fr: CAMB.AI had a fault of its own. Start the dub again in CAMB.AI.",)


def test_languages_that_look_the_same_once_bounded_stay_one_dub() -> None:
    answer = read_run(1, {"es": FLAT, " es": {"audio_url": MP3}})
    assert answer.dubs == (DubAnswer("es", MP4, MP3, CUES),)
    assert answer.hints == ("More languages came than could be kept apart; the first ones were kept.",)


@pytest.mark.parametrize("reason", [*REASONS, "no such reason"])
def test_every_reason_is_explained(reason: str) -> None:
    assert camb.explain(reason.lower()) == REASONS.get(
        reason, "CAMB.AI gave the reason “no such reason”. Look the run up in CAMB.AI, or ask its support."
    )


# Links


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://a.example/1",
        "//host.example/1.mp4",
        "/1.mp4",
        "1.mp4",
        "https:1.mp4",
        "https://",
        "https://:443/1.mp4",
        "https://user:pw@host.example/1.mp4",
        "https://host.example\\@evil.example/1.mp4",
        "https://host.example/a b.mp4",
        "https://host.example/\r\nSet-Cookie: a=b",
        "https://host.example/\x00.mp4",
        "https://host.example/\ud800.mp4",
        "https://host.example:99999/1.mp4",
        "https://[::1/1.mp4",
        "https://host.example/" + "a" * 4_000,
        ["https://host.example/1.mp4"],
        {"url": "https://host.example/1.mp4"},
        5,
    ],
)
def test_only_a_plain_web_address_becomes_a_link(link: object) -> None:
    answer = read_run(1, {"video_url": link, "audio_url": MP3})
    assert answer.dubs == (DubAnswer("", "", MP3, ()),)
    assert answer.hints == ("The video link was unusable.",)


@pytest.mark.parametrize("link", ["http://127.0.0.1:8090/a.mp4", "HTTPS://cdn.example/é.mp4?a=%20&b='\"<>", MP4])
def test_a_usable_link_is_kept_as_it_is(link: str) -> None:
    assert read_run(1, {"video_url": f" {link}\n"}).dubs == (DubAnswer("", link, "", ()),)


# Transcripts


@pytest.mark.parametrize(
    ("start", "end", "start_ms", "end_ms", "is_odd"),
    [
        (0, 1, 0, 1000, False),
        (1.0005, 2.0004, 1001, 2000, False),
        ("1.5", " 2 ", 1500, 2000, False),
        (None, 2, 0, 2000, True),
        (1, None, 1000, 1000, True),
        ("soon", {}, 0, 0, True),
        (True, [], 0, 0, True),
        (-3, 2, 0, 2000, True),
        (-3, -2, 0, 0, True),
        (5.5, 2, 5500, 5500, True),
        (0, 1e38, 0, MAX_MS, True),
        ("1e999", "nan", 0, 0, True),
        (float("inf"), float("nan"), 0, 0, True),
        (10**30, 1, 0, 1000, True),
        (360_000, 360_000, MAX_MS, MAX_MS, False),
    ],
)
def test_times_become_milliseconds_in_range(start: Any, end: Any, start_ms: int, end_ms: int, is_odd: bool) -> None:
    text = "Long enough to be speech. " * 10_000
    answer = read_run(1, {"transcript": [line(start, end, text[:90_000])]})
    assert [(cue.start_ms, cue.end_ms) for cue in answer.dubs[0].cues] == [(start_ms, end_ms)]
    assert answer.hints == ((TIMES_HINT.format("1 line"),) if is_odd else ())


def test_a_missing_start_is_the_end_of_the_line_before() -> None:
    assert cues_of(line(1.5, 4, "a"), line(None, 6, "b"), line(None, None, "c")) == (
        CueAnswer(1500, 4000, "Ana", "a"),
        CueAnswer(4000, 6000, "Ana", "b"),
        CueAnswer(6000, 6000, "Ana", "c"),
    )


def test_lines_are_sorted_by_start_and_otherwise_keep_their_order() -> None:
    answer = read_run(1, {"transcript": [line(2, 3, "c"), line(1, 9, "a"), line(1, 2, "b")]})
    assert [cue.text for cue in answer.dubs[0].cues] == ["a", "b", "c"]
    assert answer.hints == (ORDER_HINT,)


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        ([line(0, 5000, "Hello, this is a sample transcript.")], [(0, 5000)]),
        ([line("0", "900", "はい、そうです"), line(1200.0, 4100, "Guten Tag")], [(0, 900), (1200, 4100)]),
        # One impossible number does not speak for the others, and a missing one says nothing.
        ([line(0, 900), line(900, 2000), line(2000, 10**15), line(None, None)], [(0, 900), (900, 2000)]),
    ],
)
def test_milliseconds_are_recognised_by_the_speed_of_speech(lines: list[Any], times: list[Any]) -> None:
    answer = read_run(1, {"transcript": lines})
    assert [(cue.start_ms, cue.end_ms) for cue in answer.dubs[0].cues][: len(times)] == times
    assert answer.hints[0] == MS_HINT


@pytest.mark.parametrize(
    "lines",
    [
        [line(0, 5000.5)],  # not whole
        [line(0, 10, "Hm.")],  # slow, but no speech as milliseconds either
        [line(0, 60, "♪")],
        [line(0, 600, "A chapter that is read aloud in one go. " * 30)],
        [line(0, 2), line(2, 4), line(4, 5000)],  # one odd line
        [line(5000, None), line(5000, 5000)],  # nothing lasts, so nothing tells
    ],
)
def test_seconds_are_left_alone(lines: list[Any]) -> None:
    answer = read_run(1, {"transcript": lines})
    assert MS_HINT not in answer.hints
    assert answer.dubs[0].cues[-1].start_ms == lines[-1]["start"] * 1000


@pytest.mark.parametrize(
    ("item", "cue"),
    [
        (line(text="  مرحبا 👋 e\u0301\r\nb\tc "), CueAnswer(0, 1000, "Ana", "مرحبا 👋 e\u0301\nb\tc")),
        (line(text="a\x00b\ud800c\x1b[0m\x85"), CueAnswer(0, 1000, "Ana", "a\ufffdb\ufffdc[0m")),
        (line(text=12.5, speaker=2), CueAnswer(0, 1000, "2", "12.5")),
        (line(speaker=None), CueAnswer(0, 1000, "", "Hola")),
        (line(speaker=["Ana"]), CueAnswer(0, 1000, "", "Hola")),
        (line(speaker=" Ana\n María \x00"), CueAnswer(0, 1000, "Ana María \ufffd", "Hola")),
        (line(speaker="s" * 10_000), CueAnswer(0, 1000, "s" * 200, "Hola")),
        (line() | {"confidence": [1]}, CueAnswer(0, 1000, "Ana", "Hola")),
        ("Hola", CueAnswer(0, 0, "", "Hola")),
    ],
)
def test_what_is_readable_in_a_line_is_kept(item: object, cue: CueAnswer) -> None:
    assert cues_of(item) == (cue,)


def test_lines_without_text_are_left_out_and_counted() -> None:
    empty: list[Any] = [
        line(text=None),
        line(text=" \x01\n"),
        line(text=True),
        5,
        None,
        [],
        {},
    ]
    answer = read_run(1, {"transcript": [*empty, line()]})
    assert answer.dubs[0].cues == (CueAnswer(0, 1000, "Ana", "Hola"),)
    assert answer.hints == ("Left out, as it had no text: 7 lines.",)


def test_a_transcript_of_another_kind_is_named_and_not_used() -> None:
    for transcript in ("PENDING", {"0": line()}, 5):
        answer = read_run(1, {"audio_url": MP3, "transcript": transcript})
        assert answer.dubs == (DubAnswer("", "", MP3, ()),)
        assert answer.hints == ("The transcript did not come as a list of lines and could not be used.",)


def test_endless_texts_and_transcripts_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "MAX_CUES", 3)
    answer = read_run(1, {"transcript": [line(text="x" * 1_000_000), *repeat(line(), 3)]})
    assert [len(cue.text) for cue in answer.dubs[0].cues] == [100_000, 4, 4]
    assert answer.hints == ("The transcript was cut after 3 lines.", "Cut after 100,000 letters: 1 line.")


# JSON's traps


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_is_read_in_every_encoding(encoding: str) -> None:
    assert decode(json.dumps({"1": "Grüße"}, ensure_ascii=False).encode(encoding)) == {"1": "Grüße"}


def test_a_letter_in_the_wrong_charset_spoils_nothing_else() -> None:
    assert decode('{"1": "Gr\xfc\xdfe"}'.encode("latin-1")) == {"1": "Gr\ufffd\ufffde"}


def test_bare_control_characters_in_a_text_are_no_reason_to_refuse_it() -> None:
    assert decode(b'{"1": "a\nb\x00"}') == {"1": "a\nb\x00"}


def test_what_no_database_stores_is_mended_for_that_run_alone() -> None:
    body = (
        '{"1": {"a": NaN, "b": [Infinity, -1e999], "c": '
        + "9" * 5_000
        + ', "d\\u0000": "\\ud800", "e": 1, "e": 2},'
        ' "2": ' + "[" * 90 + "]" * 90 + ', "3": {"audio_url": "' + MP3 + '"}}'
    )
    value = decode(body.encode())
    assert isinstance(value, dict)
    first, second, third = (read_run(n, value[str(n)]) for n in (1, 2, 3))
    assert first.raw.decode() == '{"a":null,"b":[null,null],"c":null,"d\ufffd":"\ufffd","e":2}'
    assert first.hints == ("A field came twice; the last one counts.",)
    assert second.raw == b"[" * 50 + b"null" + b"]" * 50
    assert (third.dubs, third.hints) == ((DubAnswer("", "", MP3, ()),), ())


def test_an_answer_of_very_many_tiny_parts_is_refused_before_it_costs_memory():
    with pytest.raises(Malformed, match="more parts than is held"):
        decode(b"[" + b"[]," * 600_000 + b"[]]")
    assert decode(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001


@pytest.mark.parametrize("body", [b"", b" \n", b"<html>", b"nonsense", b'{"1": ', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode(body)


FIELDS = ["video_url", "output_audio_url", "transcript", "status", "exception_reason", "message", "es-es", "54"]
LINE_FIELDS = ["start", "end", "text", "speaker"]
TEXTS = st.text(max_size=8) | st.text(st.characters(categories=["Cc", "Cs", "Zs"]), max_size=4)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([MP4, "ERROR", "1.5", "1e999", "nan", "\u0661", 10**400, -(10**400)])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | TEXTS, inner, max_size=4)
        | st.lists(st.dictionaries(st.sampled_from(LINE_FIELDS), inner, max_size=4), max_size=4).map(
            lambda lines: {"transcript": lines}
        )
    ),
    max_leaves=25,
)


@given(VALUES)
def test_any_json_value_is_read_into_something_storable(value: object) -> None:
    answer = read_run(1, value)
    texts = [answer.failure, *answer.hints, answer.raw.decode()]
    for dub in answer.dubs:
        texts += [dub.language, dub.video_url, dub.audio_url]
        assert list(dub.cues) == sorted(dub.cues, key=lambda cue: cue.start_ms)
        for cue in dub.cues:
            texts += [cue.speaker, cue.text]
            assert 0 <= cue.start_ms <= cue.end_ms <= MAX_MS
            assert cue.text
    "".join(texts).encode()  # raises if there is a lone surrogate
    assert not any("\x00" in text or "\\u0000" in text for text in texts)
    assert len({dub.language for dub in answer.dubs}) == len(answer.dubs)
    assert answer.is_empty == (not answer.dubs and not answer.failure)
    assert read_run(1, json.loads(answer.raw, parse_constant=pytest.fail)).raw == answer.raw


# Asking


def test_two_to_five_runs_are_one_bulk_call(stand_in: StandIn, client: Client) -> None:
    for run_ids in ([1, 2], [7, 6, 5, 4, 3]):
        answers = client.fetch(run_ids)
        assert {run_id: answer.dubs[0].audio_url for run_id, answer in answers.items()} == {
            run_id: f"https://cdn.example/{run_id}.mp3" for run_id in run_ids
        }
    assert [(call.method, call.path, call.key) for call in stand_in.calls] == [
        ("POST", "/apis/dubbing-results", KEY)
    ] * 2
    assert [json.loads(call.body) for call in stand_in.calls] == [{"run_ids": [1, 2]}, {"run_ids": [7, 6, 5, 4, 3]}]


def test_a_lone_run_is_the_single_call(stand_in: StandIn, client: Client) -> None:
    stand_in.runs = {MAX_RUN_ID: FLAT}
    assert client.fetch([MAX_RUN_ID])[MAX_RUN_ID].dubs == (FLAT_DUB,)
    assert [(call.method, call.path) for call in stand_in.calls] == [("GET", f"/apis/dub-result/{MAX_RUN_ID}")]


@pytest.mark.parametrize("run_ids", [[], [1, 2, 3, 4, 5, 6], [1, 1], [0], [-1, 2], [2**63, 1]])
def test_other_ids_are_not_asked_for(stand_in: StandIn, client: Client, run_ids: list[int]) -> None:
    with pytest.raises(ValueError, match="run"):
        client.fetch(run_ids)
    assert stand_in.calls == []


def test_one_odd_run_does_not_spoil_its_mates(stand_in: StandIn, client: Client) -> None:
    stand_in.runs = {1: FLAT, 2: ABSENT, 3: ["odd"], 4: {"es-es": FLAT}, 5: {"status": "ERROR"}}
    answers = client.fetch([1, 2, 3, 4, 5])
    assert answers[1].dubs == (FLAT_DUB,)
    assert answers[2] == camb.RunAnswer(2, (), "", (), b"null")
    assert answers[3].is_empty
    assert answers[4].dubs == (DubAnswer("es-es", MP4, MP3, CUES),)
    assert answers[5].failure == "ERROR"


def test_runs_that_were_not_asked_for_are_ignored(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(200, {"1": FLAT, "3": FLAT, "02": FLAT}))
    answers = client.fetch([1, 2])
    assert list(answers) == [1, 2]
    assert answers[2].is_empty


@pytest.mark.parametrize("body", [{}, [], "x", 5, None, {"message": "hm"}, {"9": {}}])
def test_a_bulk_answer_about_none_of_the_runs_is_malformed(stand_in: StandIn, client: Client, body: Any) -> None:
    stand_in.script(Reply(200, body))
    with pytest.raises(Malformed):
        client.fetch([1, 2])


def test_a_lone_run_may_be_nothing_yet_but_not_a_list(stand_in: StandIn, client: Client) -> None:
    bodies: list[Any] = [None, {}, "PENDING"]
    for body in bodies:
        stand_in.script(Reply(200, body))
        assert client.fetch([1])[1].is_empty
    stand_in.script(Reply(200, []))
    with pytest.raises(Malformed):
        client.fetch([1])


@pytest.mark.parametrize(
    ("body", "task"),
    [
        ({"status": "success", "run_id": 1344}, TaskAnswer("SUCCESS", 1344, "", "")),
        ({"status": "PENDING", "run_id": None, "exception_reason": "NONE"}, TaskAnswer("PENDING", None, "", "")),
        (
            {"status": "ERROR", "exception_reason": "source_not_found", "message": {"code": 4}},
            TaskAnswer("ERROR", None, "SOURCE_NOT_FOUND", '{"code": 4}'),
        ),
        ({"run_id": "1344", "message": f"key {KEY}"}, TaskAnswer("", 1344, "", "key [key hidden]")),
        ({"status": 5, "run_id": 2**63}, TaskAnswer("5", None, "", "")),
        ({"run_id": True}, TaskAnswer("", None, "", "")),
    ],
)
def test_a_task_is_followed(stand_in: StandIn, client: Client, body: object, task: TaskAnswer) -> None:
    stand_in.tasks["a-1_B"] = body
    assert client.fetch_task("a-1_B") == task


@pytest.mark.parametrize("task_id", ["", "..", "a/b", "a?b", "é", "a" * 201, "a\n"])
def test_an_odd_task_id_is_not_asked_for(stand_in: StandIn, client: Client, task_id: str) -> None:
    with pytest.raises(ValueError, match="task id"):
        client.fetch_task(task_id)
    assert stand_in.calls == []


def test_languages_are_those_of_both_lists(stand_in: StandIn, client: Client) -> None:
    english = {"id": 1, "language": "English", "short_name": "en-us"}
    odd: list[Any] = [None, 5, {"id": "x"}, {"id": 2**31}]
    stand_in.script(
        Reply(200, [english, *odd]),
        Reply(200, [{"id": 54, "language": "Español", "short_name": "es-es"}, english | {"language": "Other"}]),
    )
    assert client.fetch_languages() == [
        LanguageAnswer(1, "English", "en-us"),
        LanguageAnswer(54, "Español", "es-es"),
    ]


# Trouble


def error_of(client: Client, *run_ids: int) -> camb.CambError:
    with pytest.raises(camb.CambError) as caught:
        client.fetch(run_ids or (1, 2))
    assert KEY not in "".join([str(caught.value), repr(caught.value), repr(client)])
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "blames_key", "blames_runs"),
    [
        (302, Unavailable, None, None),
        (307, Unavailable, None, None),
        (400, Refused, False, True),
        (401, Refused, True, False),
        (402, Refused, True, False),
        (403, Refused, True, True),
        (404, Refused, False, True),
        (405, Refused, False, False),
        (408, Unavailable, None, None),
        (422, Refused, False, True),
        (429, Unavailable, None, None),
        (500, Unavailable, None, None),
        (502, Unavailable, None, None),
        (599, Unavailable, None, None),
    ],
)
def test_the_code_alone_decides_the_error(
    stand_in: StandIn, client: Client, status: int, kind: type, blames_key: bool | None, blames_runs: bool | None
) -> None:
    for body in (FLAT, b"", b"<html>", b"\x1f\x8b", {"detail": [None, {"msg": 5}]}):
        stand_in.script(Reply(status, body))
        error = error_of(client)
        assert (type(error), error.http_status, error.retry_after) == (kind, status, None)
        assert getattr(error, "blames_key", None) is blames_key
        assert getattr(error, "blames_runs", None) is blames_runs


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "No\n such thing", "status": 422}, " CAMB.AI says: “No such thing”"),
        ({"detail": "No such thing"}, " CAMB.AI says: “No such thing”"),
        ({"detail": [{"loc": ["body"], "msg": "too short"}, {"msg": "not unique"}]},
         " CAMB.AI says: “too short; not unique”"),
        ({"detail": f"x-api-key: {KEY} is odd"}, " CAMB.AI says: “x-api-key: [key hidden] is odd”"),
        (b"upstream\x01 fell\tover", " CAMB.AI says: “upstream fell over”"),
        (b"a" * 1000, f" CAMB.AI says: “{'a' * 200}”"),
        (("b" * 190 + KEY).encode(), f" CAMB.AI says: “{'b' * 190}[key hidde”"),
        ({"detail": "<b>No</b>"}, ""),
        (b"<html><body>Bad gateway</body></html>", ""),
        (b"\xff\xfe\x80", ""),
        (b"nul\x00", ""),
        ({"detail": {"a": 1}}, ""),
    ],
)  # fmt: skip
def test_what_an_error_says_is_quoted_in_plain_words(
    stand_in: StandIn, client: Client, body: object, said: str
) -> None:
    stand_in.script(Reply(422, body))
    sentence = (
        "CAMB.AI did not accept the ids it was asked for. Check that each is the id of a dubbing run. (HTTP 422)"
    )
    assert str(error_of(client)) == sentence + said


def test_an_error_whose_body_breaks_off_keeps_its_code(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(404, b"x" * 100, truncate_at=5), Reply(500, b"x" * 100, truncate_at=5, reset=True))
    assert error_of(client).http_status == 404
    assert error_of(client).http_status == 500


def test_retry_after_is_read_in_both_forms_and_capped() -> None:
    now = datetime.now(UTC)
    seconds = {
        "1": 1,
        " 120 ": 120,
        "0": 0,
        "1000000000": 900,
        "9" * 5_000: 900,
        format_datetime(now - timedelta(hours=1), usegmt=True): 0,
        format_datetime(now + timedelta(hours=1), usegmt=True): 900,
        format_datetime((now + timedelta(hours=1)).replace(tzinfo=None)): 900,
        "": None,
        "-5": None,
        "1.5": None,
        "soon": None,
        "Mon, 99 Foo 2026 00:00:00 GMT": None,
    }
    assert {header: _retry_after(header) for header in seconds} == seconds
    assert _retry_after(None) is None
    in_a_minute = _retry_after(format_datetime(now + timedelta(seconds=60), usegmt=True))
    assert in_a_minute is not None
    assert 50 <= in_a_minute <= 60


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"\A\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ .{0,6}\Z"))
def test_no_retry_after_header_breaks_anything(header: str) -> None:
    assert _retry_after(header) in (None, *range(901))


def test_retry_after_comes_with_the_error(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(429, {}, {"Retry-After": "120"}), Reply(503, b"", {"Retry-After": "7"}))
    assert [error_of(client).retry_after, error_of(client).retry_after] == [120, 7]


def test_a_redirect_is_not_followed(stand_in: StandIn, client: Client) -> None:
    with StandIn(keys=[KEY]) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            stand_in.script(Reply(status, b"", {"Location": f"{elsewhere.base_url}/dubbing-results"}))
            assert type(error_of(client)) is Unavailable
        assert elsewhere.calls == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, b"<html>Sorry</html>", {"Content-Type": "text/html"}), Malformed),
        (Reply(200, b""), Malformed),
        (Reply(204, b"", {"Content-Length": None}), Malformed),
        (Reply(200, b'{"1": {}}', truncate_at=5), Unavailable),
        (Reply(200, b'{"1": {}}', truncate_at=5, reset=True), Unavailable),
        (Reply(None, b"", reset=True), Unavailable),
        (Reply(None, b"what is HTTP?\r\n\r\n"), Unavailable),
        (Reply(200, b"no gzip", {"Content-Encoding": "gzip"}), Unavailable),
        (Reply(None, b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n"), Unavailable),
    ],
)
def test_a_broken_answer_is_one_of_our_errors(stand_in: StandIn, client: Client, reply: Reply, kind: type) -> None:
    stand_in.script(reply)
    assert type(error_of(client)) is kind
    assert client.fetch([1, 2]).keys() == {1, 2}


def test_json_counts_whatever_its_label(stand_in: StandIn, client: Client) -> None:
    body = json.dumps({"1": FLAT, "2": None}).encode()
    stand_in.script(
        Reply(200, body, {"Content-Type": "text/plain; charset=latin-1"}),
        Reply(200, b"\xef\xbb\xbf" + body, {"Content-Type": None}),
        Reply(200, gzip.compress(body), {"Content-Encoding": "gzip"}),
        Reply(200, iter([body[:7], body[7:]])),
    )
    assert [client.fetch([1, 2])[1].dubs for _ in range(4)] == [(FLAT_DUB,)] * 4


@pytest.mark.parametrize("packing", ["plain", "gzip"])
def test_a_huge_answer_costs_neither_memory_nor_time(stand_in: StandIn, packing: str) -> None:
    zeros = b"0" * 2**20
    pieces: Iterator[bytes] = repeat(zeros)  # without end
    if packing == "gzip":
        pieces = iter([gzip.compress(zeros * 64)])
    stand_in.script(Reply(200, pieces, {"Content-Encoding": "gzip"} if packing == "gzip" else {}))
    with make_client(stand_in, max_bytes=2**20) as client:
        tracemalloc.start()
        try:
            error = error_of(client)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert str(error) == "CAMB.AI's answer is larger than 1 MB and was not read. It will be asked again later."
    assert peak < 8 * 2**20


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b" " * 1000, drip=0.1),
        Reply(500, b" " * 1000, drip=0.1),
        Reply(200, iter([b" "] * 1000), drip=0.1),
        Reply(None, HEAD + b"x: y\r\n" * 80, drip=0.1),
        Reply(None, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 1000, drip=0.1),
        Reply(200, delay=60),
        Reply(200, iter([b"{", b""]), drip=60),
    ],
    ids=["body", "error", "chunks", "headers", "chunk size", "silence", "stall"],
)
def test_a_slow_answer_is_cut_at_the_deadline(stand_in: StandIn, reply: Reply) -> None:
    stand_in.script(reply)
    with make_client(stand_in, read_seconds=30, total_seconds=0.3) as client:
        started = monotonic()
        error = error_of(client)
        assert monotonic() - started < 30  # each takes a minute by itself
    assert type(error) is Unavailable
    if error.http_status is None:
        assert str(error) == "CAMB.AI's server at 127.0.0.1 did not answer in time. It will be asked again later."


def test_a_silent_server_is_left_after_the_read_time_out(stand_in: StandIn) -> None:
    stand_in.script(Reply(200, delay=60))
    with make_client(stand_in, read_seconds=0.2) as client:
        started = monotonic()
        assert "did not answer in time" in str(error_of(client))
        assert monotonic() - started < 30


def test_one_slow_answer_does_not_shorten_the_next(stand_in: StandIn) -> None:
    stand_in.script(Reply(200, b"x" * 1000, drip=0.1))
    stand_in.runs[1] = FLAT
    with make_client(stand_in, total_seconds=0.3) as client:
        assert type(error_of(client, 1)) is Unavailable
        client._total_seconds = 60
        assert client.fetch([1])[1].dubs == (FLAT_DUB,)


def test_a_server_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = error_of(Client(f"http://127.0.0.1:{port}/apis", KEY))
    assert (type(error), error.http_status) == (Unavailable, None)

    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    error = error_of(Client("http://camb.example/apis", KEY))
    assert str(error) == (
        "CAMB.AI's server at camb.example could not be reached. It will be asked again later. "
        "If this lasts, check the network and CAMB_BASE_URL."
    )


@pytest.mark.parametrize(
    "base_url", ["", "camb.example", "ftp://camb.example", "http://", "http://[::1", "http://a..b"]
)
def test_an_unusable_address_is_said_to_be_so(base_url: str) -> None:
    assert str(error_of(Client(base_url, KEY))) == "CAMB.AI's address is not a usable one. Check CAMB_BASE_URL."


@pytest.mark.parametrize("key", ["", " ", "two words", "line\nbreak", "schlüssel", "\u2028", "nul\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_a_call(stand_in: StandIn, key: str) -> None:
    with pytest.raises(Refused) as caught:
        Client(stand_in.base_url, key).fetch([1, 2])
    assert caught.value.blames_key
    assert not caught.value.blames_runs
    assert str(caught.value) == "This API key holds characters that no key has. Paste it again on the team's page."
    assert stand_in.calls == []


def test_a_key_that_is_echoed_is_masked(stand_in: StandIn, client: Client) -> None:
    escaped = json.dumps(KEY).replace("/", "\\/").replace("s", "\\u0073")
    first = f'{{"video_url": "https://cdn.example/{KEY}", "audio_url": "{MP3}", {escaped}: {escaped}}}'
    body = f'{{"1": {first}, "2": {escaped}}}'
    stand_in.script(Reply(200, body.encode()))
    answers = client.fetch([1, 2])
    assert KEY not in repr(answers)
    assert answers[1].dubs == (DubAnswer("", "", MP3, ()),)
    assert json.loads(answers[1].raw)["[key hidden]"] == "[key hidden]"
    assert answers[2].hints == ("CAMB.AI says only “[key hidden]”.",)


def test_a_short_key_leaves_the_words_of_a_transcript_alone(stand_in: StandIn) -> None:
    stand_in.keys.add("demo")
    stand_in.runs[1] = {"transcript": [line(text="A demo for democrats")]}
    with Client(stand_in.base_url, "demo") as client:
        assert client.fetch([1])[1].dubs[0].cues[0].text == "A demo for democrats"


def test_a_proxy_is_used_without_a_password_of_netrc_and_never_for_this_machine(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{stand_in.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    stand_in.rule = lambda call: Reply(200, FLAT)
    for base_url in ("http://camb.example/apis", stand_in.base_url):
        with Client(base_url, KEY) as client:
            assert client.fetch([1])[1].dubs == (FLAT_DUB,)
    assert [call.path for call in stand_in.calls] == ["http://camb.example/apis/dub-result/1", "/apis/dub-result/1"]
    assert [call.headers["Authorization"] for call in stand_in.calls] == [None, None]


def test_a_certificate_that_nobody_trusts_is_refused_before_the_key_is_sent(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = make_tls(tmp_path).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        error = error_of(Client(f"https://127.0.0.1:{server.server_port}/apis", KEY))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert type(error) is Unavailable
    assert str(error) == (
        "CAMB.AI's server at 127.0.0.1 has no certificate that can be trusted. It will be asked again later."
    )
    assert asked == []


def make_tls(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    both = folder / "both.pem"
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context
