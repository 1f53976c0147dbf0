"""Tests of right-to-left dubs: lines that begin with a Latin word, in the transcript, the search and copies."""

import pytest
from playwright.sync_api import Locator, Page, expect

from results.models import Run
from results.search import indexing
from tests.browser.conftest import DESKTOP, PHONE, until
from tests.factories import make_dub, make_ready_run

LINE = "iPhone 15, قال إن السفينة وصلت"
# The first and the last letter of the Latin word, and the last letter of the line, from right to left.
FROM_THE_RIGHT = """(line) => {
    const text = line.firstChild;
    const edge = (at) => {
        const range = document.createRange();
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        return range.getBoundingClientRect();
    };
    const latin = edge(0), end = edge(text.length - 1);
    const box = line.getBoundingClientRect();
    return { isLatinFirst: latin.left > end.right || latin.bottom <= end.top, gap: box.right - edge(8).right };
}"""


def is_laid_out_right_to_left(line: Locator) -> bool:
    """Tell whether the Latin words at the beginning of the line are at its right end."""
    found = line.evaluate(FROM_THE_RIGHT)
    return found["isLatinFirst"] and found["gap"] < 30


@pytest.fixture
def run(team) -> Run:
    run = make_ready_run(team, title="Harbour")
    arabic = make_dub(run, [LINE, "نعم", "OK."], "arz")
    make_dub(run, ["iPhone 15, he said", "שלום, he said", "OK."], "en-us")
    indexing.add_cues(arabic.cues.select_related("dub"))
    return run


def texts(page: Page, selector: str) -> Locator:
    return page.locator(f"{selector} p")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_lines_begin_at_the_side_of_the_language(open_browser, owner, run, size):
    page = open_browser(owner, size).page()
    page.goto(f"/runs/{run.pk}/?dub=arz")
    assert is_laid_out_right_to_left(texts(page, "#cue-1"))
    page.goto(f"/runs/{run.pk}/?dub=arz&beside=en-us")
    arabic, english = page.locator("#cues li").first.locator("p").all()
    assert is_laid_out_right_to_left(arabic)
    assert not is_laid_out_right_to_left(english)
    hebrew = page.locator("#cues li").nth(1).locator("p").last
    assert hebrew.evaluate("(line) => getComputedStyle(line).direction") == "ltr"
    page.goto(f"/t/{run.team.slug}/search/?q=iphone")
    assert page.locator(".found").evaluate("(line) => getComputedStyle(line).direction") == "rtl"


def test_find_and_copies_keep_the_direction(open_browser, owner, run):
    browser = open_browser(owner)
    browser.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = browser.page()
    page.goto(f"/runs/{run.pk}/?dub=arz")
    page.get_by_placeholder("Find in transcript").fill("iphone")
    expect(page.locator("#find output")).to_have_text("1 of 1")
    assert page.get_by_placeholder("Find in transcript").get_attribute("dir") == "rtl"
    for form, copied in (
        ("text", f"\u200f\u202b[0:00] Anna: {LINE}\u202c"),
        ("markdown", f"**Anna:** {LINE}\u202c"),
    ):
        texts(page, "#cue-1").hover()
        page.locator("#line-menu summary").click()
        page.locator(f"#line-menu [data-copy={form}]").click()
        expect(page.locator("#live")).to_have_text("Copied")
        page.evaluate("live.textContent = ''")
        assert page.evaluate("navigator.clipboard.readText()").endswith(copied)
        page.keyboard.press("Escape")


def test_captions_have_direction_marks(open_run):
    page = open_run(48207, "?dub=ar-sa")
    until(page, "media.textTracks[0].cues?.length > 0")
    for text in page.evaluate("[...media.textTracks[0].cues].map((cue) => cue.getCueAsHTML().textContent)"):
        for line in text.split("\n"):
            assert (line[:2], line[-1]) == ("\u200f\u202b", "\u202c")
