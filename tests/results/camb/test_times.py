"""Times in CAMB.AI's answers: numbers, texts and clocks, in seconds or milliseconds."""

from collections.abc import Callable
from typing import Any

import pytest

from results.camb import KnownTimes
from results.camb.notes import (
    ANOTHER_UNIT,
    FINER_UNIT_TAKEN,
    MILLISECONDS_TAKEN,
    POINTS_IN_TIME_TAKEN,
    SECONDS_TAKEN,
)
from results.camb.parse import read_run, reread_run
from tests.results.camb.cases import MP3, line

SPEECH = ["Hello there, and welcome to the show.", "Today we talk about tea.", "And about the kettle.", "Goodbye!"]
CHINESE = ["大家好，欢迎收看今天的节目。", "今天我们来谈谈茶。", "还有水壶。", "再见！"]
UNIT_WORDS = ("milliseconds", "seconds")


def times_of(*lines: Any, **known: Any) -> list[tuple[int, int]]:
    answer = read_run(1, {"audio_url": MP3, "transcript": list(lines)}, known=KnownTimes(**known))
    return [(cue.start_ms, cue.end_ms) for cue in answer.dubs[0].cues]


def unit_notes(*lines: Any, **known: Any) -> list[str]:
    answer = read_run(1, {"audio_url": MP3, "transcript": list(lines)}, known=KnownTimes(**known))
    return [note for note in answer.notes if "seconds" in note]


# Clocks


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("00:00:01,200", "00:00:03,400", (1_200, 3_400)),
        ("00:00:01.200", "00:00:03.400", (1_200, 3_400)),
        ("0:01:05.000", "0:01:07.5", (65_000, 67_500)),
        ("1:02:03,456", "1:02:04", (3_723_456, 3_724_000)),
        ("01:05", "01:07", (65_000, 67_000)),
        ("1:05", "1:07.25", (65_000, 67_250)),
        (" 75:30 ", "75:31", (4_530_000, 4_531_000)),
        ("00:00:01:200", "00:00:03:400", (1_200, 3_400)),
        ("00:00:00,000000", "00:00:01,234567", (0, 1_235)),
        ("1.2s", "3400 ms", (1_200, 3_400)),
        ("1,5", "2,25", (1_500, 2_250)),
        ("00:00:05,000", "00:00:01,000", (5_000, 5_000)),
        ("-00:00:05,000", "00:00:01,000", (0, 1_000)),
        ("00:00:01.200Z", "00:00:03.4Z", (1_200, 3_400)),
        ("٠٠:٠٠:٠١٫٢", "٣:٠٥", (1_200, 185_000)),
        ("1.5S", "2 sec", (1_500, 2_000)),
        ("1m5s", "1 min 7,5 seconds", (65_000, 67_500)),
        ("PT1.5S", "PT1H0M2S", (1_500, 3_602_000)),
        ("P0DT00H00M01.500000S", "P0DT01H00M02S", (1_500, 3_602_000)),
        ("900 msec", "1 h", (900, 3_600_000)),
        ("1,234.5", "1.235,5", (1_234_500, 1_235_500)),
        ("0:0:1.2", "00:00:03.", (1_200, 3_000)),
        ("00:00:01,249.0999999999999", "00:00:03,251.79999999999995", (1_249, 3_251)),
        ("0 days 00:00:01.200000", "0 days 00:00:03", (1_200, 3_000)),
        ("[00:00:01.200]", "(00:03)", (1_200, 3_000)),
        ("1200000us", "3400000 µs", (1_200, 3_400)),
        ("1200000000ns", "3400000000 nanoseconds", (1_200, 3_400)),
        ({"seconds": "1", "nanos": 200_000_000}, {"seconds": 3}, (1_200, 3_000)),
        ({"minutes": 1, "seconds": 1, "milliseconds": 200}, {"Minutes": "1", "Seconds": "3.4"}, (61_200, 63_400)),
    ],
)
def test_clocks_are_read(start: Any, end: Any, expected: tuple[int, int]) -> None:
    assert times_of(line(start, end)) == [expected]
    assert unit_notes(line(start, end)) == []


@pytest.mark.parametrize(
    ("start", "end", "expected", "rate"),
    [
        ("00:00:01:12", "00:00:03:18", (1_500, 3_750), 24),
        ("00:00:01:00", "00:00:03:24", (1_000, 3_960), 25),
        ("00:00:01;15", "01:00:03;29", (1_500, 3_603_967), 30),
        ("00:00:01:25", "00:00:03:49", (1_500, 3_980), 50),
        ("00:00:01:30", "00:00:03:59", (1_500, 3_983), 60),
    ],
)
def test_frames_are_read_by_the_highest_of_them(start: str, end: str, expected: tuple[int, int], rate: int) -> None:
    assert times_of(line(start, end)) == [expected]
    (note,) = read_run(1, {"transcript": [line(start, end)]}).notes
    assert note == f"The times came with frames, which were taken as {rate} a second."


def test_frames_beyond_every_rate_are_left_out() -> None:
    answer = read_run(1, {"transcript": [line("00:00:01:75", "00:00:03:99")]})
    assert [(cue.start_ms, cue.end_ms) for cue in answer.dubs[0].cues] == [(1_000, 3_000)]
    assert answer.notes == ("The times came with frames beyond every usual rate, which were left out.",)


@pytest.mark.parametrize(
    "time", ["", "soon", "1:2:3:4:5", "12:99:", ":05", "::", "1:xx", "1_000", "m", "1" * 5_000]
)
def test_a_time_that_cannot_be_read_is_put_right(time: str) -> None:
    answer = read_run(1, {"transcript": [line(time, time)]})
    assert [(cue.start_ms, cue.end_ms) for cue in answer.dubs[0].cues] == [(0, 0)]
    assert "corrected: it was missing" in answer.notes[0]


def test_clocks_beside_milliseconds_keep_their_own_unit() -> None:
    lines = [line("00:00:00,500", "00:00:02,000", SPEECH[0])]
    lines += [line(3_000 * n, 3_000 * n + 2_000, text) for n, text in enumerate(SPEECH, start=1)]
    assert times_of(*lines)[:2] == [(500, 2_000), (3_000, 5_000)]


# Seconds or milliseconds


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        ([line(0, 184, "[Music]")], (0, 184_000)),
        ([line(0, 210, "♪"), line(210, 330, "♪♪")], (210_000, 330_000)),
        ([line(0, 184, "(applause)"), line(184, 400, "[Musik]")], (184_000, 400_000)),
        ([line(0, 300, "♪ La la la, la la la ♪")], (0, 300_000)),
        ([line(0, 900, "【音乐】")], (0, 900_000)),
        ([line(0, 240, "*applause*"), line(240, 241, "...")], (240_000, 241_000)),
        ([line(0, 120, "Yes.")], (0, 120_000)),
        ([line(0, 184, "[Music]"), line(184, 187, SPEECH[0]), line(187, 700, "[Music]")], (187_000, 700_000)),
        ([line(0, 1_500, "[Music]"), line(1_500, 1_503, SPEECH[0])], (1_500_000, 1_503_000)),
        ([line(5 * n, 5 * n + 4, text) for n, text in enumerate(SPEECH)], (15_000, 19_000)),
        ([line(5 * n, 5 * n + 4, text) for n, text in enumerate(CHINESE)], (15_000, 19_000)),
        ([line(0.5, 1_200, "♪"), line(1_200, 2_000, "[Music]")], (1_200_000, 2_000_000)),
    ],
)
def test_seconds_are_not_questioned(lines: list[Any], last: tuple[int, int]) -> None:
    assert times_of(*lines)[-1] == last
    assert unit_notes(*lines) == []


@pytest.mark.parametrize(
    "lines",
    [
        [line(5_000 * n, 5_000 * n + 4_000, text) for n, text in enumerate(SPEECH)],
        [line(5_000 * n, 5_000 * n + 4_000, text) for n, text in enumerate(CHINESE)],
        [line(str(5_000 * n), f"{5_000 * n + 4_000}.0", text) for n, text in enumerate(SPEECH)],
        [line(5_000 * n + 0.5, 5_000 * n + 4_000.25, text) for n, text in enumerate(SPEECH)],
        [line(-5_000, 0, "♪"), *(line(5_000 * n, 5_000 * n + 4_000, text) for n, text in enumerate(SPEECH))],
        [line(0, 5_000, "[Music]"), line(10_000, 12_000, SPEECH[1]), line(15_000, 19_000, "(applause)")],
        [line(0, 15_000, "[Music]"), line(15_000, 19_000, "[Music] Hello there.")],
    ],
)
def test_milliseconds_are_recognised_by_what_is_spoken(lines: list[Any]) -> None:
    start, end = times_of(*lines)[-1]
    assert (start, end) in ((15_000, 19_000), (15_001, 19_000))
    assert unit_notes(*lines) == [str(MILLISECONDS_TAKEN)]


def test_a_line_of_music_that_would_last_for_hours_is_in_milliseconds() -> None:
    assert times_of(line(0, 184_000, "[Music]")) == [(0, 184_000)]
    assert unit_notes(line(0, 184_000, "[Music]")) == [str(MILLISECONDS_TAKEN)]


@pytest.mark.parametrize(
    "lines", [[line(0, 1_200, "♪")], [line(0, 900, "[Music]"), line(900, 2_000, "[Applause]")]]
)
def test_music_that_may_be_either_is_taken_as_seconds_and_says_so(lines: list[Any]) -> None:
    assert times_of(*lines)[-1][1] == lines[-1]["end"] * 1000
    assert unit_notes(*lines) == [str(SECONDS_TAKEN)]


# What else is known


CHAPTERS = [line(0, 600, "Introduction"), line(600, 3_000, "How tea is made"), line(3_000, 4_000, "Questions")]


@pytest.mark.parametrize(
    ("lines", "media_ms", "end_ms"),
    [
        (CHAPTERS, 4_020_000, 4_000_000),
        (CHAPTERS, 4_500, 4_000),
        ([line(0, 1_200, "♪")], 1_210_000, 1_200_000),
        ([line(0, 1_200, "♪")], 1_300, 1_200),
        ([line(0, 60_000, "[Music]")], 61_000, 60_000),
    ],
)
def test_the_length_of_the_media_decides(lines: list[Any], media_ms: int, end_ms: int) -> None:
    assert times_of(*lines, media_ms=media_ms)[-1][1] == end_ms


def test_a_short_transcript_of_long_media_is_decided_by_its_speech() -> None:
    lines = [line(5_000 * n, 5_000 * n + 4_000, text) for n, text in enumerate(SPEECH)]
    assert times_of(*lines, media_ms=3_600_000)[-1] == (15_000, 19_000)
    assert times_of(line(1, 3, SPEECH[0]), media_ms=3_600_000) == [(1_000, 3_000)]


def test_a_dub_without_evidence_is_as_long_as_the_runs_other_dubs() -> None:
    spoken = [line(400.5 * n, 400.5 * n + 4, text) for n, text in enumerate(SPEECH)]
    in_ms = [line(400 * n, 400 * n + 300, "Ja.") for n in range(5)]
    music = [line(0, 1_200, "♪")]
    long, short = (
        read_run(1, {"es-es": {"transcript": other}, "fr-fr": {"transcript": music}}).dubs[1]
        for other in (spoken, in_ms)
    )
    assert (long.cues[0].end_ms, short.cues[0].end_ms) == (1_200_000, 1_200)


@pytest.mark.parametrize("unit", UNIT_WORDS)
def test_a_persons_choice_outweighs_all_evidence(unit: str) -> None:
    lines = [line(5 * n, 5 * n + 4, text) for n, text in enumerate(SPEECH)]
    factor = 1000 if unit == "seconds" else 1
    assert times_of(*lines, unit=unit, media_ms=20_000)[-1] == (15 * factor, 19 * factor)
    assert unit_notes(*lines, unit=unit) == [f"The times are read as {unit}, as chosen for this run."]


def test_an_answer_is_read_anew_and_keeps_what_decoding_noted() -> None:
    answer = read_run(1, {"transcript": [line(0, 1_200, "♪")], "deep": eval("[" * 60 + "]" * 60)})
    assert not answer.is_unit_certain
    again = reread_run(answer, KnownTimes("milliseconds"))
    assert again.dubs[0].cues[0].end_ms == 1_200
    assert "A part nested too deeply was left out." in again.notes


@pytest.mark.parametrize("unit", [1_000_000, 10_000_000, 1_000_000_000])
@pytest.mark.parametrize("media_ms", [0, 8_000])
def test_a_unit_finer_than_milliseconds_is_known_by_what_is_spoken(unit: int, media_ms: int) -> None:
    lines = [line(2 * n * unit, 2 * n * unit + unit * 3 // 2, text) for n, text in enumerate(SPEECH)]
    assert times_of(*lines, media_ms=media_ms) == [(2_000 * n, 2_000 * n + 1_500) for n in range(4)]
    assert unit_notes(*lines, media_ms=media_ms) == [str(FINER_UNIT_TAKEN)]
    assert str(FINER_UNIT_TAKEN) not in unit_notes(*lines, unit="milliseconds")
    assert not read_run(1, {"transcript": lines}).is_unit_certain


def test_the_length_of_the_media_decides_between_finer_units() -> None:
    lines = [line(20_000_000 * n, 20_000_000 * n + 15_000_000, text) for n, text in enumerate(SPEECH)]
    assert times_of(*lines)[-1] == (6_000, 7_500)
    assert times_of(*lines, media_ms=80_000)[-1] == (60_000, 75_000)


def test_times_in_an_unknown_unit_are_said_to_look_wrong() -> None:
    unit = 90_000
    lines = [line(2 * n * unit, 2 * n * unit + unit * 3 // 2, text) for n, text in enumerate(SPEECH)]
    assert str(ANOTHER_UNIT) in unit_notes(*lines)
    assert str(ANOTHER_UNIT) not in unit_notes(*lines, unit="milliseconds")


def clock_of_day(seconds: float) -> str:
    return f"2026-11-02T10:59:{seconds:06.3f}"


@pytest.mark.parametrize(
    "written",
    [
        lambda seconds: 1_764_590_000 + seconds,
        lambda seconds: 1_764_590_000_000 + int(seconds * 1e3),
        lambda seconds: (1_764_590_000 + int(seconds)) * 10**9 + int(seconds % 1 * 1e9),
        lambda seconds: f"{clock_of_day(seconds)}Z",
        lambda seconds: f"{clock_of_day(seconds)}+05:30",
        lambda seconds: clock_of_day(seconds).replace("T", " "),
    ],
)
def test_points_in_time_begin_with_the_first_line(written: Callable[[float], Any]) -> None:
    lines = [line(written(2 * n + 4.0), written(2 * n + 5.5), text) for n, text in enumerate(SPEECH)]
    for known in ({}, {"unit": "milliseconds"}, {"media_ms": 9_000}):
        answer = read_run(1, {"audio_url": MP3, "transcript": lines}, known=KnownTimes(**known))
        assert [cue.start_ms for cue in answer.dubs[0].cues] == [0, 2_000, 4_000, 6_000]
        assert answer.dubs[0].cues[-1].end_ms == 7_500
        assert answer.notes == (str(POINTS_IN_TIME_TAKEN),)


@pytest.mark.parametrize("date", ["1970-01-01", "0001-01-01", "1900-01-01", "1899-12-30"])
def test_a_time_of_a_day_without_a_date_is_one_from_the_beginning(date: str) -> None:
    assert times_of(line(f"{date}T00:00:01.2Z", f"{date} 00:01:03.4")) == [(1_200, 63_400)]


def test_points_in_time_further_apart_than_a_dub_are_put_right() -> None:
    answer = read_run(1, {"transcript": [line("2026-11-02T10:00:00Z", "2026-12-02T10:00:00Z")]})
    assert "beyond 100 hours" in answer.notes[0]


@pytest.mark.parametrize("seconds", [0.5, 2, 30])
@pytest.mark.parametrize("unit", [1, 1000])
def test_slow_lines_do_not_look_wrong(seconds: float, unit: int) -> None:
    lines = [line(60 * n * unit, (60 * n + seconds) * unit, text) for n, text in enumerate(SPEECH)]
    assert str(ANOTHER_UNIT) not in unit_notes(*lines)
