"""Direction marks: lines of right-to-left dubs have them in subtitles and texts, unless they are switched off."""

import re
import unicodedata

import pytest

from results.exports.formats import FORMATS
from tests.factories import make_dub, make_run

pytestmark = pytest.mark.django_db

MARKS = "\u200f\u202b\u202c"
MARKED = ["srt", "vtt", "txt", "lines", "words"]
LINES = ["OK, قال إن السفينة وصلت.", "iPhone 15!\nنعم", "42", "Google <3 {x}", "(مرحبا)"]
# The lines of a file that say when, which, or what kind: the rest is text.
STRUCTURE = re.compile(r"|WEBVTT|\d+|.* --> .*")


def text_lines(file: bytes) -> list[str]:
    lines = (re.sub("^<v [^>]*>|</v>$", "", line) for line in file.decode().split("\n"))
    return [line for line in lines if not STRUCTURE.fullmatch(line)]


def first_strong(line: str) -> str:
    return next(d for d in map(unicodedata.bidirectional, line) if d in ("L", "R", "AL"))


@pytest.mark.parametrize("key", MARKED)
@pytest.mark.parametrize("language", ["ar-xa", "arz", "ku-arab", "he-il", "prs", ""])
def test_every_line_is_embedded_right_to_left(key, language):
    file = FORMATS[key].file(make_dub(lines=LINES, language=language))
    lines = text_lines(file)
    assert len(lines) >= len(LINES)
    for line in lines:
        assert (line[:2], line[-1]) == ("\u200f\u202b", "\u202c")
        assert first_strong(line) == "R"


@pytest.mark.parametrize("key", FORMATS)
@pytest.mark.parametrize("language", ["ar-latn", "az-latn", "ku", "uz", "en-us"])
def test_other_languages_have_no_marks(key, language):
    file = FORMATS[key].file(make_dub(lines=["Hello", "שלום"], language=language))
    assert not any(mark.encode() in file for mark in MARKS)


@pytest.mark.parametrize("key", FORMATS)
def test_marks_can_be_switched_off(key):
    dub = make_dub(lines=LINES, language="ar-eg")
    with_marks, without = FORMATS[key].file(dub), FORMATS[key].file(dub, with_marks=False)
    assert not any(mark.encode() in without for mark in MARKS)
    if key != "docx":  # it says when it was made
        assert with_marks.decode().translate(dict.fromkeys(map(ord, MARKS))) == without.decode()
    assert FORMATS[key].has_marks == (key in MARKED)


def test_each_language_of_a_bilingual_file_has_its_own_direction():
    run = make_run()
    english, arabic = make_dub(run, ["Hello"], "en-us"), make_dub(run, ["OK نعم"], "ar-eg")
    srt = FORMATS["srt"]
    assert text_lines(srt.bilingual_file(english, arabic)) == ["Hello", "\u200f\u202bOK نعم\u202c"]
    assert text_lines(srt.bilingual_file(arabic, english)) == ["\u200f\u202bOK نعم\u202c", "Hello"]
    assert text_lines(srt.bilingual_file(english, arabic, with_marks=False)) == ["Hello", "OK نعم"]
