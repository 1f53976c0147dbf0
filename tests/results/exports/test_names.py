"""File names that every operating system accepts and that describe the content."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.exports.names import stem, unique
from results.models import Run
from tests.results.exports.cases import steady


def file_stem(title: str, *languages: str, **fields) -> str:
    return stem(Run(title=title, due_at=None, **({"camb_run_id": 7} | fields)), *languages)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Kitchen stories", "Kitchen stories [7].es-es"),
        ("", "Run 7.es-es"),
        ("مطبخ: الحلقة ١", "مطبخ الحلقة ١ [7].es-es"),
        ("料理の物語 / 第1話", "料理の物語 第1話 [7].es-es"),
        ("हिन्दी क्षेत्र", "हिन्दी क्षेत्र [7].es-es"),
        ("👩‍👩‍👧 family 🙂", "👩‍👩‍👧 family 🙂 [7].es-es"),
        ("می‌خواهم", "می‌خواهم [7].es-es"),
        ("../../etc/passwd", "etc passwd [7].es-es"),
        (r"C:\Windows\x", "C Windows x [7].es-es"),
        ("a\0b\r\nc\x1b", "a b c [7].es-es"),
        ("photo\u202egpj.exe", "photo gpj.exe [7].es-es"),
        ("...", "Run 7.es-es"),
        ("-rf ~", "rf ~ [7].es-es"),
        ("CON", "CON [7].es-es"),
        ("nul.tar", "nul_.tar [7].es-es"),
        ("Com1.x", "Com1_.x [7].es-es"),
        ('<b>"Q?"*|', "b Q [7].es-es"),
        ("cafe\u0301", "café [7].es-es"),
        ("trailing. . ", "trailing [7].es-es"),
        ("x" * 300, f"{'x' * 100} [7].es-es"),
        ("日" * 300, f"{'日' * 33} [7].es-es"),
    ],
)
def test_title_becomes_a_readable_file_name(title, name):
    assert file_stem(title, "es-es") == name


@pytest.mark.parametrize(
    ("languages", "name"),
    [((), "T [7]"), (("",), "T [7]"), (("../x",), "T [7].x"), (("en-us", "es-es"), "T [7].en-us+es-es")],
)
def test_languages_follow_a_dot(languages, name):
    assert file_stem("T", *languages) == name


def test_run_without_a_run_id_is_named_after_its_task():
    assert file_stem("", camb_run_id=None, camb_task_id="a/b") == "Task a b"
    assert file_stem("T", camb_run_id=None, camb_task_id="a/b") == "T [a b]"


anything = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(["con", ".", "/", "日", "\u200d", "~", "\0", " ", "-"])).map("".join),
)


@steady
@given(anything, anything, anything)
def test_any_text_becomes_a_safe_file_name(title, task, language):
    name = file_stem(title, language, camb_run_id=None, camb_task_id=task) + ".docx"
    assert 0 < len(name.encode()) <= 255
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]|^[ .~-]|[ .]$', name)
    assert name.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt1"}


def test_names_that_differ_only_in_case_are_numbered():
    taken = {"manifest.csv"}
    assert [unique(name, "srt", taken) for name in ("A", "a", "A", "STRASSE", "straße", "A (2)")] == [
        "A.srt",
        "a (2).srt",
        "A (3).srt",
        "STRASSE.srt",
        "straße (2).srt",
        "A (2) (2).srt",
    ]
    assert unique("Manifest", "csv", taken) == "Manifest (2).csv"
