"""The lines of a transcript under other names than the contract's, and texts that are no lines."""

from typing import Any

import pytest

from results.camb import CueAnswer, DubAnswer, notes
from results.camb.parse import read_run
from tests.results.camb.cases import CUES, FLAT, MP3, MP4

BOTH_TEXTS = "The lines came with two texts each, of which the translation was taken."


@pytest.mark.parametrize(
    "line",
    [
        {"start": 0, "end": 1.5, "speaker": "Ana", "text": "", "translated_text": "Hola"},
        {"start": None, "start_time": 0, "end": "", "endTime": 1.5, "speaker": "Ana", "text": "Hola"},
        {"start": 0, "end": 1.5, "speaker": None, "speaker_name": "Ana", "text": "Hola"},
        {"start_ms": 0, "end_ms": 1500, "speaker": "Ana", "text": "Hola"},
        {"startMs": "0", "endMilliseconds": "1500", "speaker": "Ana", "text": "Hola"},
        {"start_seconds": 0, "end_sec": 1.5, "speaker": "Ana", "text": "Hola"},
        {"from": 0, "to": 1.5, "speaker": "Ana", "content": "Hola"},
        {"start": 0, "duration": 1.5, "speaker": "Ana", "dialogue": "Hola"},
        {"start": 0, "finish": 1.5, "speaker": "Ana", "word": "Hola"},
        {"timecode_in": "00:00:00.000", "timecode_out": "00:00:01.500", "speaker": "Ana", "text": "Hola"},
        {"start_ms": 0, "duration_ms": 1500, "speaker": "Ana", "line": "Hola"},
        {"timestamp": [0, 1.5], "speaker_id": "Ana", "text": "Hola"},
        {"timestamps": {"from": "00:00:00,000", "to": "00:00:01,500"}, "speaker": "Ana", "text": " Hola"},
        {"timestamps": {"from": "00:00:00,000", "to": "00:00:01,500"}, "offsets": {"from": 0, "to": 1500},
         "speaker": "Ana", "text": " Hola"},
        {"offsets": {"from": "00:00:00,000", "to": "00:00:01,500"}, "speaker": "Ana", "text": " Hola"},
        {"timestamp": "00:00:00,000 --> 00:00:01,500", "speaker": "Ana", "text": "Hola"},
        {"time": "0:00 - 0:01.5", "speaker": "Ana", "text": "Hola"},
        {"offset": "PT0S", "duration": "PT1.5S", "speaker": "Ana", "text": "Hola"},
        {"offsetInTicks": 0, "durationInTicks": 15_000_000, "speaker": "Ana", "text": "Hola"},
        {"startOffset": "0s", "endOffset": "1.500s", "speaker": "Ana", "text": "Hola"},
        {"start_us": 0, "end_us": 1_500_000, "speaker": "Ana", "text": "Hola"},
        {"start_ns": 0, "end_ns": 1_500_000_000, "speaker": "Ana", "text": "Hola"},
        {"Start": 0, "End": 1.5, "Speaker": {"id": 3, "name": "Ana"}, "Text": ["Hola"]},
    ],
)  # fmt: skip
def test_a_line_is_read_by_its_values_under_any_names(line: dict[str, Any]) -> None:
    for value in ({"transcript": [line]}, {"segments": [line]}, {"transcript": [{"text": ""}] * 9 + [line]}):
        answer = read_run(1, value)
        assert [dub.cues for dub in answer.dubs] == [CUES]
        assert BOTH_TEXTS not in answer.notes


def test_rows_of_start_end_and_text_are_lines() -> None:
    for value in ({"transcript": [[0, 1.5, "Hola"]]}, {"es-es": {"segments": [["00:00", 1.5, "Hola", 0.9]]}}):
        assert [dub.cues for dub in read_run(1, value).dubs] == [(CueAnswer(0, 1500, "", "Hola"),)]


def test_of_a_text_and_its_translation_the_latter_is_the_dub() -> None:
    line = {"start": 0, "end": 1.5, "speaker": "Ana", "text": "Hello", "translated_text": "Hola"}
    answer = read_run(1, {"transcript": [line, line]})
    assert [cue.text for cue in answer.dubs[0].cues] == ["Hola", "Hola"]
    assert answer.notes == (BOTH_TEXTS,)
    assert read_run(1, {"transcript": [line | {"text": "Hola"}]}).notes == ()


def test_a_length_in_another_unit_than_the_start_makes_no_end() -> None:
    answer = read_run(1, {"transcript": [{"start": "00:00:01", "duration": 2, "text": "Hola"}]})
    assert answer.dubs[0].cues == (CueAnswer(1000, 1000, "", "Hola"),)
    assert "The time of 1 line was corrected" in answer.notes[0]


def test_a_text_of_several_rows_keeps_them() -> None:
    answer = read_run(1, {"transcript": [{"start": 0, "end": 1, "text": ["Hola,", "", "Ana"]}]})
    assert answer.dubs[0].cues[0].text == "Hola,\nAna"


@pytest.mark.parametrize("text", ["Still processing, please wait", "Queued", "The dub is not ready", "In progress"])
def test_a_notice_in_place_of_a_transcript_is_none(text: str) -> None:
    for value in ({"transcript": [{"text": text}]}, {"transcript": [text]}, {"data": [{"text": text}]}):
        answer = read_run(1, value)
        assert (answer.is_empty, answer.notes) == (True, (f"CAMB.AI says: “{text}”",))
    spoken = {"start": 0, "end": 1.5, "speaker": "Ana", "text": text}
    assert read_run(1, {"transcript": [spoken]}).dubs
    assert read_run(1, {"transcript": [{"text": text}, {"text": "Hola"}]}).dubs
    assert read_run(1, FLAT | {"transcript": [{"text": text}]}).dubs == (DubAnswer("", MP4, MP3, ()),)


def test_texts_without_times_outside_the_contract_are_reported() -> None:
    for name in ("segments", "lines", "transcription"):
        answer = read_run(1, {name: [{"text": "Hola"}, {"text": "Adiós"}]})
        assert (answer.is_empty, answer.notes) == (True, (str(notes.UNKNOWN_FORM),))
    assert read_run(1, {"status": "PENDING", "segments": [{"id": 1, "progress": 5}]}).notes == ()
    assert read_run(1, {"data": [{"text": "Hola", "time": "2026-01-01T10:00:00Z"}]}).is_empty
