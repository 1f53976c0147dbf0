"""Texts in CAMB.AI's answers: white space among control characters, and HTML escapes."""

from typing import Any

import pytest

from results.camb.parse import read_run
from tests.results.camb.cases import line

ESCAPES_NOTE = "The texts came with HTML escapes such as &amp; or &#39;, which were corrected."


def texts_of(*texts: str, speaker: str = "Ana") -> tuple[list[str], bool]:
    """Return the texts as read, and whether escapes in them were put right."""
    lines = [line(float(n), n + 0.9, text, speaker) for n, text in enumerate(texts)]
    answer = read_run(1, {"transcript": lines})
    return [cue.text for cue in answer.dubs[0].cues], answer.notes == (ESCAPES_NOTE,)


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x85", "\x1c", "\x1d", "\x1e", "\x1f", "\x0b\x0c"])
def test_control_characters_that_are_white_space_separate_words(character: str) -> None:
    [cue] = (
        read_run(1, {"transcript": [line(text=f"one{character}two", speaker=f"Ana{character}Ruiz")]}).dubs[0].cues
    )
    assert (" ".join(cue.text.split(" ")).split(), cue.speaker) == (["one", "two"], "Ana Ruiz")
    assert cue.text.isprintable()


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\r\n", "\r", "\n"])
def test_line_ends_stay_line_ends_in_texts_and_are_spaces_in_names(character: str) -> None:
    [cue] = (
        read_run(1, {"transcript": [line(text=f"one{character}two", speaker=f"Ana{character}Ruiz")]}).dubs[0].cues
    )
    assert (cue.text, cue.speaker) == ("one\ntwo", "Ana Ruiz")


def test_other_control_characters_are_still_removed() -> None:
    assert texts_of("a\x01b\x1bc\x7fd\x9fe") == (["abcde"], False)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["It&#39;s Tom &amp; Jerry"], ["It's Tom & Jerry"]),
        (["Don&#039;t", "stop"], ["Don't", "stop"]),
        (["l&apos;été", "l&#x27;hiver"], ["l'été", "l'hiver"]),
        (["&quot;Yes&quot;, she said.", "&quot;No.&quot;"], ['"Yes", she said.', '"No."']),
        (["Salt &amp; pepper"], ["Salt & pepper"]),
        (["I'm &quot;fine&quot;"], ['I\'m "fine"']),
        (["The dogs&#39; bowl isn't here"], ["The dogs' bowl isn't here"]),
        (["Salt &amp; pepper", "Tom's &amp; Ann's"], ["Salt & pepper", "Tom's & Ann's"]),
        (["1 &lt; 2 &amp;&amp; 3 &gt; 2"], ["1 < 2 && 3 > 2"]),
        (["Caf&eacute; &amp; bar"], ["Café & bar"]),
        (["It&#39;s &amp;amp; once"], ["It's &amp; once"]),
        (["It&amp;#39;s Tom &amp;amp; Jerry"], ["It's Tom & Jerry"]),
        (["It&#39;s", "the HTML entity &amp;lt;"], ["It's", "the HTML entity &lt;"]),
        (["a &amp; b &#0; &#xD800; &#1;"], ["a & b \ufffd \ufffd"]),
    ],
)
def test_escapes_throughout_a_transcript_are_undone_once_and_noted(given: list[str], read: list[str]) -> None:
    assert texts_of(*given) == (read, True)


@pytest.mark.parametrize(
    "given",
    [
        ["Type &amp; in your file", 'He said "no"'],
        ["Type &amp; in your file", "a <b> tag"],
        ["Type &amp; in your file", "Tom & Jerry"],
        ["Type &amp; in your file", "and don't forget it"],
        ["In HTML you write &amp; or &lt;", "as an entity"],
        ["Escape it as &quot;", "and as &amp;"],
        ["It&#39;s AT&T", "plain"],
        ["AT&T", "R&D; and so on"],
        ["5 &notanentity; 6", "x &amp y"],
        ["nothing", "at all"],
    ],
)
def test_mixed_evidence_leaves_the_texts_alone(given: list[str]) -> None:
    assert texts_of(*given) == (given, False)


def test_names_in_an_escaped_transcript_are_put_right_too() -> None:
    answer = read_run(1, {"transcript": [line(0.0, 1.5, "It&#39;s", "Tom &amp; Ann")]})
    assert answer.dubs[0].cues[0].speaker == "Tom & Ann"


def test_each_transcript_is_judged_by_itself() -> None:
    value: Any = {
        "en-us": {"transcript": [line(0.0, 1.5, "Type &amp; here")]},
        "es-es": {"transcript": [line(0.0, 1.5, 'Escribe "&amp;"')]},
    }
    assert [dub.cues[0].text for dub in read_run(1, value).dubs] == ["Type & here", 'Escribe "&amp;"']


def test_a_line_of_nothing_but_escapes_of_nothing_is_left_out() -> None:
    assert texts_of("Tom &amp; Ann", "&#1;") == (["Tom & Ann"], True)
