"""Tests of a long transcript, of which the page is sent with one section: the others come in by themselves."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from dashboard.pages import transcript_sections
from results.models import Dub, Run, TeamVersion
from results.search import indexing
from tests.browser.conftest import poll, until
from tests.factories import make_dub, make_ready_run

LINES = 300


@pytest.fixture(autouse=True)
def is_long(monkeypatch) -> None:
    """Have sections of about 40 lines."""
    monkeypatch.setattr(transcript_sections, "MAX_WHOLE_BYTES", 20_000)
    monkeypatch.setattr(transcript_sections, "SECTION_BYTES", 9_000)


@pytest.fixture
def long_dub(team) -> Dub:
    """A dub of 300 lines, without media, of which every tenth names the harbour."""
    lines = [f"Line {n}{' of the harbour' if n % 10 == 0 else ''}" for n in range(1, LINES + 1)]
    dub = make_dub(make_ready_run(team), lines, "en-us")
    Run.objects.update(due_at="2100-01-01T00:00Z")
    indexing.add_cues(dub.cues.all())
    return dub


class HeldSections:
    """Holds back all sections until `let_go`."""

    def __init__(self, page: Page) -> None:
        self._waiting: list[Route] | None = []
        page.route(re.compile("/lines/"), self._hold)

    def _hold(self, route: Route) -> None:
        if self._waiting is None:
            route.continue_()
        else:
            self._waiting.append(route)

    def let_go(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for route in waiting:
            route.continue_()


@pytest.fixture
def held(page) -> HeldSections:
    return HeldSections(page)


def run_path(dub: Dub, query: str = "") -> str:
    return reverse("runs-detail", args=[dub.run_id]) + query


def expect_all_lines(page: Page) -> None:
    expect(page.locator(".more-lines")).to_have_count(0)
    ids = page.locator(".part > li").evaluate_all("found => found.map((line) => line.id)")
    assert ids == [f"cue-{n}" for n in range(1, LINES + 1)]


@pytest.mark.parametrize("query", ["", "?t=300", "?t=599#cue-300", "?speaker=Anna&speaker=Ben"])
def test_all_lines_arrive_in_their_order(page, long_dub, query):
    page.goto(run_path(long_dub, query))
    expect_all_lines(page)


def test_what_is_read_stays_in_its_place_when_earlier_lines_come(page, long_dub, held):
    page.goto(run_path(long_dub, "?t=300"))
    expect(page.locator("#cues [aria-current]")).to_have_id("cue-151")
    page.locator(".lines").hover()
    page.mouse.wheel(0, 120)
    expect(page.locator("#back-to-line")).to_be_visible()
    line = page.locator("#cue-151")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    before = line.bounding_box()["y"]
    held.let_go()
    expect_all_lines(page)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert abs(line.bounding_box()["y"] - before) < 2
    expect(page.locator("#back-to-line")).to_be_visible()
    page.locator("#back-to-line").click()
    expect(line).to_be_in_viewport()


def test_on_a_phone_the_wanted_line_stays_in_view_when_earlier_lines_come(page, long_dub, held):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(run_path(long_dub, "?t=300"))
    line = page.locator("#cue-151")
    expect(line).to_have_attribute("aria-current", "true")
    expect(line).to_be_in_viewport()
    held.let_go()
    expect_all_lines(page)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(line).to_be_in_viewport()


def test_a_line_that_the_address_names_is_loaded_and_shown(page, long_dub):
    page.goto(run_path(long_dub, "#cue-290"))
    expect(page.locator("#cue-290")).to_have_attribute("aria-current", "true")
    expect(page.locator("#cue-290")).to_be_in_viewport()
    expect_all_lines(page)
    expect(page.locator("#cue-290")).to_have_attribute("aria-current", "true")


def test_stepping_goes_on_into_lines_that_are_not_there_yet(page, long_dub, held):
    page.goto(run_path(long_dub, "?t=599"))
    expect(page.locator("#cues [aria-current]")).to_have_id("cue-300")
    first = page.locator(".part > li").first.get_attribute("id")
    page.locator(f"#{first} p").click()
    for _ in range(LINES):
        if page.locator("#cues [aria-current]").get_attribute("id") == first:
            break
        page.keyboard.press(",")
    expect(page.locator("#cues [aria-current]")).to_have_id(first)
    page.keyboard.press(",")
    held.let_go()
    expect(page.locator("#cues [aria-current]")).to_have_id(f"cue-{int(first[4:]) - 1}")


def test_what_is_found_grows_with_the_lines(page, long_dub, held):
    page.goto(run_path(long_dub))
    box, count = page.get_by_role("searchbox", name="Find in transcript"), page.locator("#find output")
    box.fill("harbour")
    expect(count).to_have_text(re.compile(r"^1 of \d…$"))
    box.press("Enter")
    expect(count).to_have_text(re.compile(r"^2 of \d…$"))
    held.let_go()
    expect(count).to_have_text("2 of 30")
    box.press("Shift+Enter")
    box.press("Shift+Enter")
    expect(count).to_have_text("30 of 30")
    expect(page.locator("#cue-300")).to_be_in_viewport()


def test_all_lines_come_again_when_a_poll_replaces_them(page, long_dub):
    page.goto(run_path(long_dub))
    expect_all_lines(page)
    page.evaluate("window.before = cues")
    Dub.objects.filter(pk=long_dub.pk).update(language_source="user")
    Run.objects.update(version=TeamVersion.bump(long_dub.team_id))
    poll(page)
    until(page, "!before.isConnected")
    expect_all_lines(page)


def test_back_and_side_by_side_show_all_lines(page, long_dub):
    make_dub(long_dub.run, [f"Ligne {n}" for n in range(1, LINES + 1)], "fr-fr")
    page.goto(run_path(long_dub))
    page.locator(".beside-menu summary").click()
    page.locator(".beside-menu .menu-list a").first.click()
    expect(page.locator("[id^=other-]")).to_have_count(LINES)
    page.go_back()
    expect(page.locator("[id^=other-]")).to_have_count(0)
    expect_all_lines(page)
