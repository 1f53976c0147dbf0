"""Word: title, run, language and direction, as a reader that knows the format finds them."""

from io import BytesIO

import docx
import pytest
from docx.oxml.ns import qn

from results.exports.docx import render
from results.models import Dub, Run
from tests.results.exports.cases import make_cue


def read(cues, language="en-us", title="Kitchen stories"):
    dub = Dub(run=Run(camb_run_id=1042, title=title), language=language)
    return docx.Document(BytesIO(render(dub, cues)))


def test_it_is_a_document_about_this_run():
    document = read([make_cue("Hello", 1, 62_000, 63_000, "Anna"), make_cue("(music)", 2, 70_000, 71_000)])
    assert [(p.style.name, p.text) for p in document.paragraphs] == [
        ("Title", "Kitchen stories"),
        ("Subtitle", "Run 1042 · English (United States)"),
        ("Heading 3", "Anna"),
        ("Cue", "1:02\tHello"),
        ("Cue", "1:10\t(music)"),
    ]
    about = document.core_properties
    assert (about.title, about.subject, about.author, about.comments, about.language) == (
        "Kitchen stories",
        "Run 1042 · English (United States)",
        "Dubroom",
        "",
        "en-US",
    )


@pytest.mark.parametrize(
    ("language", "tag"),
    [("es-es", "es-ES"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("", "en-US"), ("54", "en-US")],
)
def test_it_is_marked_with_its_language(language, tag):
    default = next(read([], language).styles.element.iter(qn("w:lang")))
    assert default.get(qn("w:val")) == tag


def test_without_a_language_it_is_called_by_its_run_alone_and_its_pages_are_numbered():
    document = read([make_cue("Hello")], language="")
    assert document.paragraphs[1].text == "Run 1042"
    [number] = document.sections[0].footer.paragraphs[0]._p.iter(qn("w:fldSimple"))
    assert number.get(qn("w:instr")) == "PAGE"


def sides(document):
    """For each cue: is the paragraph set from the right, and are what is said and its time?"""
    return [
        (p._p.pPr.find(qn("w:bidi")) is not None, bool(p.runs[1].font.rtl), bool(p.runs[0].font.rtl))
        for p in document.paragraphs
        if p.style.name == "Cue"
    ]


def test_a_language_from_right_to_left_is_set_so_with_its_times_as_they_are():
    cues = [make_cue("«مرحبا» (1)"), make_cue("OK", 2), make_cue("42", 3)]
    assert sides(read(cues, "ar-sa")) == [(True, True, False), (True, False, False), (True, False, False)]


def test_elsewhere_only_a_line_that_begins_so():
    cues = [make_cue("He said שלום"), make_cue("(שלום, he said)", 2)]
    assert sides(read(cues, "en-us")) == [(False, False, False), (True, True, False)]


@pytest.mark.parametrize("title", ["a\0b\x1b", "x" * 200, "]]>&<w:p/>", "مرحبا"])
def test_any_title_can_be_written(title):
    document = read([], title=title)
    assert (
        document.paragraphs[0].text
        == document.core_properties.title
        == title.replace("\0", "�").replace("\x1b", "�")
    )
