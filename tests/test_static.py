"""Tests of static files: style sheets are linked and name existing classes and ids; scripts import hashed names."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from dashboard.http.static_storage import HashedStaticStorage, without_comments
from results.models import Run

ROOT = Path(__file__).parent.parent
SHEETS = sorted((ROOT / "static" / "css").glob("*.css"))
TEMPLATES = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
# The files that name classes and ids. The class of a speaker's colour ends in a generated number.
SOURCES = TEMPLATES + "".join(
    path.read_text()
    for folder, ending in (("static", "js"), ("dashboard", "py"))
    for path in (ROOT / folder).rglob(f"*.{ending}")
)
WORDS = {re.sub(r"\d+$", "", word) for word in re.findall(r"[\w-]+", SOURCES)}
FROM_ELSEWHERE = {"errorlist", "htmx-request", "htmx-swapping", *Run.Status.values}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_style_sheet_is_linked(sheet):
    assert f"{{% static 'css/{sheet.name}' %}}" in TEMPLATES


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_class_and_id_in_a_style_sheet_exists(sheet):
    rules = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    names = {
        name
        for selector in re.findall(r"([^{}]+)\{", rules)
        for name in re.findall(r"[.#]([a-zA-Z][\w-]*)", selector)
    }
    assert {re.sub(r"\d+$", "", name) for name in names} - WORDS - FROM_ELSEWHERE == set()


def test_scripts_import_each_other_by_hashed_names(tmp_path):
    storage = HashedStaticStorage(location=tmp_path)
    files = {name: (source, name) for finder in finders.get_finders() for name, source in finder.list([])}
    for name, (source, _name) in files.items():
        storage.save(name, source.open(name))
    for _name, _hashed, is_processed in storage.post_process(files):
        assert is_processed is True
    player = (tmp_path / storage.stored_name("js/player.js")).read_text()
    assert "// The player of a dub" not in player
    hashed = storage.stored_name("js/clipboard.js")
    assert re.fullmatch(r"js/clipboard\.[0-9a-f]{12}\.js", hashed)
    assert [f"js/{name}" for name in re.findall(r'from "\./(clipboard[^"]*)"', player)] == [hashed]


def test_comments_are_not_sent_and_nothing_else_is_left_out():
    source = """// Why.
/** What. */
const a = "https://x.example/*"; // stays
  /* One
   * two. */
  b();
"""
    assert without_comments(source.encode()).decode() == 'const a = "https://x.example/*"; // stays\n  b();\n'


def test_no_link_leads_out_of_dubroom_or_opens_a_window():
    """So no page elsewhere is told where its reader came from or can reach back, without any `rel`."""
    scripts = "".join(path.read_text() for path in (ROOT / "static" / "js").glob("*.js"))
    assert re.findall(r"""(?:href|src|action)=["']?(?:https?:)?//[^"' >]*""", TEMPLATES) == []
    assert re.findall(r"""target=["']?_\w+|window\.open""", TEMPLATES + scripts) == []
