"""Tests of a lost connection: the text stays, the page says so, sends nothing, and goes on by itself."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import poll, until

LUMEN = 48230
LOST = "No connection. Your text is kept; trying again."
# Notes that a request for this place was about to be sent, and was held back.
NOTE_HELD = """place => document.addEventListener("htmx:beforeRequest", ({ detail }) => setTimeout(() => {
  if (detail.requestConfig.target?.matches(place)) window.isHeld = true;
}))"""
PLACES = pytest.mark.parametrize(
    ("name", "box", "typed", "place", "found"),
    [
        ("runs-add", "textarea", "7 8", "#preview", "2 new runs"),
        ("runs-list", "#main input[type=search]", "nowhere", "#runs-list", "No runs match"),
        ("search", "#search-box", "zzz", "#hits", "zzz"),
    ],
)


@PLACES
def test_typing_offline_writes_no_error_and_is_answered_once_online(
    page, owner_browser, team, add_runs, name, box, typed, place, found
):
    add_runs(LUMEN)
    page.goto(reverse(name, args=[team.slug]))
    page.evaluate(NOTE_HELD, place)
    # On its own machine the page looks whether the server is there all the same, and Chromium notes that.
    owner_browser.expects = ("ERR_INTERNET_DISCONNECTED",)
    owner_browser.context.set_offline(True)
    expect(page.locator("#connection")).to_have_text(LOST)
    page.locator(box).press_sequentially(typed)
    poll(page)
    until(page, "window.isHeld")
    assert found not in page.locator(place).inner_text()
    owner_browser.context.set_offline(False)
    expect(page.locator(place)).to_contain_text(found)
    expect(page.locator("#connection")).to_be_empty()
    expect(page.locator(box)).to_have_value(typed)


def test_a_server_that_is_away_is_asked_seldom_until_it_is_back(page, owner_browser, team, add_runs):
    add_runs(LUMEN)
    # Chromium itself notes each request that fails; no page can keep it from that.
    owner_browser.expects = ("net::ERR_",)
    page.goto(reverse("search", args=[team.slug]))
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.route("**/*", lambda route: route.abort("connectionrefused"))
    page.locator("#search-box").press_sequentially("zzz zzz zzz", delay=100)
    expect(page.locator("#connection")).to_have_text(LOST)
    assert len(failed) <= 3
    page.unroute("**/*")
    expect(page.locator("#hits")).to_contain_text("zzz zzz zzz")
    expect(page.locator("#connection")).to_be_empty()


def test_a_form_submitted_offline_is_sent_once_online(page, owner_browser, team):
    owner_browser.expects = ("ERR_INTERNET_DISCONNECTED",)
    page.goto(reverse("teams-detail", args=[team.slug]))
    owner_browser.context.set_offline(True)
    expect(page.locator("#connection")).to_have_text(LOST)
    page.locator("#id_name").fill("Harbour Dubs")
    page.get_by_role("region", name="Name").get_by_role("button", name="Save").click()
    expect(page.locator("#id_name")).to_have_value("Harbour Dubs")
    owner_browser.context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbour Dubs")
    team.refresh_from_db()
    assert team.name == "Harbour Dubs"


def test_replaced_requests_write_nothing_on_the_console(page, team, add_runs):
    add_runs(LUMEN)
    page.goto(reverse("search", args=[team.slug]))
    page.route("**/search/hits/*", lambda route: None)  # held unanswered
    page.locator("#search-box").press_sequentially("market street", delay=30)


def test_the_palette_says_that_there_is_no_connection_and_fills_itself_once_online(
    page, owner_browser, team, add_runs
):
    add_runs(LUMEN)
    owner_browser.expects = ("ERR_INTERNET_DISCONNECTED",)
    page.goto(reverse("runs-list", args=[team.slug]))
    palette = page.get_by_role("dialog", name="Go to")
    owner_browser.context.set_offline(True)
    expect(page.locator("#connection")).to_have_text(LOST)
    page.keyboard.press("Control+k")
    expect(palette).to_contain_text(LOST)
    owner_browser.context.set_offline(False)
    expect(palette.get_by_role("option", name="Runs", exact=True)).to_be_visible()
    expect(palette.get_by_role("status")).to_be_hidden()
