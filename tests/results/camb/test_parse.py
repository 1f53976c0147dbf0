"""Parsing of CAMB.AI's answers in all their forms, down to arbitrary JSON."""

import json
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.camb import CueAnswer, DubAnswer, KnownTimes, Malformed, parse, reread_run
from results.camb.notes import MAX_NOTES
from results.camb.parse import decode, read_run, read_task
from results.camb.times import MAX_MS
from tests.results.camb.cases import CUES, FLAT, FLAT_DUB, LINES, MP3, MP4, line

TIMES_NOTE = "The time of {} was corrected: it was missing, negative, reversed or beyond 100 hours."
ORDER_NOTE = "The lines came out of order and were sorted by time."
MS_NOTE = "The times came in milliseconds instead of seconds and were converted."


def cues_of(*lines: Any) -> tuple[CueAnswer, ...]:
    dubs = read_run(1, {"transcript": list(lines)}).dubs
    return dubs[0].cues if dubs else ()


# Results, failures and empty answers


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
        (
            {"es-x-" + "-".join(["private"] * 9): FLAT},
            (DubAnswer("es-x-private-private-private-privat", MP4, MP3, CUES),),
        ),
    ],
)
def test_every_form_of_a_result_becomes_dubs(value: object, dubs: tuple[DubAnswer, ...]) -> None:
    answer = read_run(7, value)
    assert (answer.run_id, answer.dubs, answer.failure, answer.notes) == (7, dubs, "", ())
    assert not answer.is_empty
    assert json.loads(answer.raw) == value


@pytest.mark.parametrize(
    ("value", "notes"),
    [
        (None, ()),
        ({}, ()),
        ("", ()),
        ({"video_url": None, "audio_url": None, "transcript": None}, ()),
        ({"video_url": "", "audio_url": "", "transcript": []}, ()),
        ({"es-es": None, "fr-fr": {}}, ()),
        ({"status": "pending"}, ()),
        ({"status": "SUCCESS", "exception_reason": "NONE"}, ()),
        ({"status": "UNKNOWN", "exception_reason": None}, ()),
        ({"metadata": {"width": 1920}}, ()),
        ("PENDING", ("CAMB.AI says only “PENDING”.",)),
        ({"error": "Run not found", "status": 404}, ("CAMB.AI says: “Run not found”",)),
        ([], ("CAMB.AI answered in a form that Dubroom does not know.",)),
        (5, ("CAMB.AI answered in a form that Dubroom does not know.",)),
        (True, ("CAMB.AI answered in a form that Dubroom does not know.",)),
    ],
)
def test_answer_without_a_result_is_empty_and_not_failed(value: object, notes: tuple[str, ...]) -> None:
    answer = read_run(1, value)
    assert answer.is_empty
    assert (answer.dubs, answer.failure, answer.notes) == ((), "", notes)


@pytest.mark.parametrize(
    ("value", "failure"),
    [
        ({"status": "ERROR", "exception_reason": "SOURCE_TOO_LONG"}, "SOURCE_TOO_LONG"),
        ({"status": "error", "exception_reason": " source_too_long "}, "SOURCE_TOO_LONG"),
        ({"status": "Error", "exception_reason": "NONE"}, "ERROR"),
        ({"status": "ERROR", "exception_reason": {"code": 1}}, "ERROR"),
        ({"status": "TIMEOUT"}, "TIMEOUT"),
        ({"status": "payment_required", "transcript": None}, "PAYMENT_REQUIRED"),
        ({"exception_reason": "brand new\nreason" + "x" * 200}, "BRAND NEW REASON" + "X" * 84),
        ("ERROR", "ERROR"),
        ("harmful_content_detected", "HARMFUL_CONTENT_DETECTED"),
        ({"es-es": {"status": "ERROR", "exception_reason": "FORBIDDEN"}, "fr-fr": None}, "FORBIDDEN"),
    ],
)
def test_failing_status_or_reason_is_a_failure(value: object, failure: str) -> None:
    answer = read_run(1, value)
    assert (answer.dubs, answer.failure, answer.is_empty) == ((), failure, False)


def test_failed_language_beside_a_ready_one_is_a_note() -> None:
    answer = read_run(1, {"es-es": FLAT, "fr-fr": {"status": "ERROR", "exception_reason": "INTERNAL_ERROR"}})
    assert answer.dubs == (DubAnswer("es-es", MP4, MP3, CUES),)
    assert answer.failure == ""
    assert answer.notes == ("fr-fr: Something went wrong at CAMB.AI. Start the dub again in CAMB.AI.",)


def test_languages_that_are_equal_once_cleaned_are_one_dub() -> None:
    answer = read_run(1, {"es": FLAT, " es": {"audio_url": MP3}})
    assert answer.dubs == (DubAnswer("es", MP4, MP3, CUES),)
    assert answer.notes == ("More dubs came than could be told apart; only the first ones were kept.",)


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
    assert answer.notes == ("The video link was unusable.",)


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:8090/a.mp4", "HTTPS://cdn.example/%C3%A9.mp4?a=%20&b='\"<>", MP4]
)
def test_usable_link_is_not_changed(link: str) -> None:
    assert read_run(1, {"video_url": f" {link}\n"}).dubs == (DubAnswer("", link, "", ()),)


# Transcripts


@pytest.mark.parametrize(
    ("start", "end", "start_ms", "end_ms", "is_corrected"),
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
def test_times_become_milliseconds_in_range(
    start: Any, end: Any, start_ms: int, end_ms: int, is_corrected: bool
) -> None:
    text = "Long enough to be speech. " * 10_000
    answer = read_run(1, {"transcript": [line(start, end, text[:90_000])]})
    assert [(cue.start_ms, cue.end_ms) for cue in answer.dubs[0].cues] == [(start_ms, end_ms)]
    assert answer.notes == ((TIMES_NOTE.format("1 line"),) if is_corrected else ())


def test_missing_start_is_the_end_of_the_line_before() -> None:
    assert cues_of(line(1.5, 4, "a"), line(None, 6, "b"), line(None, None, "c")) == (
        CueAnswer(1500, 4000, "Ana", "a"),
        CueAnswer(4000, 6000, "Ana", "b"),
        CueAnswer(6000, 6000, "Ana", "c"),
    )


def test_lines_without_any_end_last_until_the_next_one() -> None:
    assert cues_of(line(1.5, None, "a"), line(4, None, "b")) == (
        CueAnswer(1500, 4000, "Ana", "a"),
        CueAnswer(4000, 4000, "Ana", "b"),
    )


def test_lines_are_sorted_by_start_and_otherwise_keep_their_order() -> None:
    answer = read_run(1, {"transcript": [line(2, 3, "c"), line(1, 9, "a"), line(1, 2, "b")]})
    assert [cue.text for cue in answer.dubs[0].cues] == ["a", "b", "c"]
    assert answer.notes == (ORDER_NOTE,)


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        ([line(0, 5000, "Hello, this is a sample transcript.")], [(0, 5000)]),
        ([line("0", "900", "はい、そうです"), line(1200.0, 4100, "Guten Tag")], [(0, 900), (1200, 4100)]),
        # One impossible number does not decide for the others, and a missing one is no evidence.
        ([line(0, 900), line(900, 2000), line(2000, 10**15), line(None, None)], [(0, 900), (900, 2000)]),
    ],
)
def test_milliseconds_are_recognised_by_the_speed_of_speech(lines: list[Any], times: list[Any]) -> None:
    answer = read_run(1, {"transcript": lines})
    assert [(cue.start_ms, cue.end_ms) for cue in answer.dubs[0].cues][: len(times)] == times
    assert answer.notes[0] == MS_NOTE


@pytest.mark.parametrize(
    "lines",
    [
        [line(0, 5000.5)],  # not whole
        [line(0, 10, "Hm.")],  # slow, but too fast for speech in milliseconds
        [line(0, 60, "♪")],
        [line(0, 600, "A chapter that is read aloud in one go. " * 30)],
        [line(0, 2), line(2, 4), line(4, 5000)],  # a single line with a large number
        [line(5000, None), line(5000, 5000)],  # no line has a duration, so there is no evidence
    ],
)
def test_seconds_are_not_taken_for_milliseconds(lines: list[Any]) -> None:
    answer = read_run(1, {"transcript": lines})
    assert MS_NOTE not in answer.notes
    assert answer.dubs[0].cues[-1].start_ms == lines[-1]["start"] * 1000


@pytest.mark.parametrize(
    ("item", "cue"),
    [
        (line(text="  مرحبا 👋 e\u0301\r\nb\tc "), CueAnswer(0, 1000, "Ana", "مرحبا 👋 e\u0301\nb\tc")),
        (line(text="a\x00b\ud800c\x1b[0m\x85"), CueAnswer(0, 1000, "Ana", "a\ufffdb\ufffdc[0m")),
        (line(text=12.5, speaker=2), CueAnswer(0, 1000, "2", "12.5")),
        (line(speaker=None), CueAnswer(0, 1000, "", "Hola")),
        (line(speaker=["Ana", "Ben"]), CueAnswer(0, 1000, "Ana, Ben", "Hola")),
        (
            line(text=None) | {"words": [{"word": "Ho", "start": 0}, {"word": "la"}]},
            CueAnswer(0, 1000, "Ana", "Ho la"),
        ),
        (line(speaker=" Ana\n María \x00"), CueAnswer(0, 1000, "Ana María \ufffd", "Hola")),
        (line(speaker="s" * 10_000), CueAnswer(0, 1000, "s" * 200, "Hola")),
        (line() | {"confidence": [1]}, CueAnswer(0, 1000, "Ana", "Hola")),
        ("Hola", CueAnswer(0, 0, "", "Hola")),
    ],
)
def test_readable_parts_of_a_line_are_kept(item: object, cue: CueAnswer) -> None:
    assert cues_of(item) == (cue,)


def test_lines_without_text_are_left_out_and_counted() -> None:
    empty: list[Any] = [
        line(text=None),
        line(text=" \x01\n"),
        line(text="\u200b\ufeff \u202e"),
        line(text=True),
        5,
        None,
        [],
        {},
    ]
    answer = read_run(1, {"transcript": [*empty, line()]})
    assert answer.dubs[0].cues == (CueAnswer(0, 1000, "Ana", "Hola"),)
    assert answer.notes == ("8 lines were left out because they had no text.",)


def test_transcript_that_is_not_a_list_is_reported_and_not_used() -> None:
    for transcript in ("PENDING", {"first": line()}, 5):
        answer = read_run(1, {"audio_url": MP3, "transcript": transcript})
        assert answer.dubs == (DubAnswer("", "", MP3, ()),)
        assert answer.notes == ("The transcript was not a list of lines and could not be used.",)


def test_overlong_texts_and_transcripts_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "MAX_CUES", 3)
    answer = read_run(1, {"transcript": [line(text="x" * 1_000_000), *repeat(line(), 3)]})
    assert [len(cue.text) for cue in answer.dubs[0].cues] == [100_000, 4, 4]
    assert answer.notes == ("The transcript was cut after 3 lines.", "1 line was cut after 100,000 characters.")


# Decoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_is_read_in_every_encoding(encoding: str) -> None:
    assert decode(json.dumps({"1": "Grüße"}, ensure_ascii=False).encode(encoding)) == {"1": "Grüße"}


def test_letter_in_the_wrong_charset_spoils_nothing_else() -> None:
    assert decode('{"1": "Gr\xfc\xdfe"}'.encode("latin-1")) == {"1": "Gr\ufffd\ufffde"}


def test_lines_whose_letters_came_damaged_are_told() -> None:
    body = json.dumps({"transcript": [line(text="Gr\xfc\xdfe"), line(text="Hallo")]}, ensure_ascii=False)
    [note] = read_run(1, decode(body.encode("latin-1"))).notes
    assert note == "1 line has letters that came damaged; they are shown as \ufffd."
    assert read_run(1, {"transcript": [line(text="a\x00b"), line(text="\ud800")]}).notes == (
        "2 lines have letters that came damaged; they are shown as \ufffd.",
    )


def test_unescaped_control_characters_are_accepted() -> None:
    assert decode(b'{"1": "a\nb\x00"}') == {"1": "a\nb\x00"}


def test_unstorable_values_are_replaced_in_their_run_only() -> None:
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
    assert first.notes == ("A field came twice; the last one counts.",)
    assert second.raw == b"[" * 50 + b"null" + b"]" * 50
    assert (third.dubs, third.notes) == ((DubAnswer("", "", MP3, ()),), ())


def test_answer_of_too_many_tiny_parts_is_rejected_before_it_fills_memory() -> None:
    with pytest.raises(Malformed, match="too large to read"):
        decode(b"[" + b"[]," * 600_000 + b"[]]")
    assert decode(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001


@pytest.mark.parametrize("body", [b"", b" \n", b"<html>", b"nonsense", b'{"1": ', b"\xff\xfe", b"[" * 100_000])
def test_body_that_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode(body)


FIELDS = [
    "video_url", "output_audio_url", "transcript", "status", "exception_reason", "message", "es-es", "54", "result",
    "dubs", "dubbedVideoUrl", "segments", "language", "error", "run_id", "Spanish (Spain)", "main",
]  # fmt: skip
LINE_FIELDS = ["start", "end", "text", "speaker"]
TEXTS = st.text(max_size=8) | st.text(st.characters(categories=["Cc", "Cs", "Zs"]), max_size=4)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(
        [
            MP4,
            "ERROR",
            "1.5",
            "1e999",
            "nan",
            "\u0661",
            "00:01:02,5",
            "-1:02",
            "90000 ms",
            "&#39;",
            "&amp;#0;",
            "CANCELLED",
            "\x0b",
            10**400,
            -(10**400),
        ]
    )
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


KNOWN = st.builds(KnownTimes, st.sampled_from(["", "seconds", "milliseconds"]), st.sampled_from([0, 1, 90_000]))


@given(VALUES, KNOWN)
def test_any_json_value_is_parsed_into_storable_data(value: object, known: KnownTimes) -> None:
    answer = read_run(1, value, known=known)
    texts = [answer.failure, answer.message, *answer.notes, answer.raw.decode()]
    assert len(answer.notes) <= MAX_NOTES
    for dub in answer.dubs:
        texts += [dub.language, dub.video_url, dub.audio_url]
        assert list(dub.cues) == sorted(dub.cues, key=lambda cue: cue.start_ms)
        for cue in dub.cues:
            texts += [cue.speaker, cue.text]
            assert 0 <= cue.start_ms <= cue.end_ms <= MAX_MS
            assert cue.text
    "".join(texts).encode()  # raises an error for a lone surrogate
    assert not any("\x00" in text or "\\u0000" in text for text in texts)
    assert len({dub.language for dub in answer.dubs}) == len(answer.dubs)
    assert answer.is_empty == (not answer.dubs and not answer.failure)
    assert read_run(1, json.loads(answer.raw, parse_constant=pytest.fail)).raw == answer.raw
    assert reread_run(answer, known).dubs == answer.dubs


@given(st.dictionaries(st.sampled_from(FIELDS) | TEXTS, VALUES, max_size=5) | VALUES)
def test_any_json_value_is_a_storable_task_or_malformed(value: object) -> None:
    if not isinstance(value, dict):
        with pytest.raises(Malformed):
            read_task(value)
        return
    task = read_task(value)
    texts = "".join([task.status, task.failure, task.message, *task.notes, task.raw.decode()])
    assert "\x00" not in texts.encode().decode()
    assert task.run_id is None or 0 < task.run_id < 2**63
    assert not (task.run_id and task.notes)
