"""Plain text: in paragraphs, in lines with times and names, and only the spoken words."""

from results.exports import txt
from results.models import Dub
from tests.results.exports.cases import make_cue

CUES = [
    make_cue("Hello\n\nthere.", 1, 0, 900, "Anna"),
    make_cue("How are you?", 2, 62_000, 63_000, " Anna "),
    make_cue(" \n ", 3, 63_000, 64_000, "Ben"),
    make_cue("Fine.", 4, 3_723_000, 3_724_000, "Ben"),
    make_cue("(music)", 5, 3_800_000, 3_801_000),
]


def test_turn_of_a_speaker_is_a_paragraph_under_the_name():
    assert txt.render(Dub(language="en-us"), CUES) == ("Anna\nHello there. How are you?\n\nBen\nFine.\n\n(music)\n")


def test_cues_are_joined_without_spaces_in_languages_without_spaces():
    cues = [make_cue("今日は。"), make_cue("良い天気。", 2)]
    assert txt.render(Dub(language="ja-jp"), cues) == "今日は。良い天気。\n"


def test_each_line_has_its_time_and_speaker():
    assert txt.render_lines(CUES) == (
        "[0:00] Anna: Hello there.\n[1:02] Anna: How are you?\n[1:02:03] Ben: Fine.\n[1:03:20] (music)\n"
    )


def test_words_have_no_times_and_speakers():
    assert txt.render_words(CUES) == "Hello there.\nHow are you?\nFine.\n(music)\n"


def test_file_without_cues_is_empty():
    assert [txt.render(Dub(), []), txt.render_lines([]), txt.render_words([])] == ["", "", ""]
