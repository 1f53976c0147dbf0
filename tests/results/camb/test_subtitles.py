"""Transcripts that come as the text of a subtitle file, or as an object of number → line."""

from typing import Any

import pytest

from results.camb import CueAnswer
from results.camb.parse import read_run
from tests.results.camb.cases import MP3

NO_LIST = "The transcript was not a list of lines and could not be used."
CUES = (CueAnswer(1000, 2500, "", "Hola\n¿Qué tal?"), CueAnswer(3000, 4000, "", "5"))
SPOKEN = (CueAnswer(1000, 2500, "Ana", "Hola\n¿Qué tal?"), CueAnswer(3000, 4000, "", "5"))
LINES = [{"start": 1, "end": 2.5, "text": "Hola\n¿Qué tal?"}, {"start": 3, "end": 4, "text": "5"}]
SRT = "1\n00:00:01,000 --> 00:00:02,500\nHola\n¿Qué tal?\n\n2\n00:00:03,000 --> 00:00:04,000\n5\n"
VTT = (
    "WEBVTT - Spanish\nKind: captions\n\nNOTE made by hand\n\nSTYLE\n::cue { color: red }\n\n"
    "first\n00:01.000 --> 00:02.500 align:start\n<v Ana><i>Hola</i>\n¿<c.loud>Qué</c> tal?\n\n"
    "NOTE the end\n\nsecond\n00:03.000 --> 00:04.000\n5\n"
)


@pytest.mark.parametrize("field", ["transcript", "subtitles"])
@pytest.mark.parametrize(
    ("transcript", "cues"),
    [
        (SRT, CUES),
        ("\ufeff" + SRT.replace("\n", "\r\n"), CUES),
        (SRT.replace("\n\n", "\n"), CUES),
        (SRT.replace("1\n", "", 1).replace("\n2\n", "\n"), CUES),
        (SRT.replace("Hola\n", "<i>Hola</i>\n\n"), (CUES[0]._replace(text="Hola\n\n¿Qué tal?"), CUES[1])),
        (VTT, SPOKEN),
        ({"0": LINES[0], "1": LINES[1]}, CUES),
        ({"2": LINES[1], "1": LINES[0]}, CUES),
    ],
)
def test_a_transcript_is_read_as_a_subtitle_file_or_by_its_numbers(field: str, transcript: Any, cues: Any) -> None:
    result = {"audio_url": MP3, field: transcript}
    for value, language in ((result, ""), ({"es-es": result}, "es-es")):
        answer = read_run(1344, value)
        assert [(dub.language, dub.audio_url, dub.cues) for dub in answer.dubs] == [(language, MP3, cues)]
        assert answer.notes == ()


@pytest.mark.parametrize(
    "transcript",
    [
        "Hola",
        "Ana says:\n00:00:01,000 --> 00:00:02,500\nHola",
        "00:00:01 to 00:00:02\nHola",
        {"1": LINES[0], "3": LINES[1]},
        {"1": LINES[0], "01": LINES[1]},
        {"0": "Hola", "1": "5"},
    ],
)
def test_another_text_or_object_is_reported(transcript: Any) -> None:
    answer = read_run(1344, {"audio_url": MP3, "transcript": transcript})
    assert all(dub.cues == () for dub in answer.dubs)
    assert answer.notes
