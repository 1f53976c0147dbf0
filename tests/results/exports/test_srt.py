"""SubRip files, compared letter by letter."""

import pytest

from results.exports import srt
from results.transcripts.alignment import align
from tests.results.exports.cases import make_cue

JOINER = "\u2060"


def test_cues_are_numbered_blocks():
    cues = [make_cue("One"), make_cue("", position=2), make_cue("Two", 3, 2500, 3_723_004, speaker="Anna")]
    assert srt.render(cues) == ("1\n00:00:01,000 --> 00:00:02,500\nOne\n\n2\n00:00:02,500 --> 01:02:03,004\nTwo\n")


def test_file_without_cues_is_empty():
    assert srt.render([]) == ""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a --> b", f"a --{JOINER}> b"),
        ("<i>it</i> <3", f"<{JOINER}i>it<{JOINER}/i> <3"),
        ("<1> 1<2>3 < b > 1 < 2", f"<{JOINER}1> 1<{JOINER}2>3 <{JOINER} b > 1 < 2"),
        (r"{\an8}{Y:b}{8}", r"｛\an8｝｛Y:b｝｛8｝"),
        ("} {} {", "} ｛｝ {"),
        (r"C:\New \x", rf"C:\{JOINER}New \x"),
        ("AT&T &lt; & &#60;", f"AT&T &{JOINER}lt; & &{JOINER}#60;"),
        ("00:00:00,000 --> 00:00:09,000", f"00:{JOINER}00:00,000 --{JOINER}> 00:{JOINER}00:09,000"),
        ("at 12:30, or 1:02:03", "at 12:30, or 1:02:03"),
        ("one\n\n\r\n two \u2028three\0", "one\ntwo\nthree\ufffd"),
    ],
)
def test_text_that_a_player_would_obey_is_broken_up(text, written):
    assert srt.render([make_cue(text)]) == f"1\n00:00:01,000 --> 00:00:02,500\n{written}\n"


def test_lines_of_a_right_to_left_dub_have_marks():
    assert srt.render([make_cue("OK, قال\n42")], is_rtl=True) == (
        "1\n00:00:01,000 --> 00:00:02,500\n\u200f\u202bOK, قال\u202c\n\u200f\u202b42\u202c\n"
    )


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "timing"),
    [
        (5000, 4000, "00:00:05,000 --> 00:00:05,001"),
        (-3000, -1, "00:00:00,000 --> 00:00:00,001"),
        (400_000_000, 400_001_000, "111:06:40,000 --> 111:06:41,000"),
    ],
)
def test_invalid_times_become_valid(start_ms, end_ms, timing):
    assert srt.render([make_cue("x", start_ms=start_ms, end_ms=end_ms)]) == f"1\n{timing}\nx\n"


def test_bilingual_cues_have_one_language_above_the_other():
    pairs = align(
        [make_cue("Hello", 1, 0, 900), make_cue("World", 2, 1000, 1900)],
        [make_cue("Hola", 1, 50, 950), make_cue("<b>", 2, 5000, 5900)],
    )
    assert srt.render_bilingual(pairs) == (
        "1\n00:00:00,000 --> 00:00:00,900\nHello\nHola\n\n"
        "2\n00:00:01,000 --> 00:00:01,900\nWorld\n\n"
        f"3\n00:00:05,000 --> 00:00:05,900\n<{JOINER}b>\n"
    )
