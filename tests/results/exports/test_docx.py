"""Word: title, run, language and direction, as a reader that knows the format finds them."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import docx
import pytest
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from results.exports.docx import render
from results.models import Dub, Run
from tests.results.exports.cases import make_cue


def read(cues, language="en-us", title="Kitchen stories"):
    dub = Dub(run=Run(camb_run_id=1042, due_at=None, title=title), language=language)
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


def test_it_states_when_it_was_made():
    about = read([]).core_properties
    assert about.created == about.modified
    assert datetime.now(UTC) - about.created < timedelta(minutes=1)


def test_a_time_is_small_and_grey_in_the_margin():
    document = read([make_cue("Hello")])
    time, text = document.paragraphs[2].runs
    assert (time.text, time.style.name, text.text) == ("0:01\t", "Clock", "Hello")
    clock, cue = document.styles["Clock"], document.styles["Cue"].paragraph_format
    assert (clock.font.size, clock.font.color.rgb) == (Pt(9), RGBColor(0x66, 0x66, 0x66))
    # The size in half points that Word and LibreOffice use in a right-to-left paragraph.
    assert clock.element.rPr.find(qn("w:szCs")).get(qn("w:val")) == "18"
    assert (round(cue.left_indent.mm), round(cue.first_line_indent.mm), cue.space_after) == (16, -16, Pt(3))


@pytest.mark.parametrize(
    ("language", "tag"),
    [("es-es", "es-ES"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("", "en-US"), ("54", "en-US")],
)
def test_it_is_marked_with_its_language(language, tag):
    default = next(read([], language).styles.element.iter(qn("w:lang")))
    assert default.get(qn("w:val")) == tag


def test_text_of_every_script_is_marked_with_the_language():
    default = next(read([], "zh-hant-tw").styles.element.iter(qn("w:lang")))
    assert {script: default.get(qn(f"w:{script}")) for script in ("val", "eastAsia", "bidi")} == {
        "val": "zh-Hant-TW",
        "eastAsia": "zh-Hant-TW",
        "bidi": "zh-Hant-TW",
    }


def test_the_page_size_stands_last_as_the_format_demands():
    body = read([make_cue("Hello")]).element.body
    assert [child.tag for child in body] == [qn("w:p")] * 3 + [qn("w:sectPr")]


def test_without_a_language_it_is_called_by_its_run_alone_and_its_pages_are_numbered():
    document = read([make_cue("Hello")], language="")
    assert document.paragraphs[1].text == "Run 1042"
    [number] = document.sections[0].footer.paragraphs[0]._p.iter(qn("w:fldSimple"))
    assert number.get(qn("w:instr")) == "PAGE"


def is_rtl(paragraph):
    return paragraph._p.pPr.find(qn("w:bidi")) is not None


def parts(document):
    """Return for each cue whether it is laid out right to left, and its parts as (text, is right to left)."""
    cues = [paragraph for paragraph in document.paragraphs if paragraph.style.name == "Cue"]
    assert not any(cue.runs[0].font.rtl for cue in cues)
    return [[is_rtl(cue), *((run.text, bool(run.font.rtl)) for run in cue.runs[1:])] for cue in cues]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("«مرحبا» (1)", [("«مرحبا» (1)", True)]),
        ("OK", [("OK", False)]),
        ("42", [("42", False)]),
        ("OK, قال.", [("OK", False), (", قال.", True)]),
        ("iPhone 15 Pro, وقال", [("iPhone 15 Pro", False), (", وقال", True)]),
        ("قال: Hello there!", [("قال: ", True), ("Hello there", False), ("!", True)]),
        ("OK!\nنعم", [("OK", False), ("!\nنعم", True)]),
        ("ar\nen", [("ar", False), ("\n", True), ("en", False)]),
        ("كتابٌ Café\u0301 é", [("كتابٌ ", True), ("Café\u0301 é", False)]),
        ("3.5% من", [("3.5% من", True)]),
    ],
)
@pytest.mark.parametrize("language", ["ar-sa", "arz", "ku-arab", "prs", "he"])
def test_cues_of_a_right_to_left_language_are_laid_out_so_and_latin_words_keep_their_order(language, text, runs):
    assert parts(read([make_cue(text)], language)) == [[True, *runs]]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("He said שלום", [("He said ", False), ("שלום", True)]),
        ("(שלום, he said)", [("(", False), ("שלום", True), (", he said)", False)]),
        ("שלום 42!", [("שלום 42", True), ("!", False)]),
        ("مرحبا", [("مرحبا", True)]),
        ("Hello 1", [("Hello 1", False)]),
    ],
)
@pytest.mark.parametrize("language", ["en-us", "ar-latn"])
def test_cues_of_other_languages_are_laid_out_left_to_right(language, text, runs):
    assert parts(read([make_cue(text)], language)) == [[False, *runs]]


def test_letters_decide_the_direction_without_a_language():
    assert parts(read([make_cue("OK"), make_cue("نعم سيدي", 2)], "")) == [
        [True, ("OK", False)],
        [True, ("نعم سيدي", True)],
    ]


@pytest.mark.parametrize("language", ["ar-sa", "en-us"])
def test_no_property_is_given_twice(language):
    document = read([make_cue("مرحبا", speaker="مريم"), make_cue("OK", 2, speaker="Anna")], language)
    properties = list(document.element.body.iter(qn("w:pPr"), qn("w:rPr")))
    assert len(properties) > 6
    for element in properties:
        tags = [child.tag for child in element]
        assert len(tags) == len(set(tags))


def test_a_title_and_a_speaker_are_set_from_the_side_on_which_they_begin():
    document = read([make_cue("Hello", speaker="مريم"), make_cue("Hello", 2, speaker="Anna")], title="مرحبا")
    assert [
        (p.text, p._p.pPr.find(qn("w:bidi")) is not None, bool(p.runs[0].font.rtl))
        for p in document.paragraphs
        if p.style.name in ("Title", "Heading 3")
    ] == [("مرحبا", True, True), ("مريم", True, True), ("Anna", False, False)]


def test_line_breaks_and_tabs_are_elements_and_spaces_are_kept():
    _title, _subtitle, cue = read([make_cue("one \t two\n\nthree")], title=" a  b ").paragraphs
    assert [(e.tag, e.text) for e in cue.runs[1]._r if e.tag != qn("w:rPr")] == [
        (qn("w:t"), "one "),
        (qn("w:tab"), None),
        (qn("w:t"), " two"),
        (qn("w:br"), None),
        (qn("w:t"), "three"),
    ]
    for element in (*_title._p.iter(qn("w:t")), *cue.runs[1]._r.iter(qn("w:t"))):
        assert element.text == element.text.strip() or element.get(qn("xml:space")) == "preserve"


@pytest.mark.parametrize("invalid", ["\0", "\x08", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_hold_is_replaced_wherever_it_stands(invalid):
    speaker, cue = read([make_cue(f"a{invalid}b", speaker=f"c{invalid}d")], title=f"e{invalid}f").paragraphs[2:]
    assert (speaker.text, cue.runs[1].text) == ("c\ufffdd", "a\ufffdb")


def test_the_longest_task_and_language_are_written_in_full():
    run = Run(due_at=None, camb_task_id="t" * 200, title="T")
    document = docx.Document(BytesIO(render(Dub(run=run, language="sr-latn-gs"), [])))
    about = f"Task {run.camb_task_id} · Serbian (Latin, South Georgia & South Sandwich Islands)"
    assert document.paragraphs[1].text == document.core_properties.subject == about


@pytest.mark.parametrize("title", ["a\0b\x1b", "x" * 200, "]]>&<w:p/>", "مرحبا"])
def test_any_title_can_be_written(title):
    document = read([], title=title)
    assert (
        document.paragraphs[0].text
        == document.core_properties.title
        == title.replace("\0", "�").replace("\x1b", "�")
    )
