"""WebVTT files, compared with the grammar of the format."""

import re

import pytest

from results.exports import vtt
from results.models import Cue
from tests.results.exports.cases import make_cue


def blocks(file: str) -> list[str]:
    header, *rest = re.split(r"\n\n+", file.rstrip("\n"))
    assert header == "WEBVTT"
    return rest


def payload(line: Cue) -> str:
    (block,) = blocks(vtt.render([line]))
    identifier, timing, text = block.split("\n", 2)
    assert (identifier, timing) == ("1", "00:00:01.000 --> 00:00:02.500")
    return text


def test_cues_are_blocks_under_one_header():
    cues = [make_cue("One"), make_cue("Two", position=2, start_ms=2500, end_ms=3_723_004, speaker="Anna")]
    assert vtt.render(cues) == (
        "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\nOne\n\n2\n00:00:02.500 --> 01:02:03.004\n<v Anna>Two</v>\n"
    )


def test_file_without_cues_is_valid():
    assert vtt.render([]) == "WEBVTT\n\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a --> b", "a --&gt; b"),
        ("<c.red>&lt;</c>", "&lt;c.red&gt;&amp;lt;&lt;/c&gt;"),
        ("one\n\ntwo", "one\ntwo"),
        ("one\r\n\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\n\n\none\n \t \ntwo\n\n", "one\ntwo"),
        ("a\0b", "a\ufffdb"),
        ("WEBVTT\n\nSTYLE\n::cue {}", "WEBVTT\nSTYLE\n::cue {}"),
        ("1\n\n00:00:00.000 --> 00:00:09.000\nevil", "1\n00:00:00.000 --&gt; 00:00:09.000\nevil"),
        ("\u202bمرحبا\u202c 👩‍👩‍👧", "\u202bمرحبا\u202c 👩‍👩‍👧"),
        ("one\u2028\u2028two\x0b\x0cthree", "one\ntwo\nthree"),
    ],
)
def test_text_stays_inside_its_cue(text, written):
    assert payload(make_cue(text)) == written


@pytest.mark.parametrize(
    ("speaker", "written"),
    [
        ("Anna & <Ben>", "<v Anna &amp; &lt;Ben&gt;>x</v>"),
        ("two\n\nlines", "<v two lines>x</v>"),
        ("a --> b\0", "<v a --&gt; b\ufffd>x</v>"),
        ("--", "<v -- >x</v>"),
        ("Anna --", "<v Anna -- >x</v>"),
        ("-", "<v ->x</v>"),
        ("  ", "x"),
    ],
)
def test_speaker_name_stays_inside_its_tag(speaker, written):
    assert payload(make_cue("x", speaker=speaker)) == written


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "timing"),
    [
        (5000, 5000, "00:00:05.000 --> 00:00:05.001"),
        (5000, 4000, "00:00:05.000 --> 00:00:05.001"),
        (-3000, -1, "00:00:00.000 --> 00:00:00.001"),
        (400_000_000, 400_001_000, "111:06:40.000 --> 111:06:41.000"),
    ],
)
def test_invalid_times_become_valid(start_ms, end_ms, timing):
    assert blocks(vtt.render([make_cue("x", start_ms=start_ms, end_ms=end_ms)])) == [f"1\n{timing}\nx"]


@pytest.mark.parametrize("text", ["", " \n\t ", "\u2028"])
def test_cue_without_text_is_left_out(text):
    assert vtt.render([make_cue(text)]) == "WEBVTT\n\n"
