"""Tests of the command palette: everything in a team is a few keys away."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.pages import broken_rules

TIDES, KYOTO = 48201, 48202


@pytest.fixture
def palette(page, team, add_runs):
    add_runs(TIDES, KYOTO)
    page.goto(reverse("runs-list", args=[team.slug]))
    page.keyboard.press("Control+k")
    return page.get_by_role("dialog", name="Go to")


def selected(palette):
    return palette.locator('[aria-selected="true"]')


def test_it_opens_with_the_pages_and_the_newest_runs(palette):
    expect(palette.get_by_role("combobox")).to_be_focused()
    expect(selected(palette)).to_have_text("Runs")
    expect(palette.get_by_role("option").filter(has_text="Tides")).to_contain_text("Ready")


def test_arrow_keys_choose_and_enter_opens(page, palette):
    expect(selected(palette)).to_have_text("Runs")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(selected(palette)).to_have_text("Review checks")
    page.keyboard.press("ArrowUp")
    expect(selected(palette)).to_have_text("Add runs")
    expect(palette.get_by_role("combobox")).to_have_attribute("aria-activedescendant", "palette-page-2")
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    expect(selected(palette)).to_contain_text("Between the Tides")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Between the Tides")


def test_enter_waits_for_the_entries_of_the_typed_text(page, palette):
    page.keyboard.type("kyoto")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kyoto Kitchen")


def test_the_same_text_is_looked_up_again_when_it_is_pasted_again(page, palette):
    for _ in range(2):
        palette.get_by_role("combobox").fill("kyoto")
        expect(selected(palette)).to_contain_text("Kyoto Kitchen")
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        expect(selected(palette)).to_have_text("Runs")


def test_text_that_names_no_place_is_searched_for(page, palette):
    page.keyboard.type("cangrejos")
    expect(selected(palette)).to_have_text("Search every transcript for cangrejos")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search/\?q=cangrejos$"))


def test_closing_it_returns_the_focus(page, palette):
    page.keyboard.type("kyoto")
    expect(selected(palette)).to_contain_text("Kyoto")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    opener = page.get_by_role("button", name="Go to")
    for close in (lambda: page.keyboard.press("Control+k"), lambda: page.mouse.click(5, 5)):
        opener.click()
        expect(palette.get_by_role("combobox")).to_have_value("")
        close()
        expect(palette).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.press("Control+k")
    expect(opener).to_be_focused()


def test_it_opens_while_the_user_types_in_a_field(page: Page, palette):
    page.keyboard.press("Escape")
    page.locator("#search-box").fill("half a th")
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#search-box")).to_be_focused()
    expect(page.locator("#search-box")).to_have_value("half a th")


def test_it_breaks_no_rule_of_axe(page, palette):
    page.emulate_media(reduced_motion="reduce")
    page.keyboard.type("ti")
    expect(palette.get_by_role("option").filter(has_text="Search every transcript for ti")).to_be_visible()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert (theme, broken_rules(page)) == (theme, [])
