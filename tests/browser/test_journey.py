"""Tests the whole journey of a new user: from the sign-up to the second of the dub at which a word is said."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import path_of, poll, until

PASTED = """Hi Kim! Please have a look at these two:
 - https://studio.example.org/dubbing?run_id=48201 (Between the Tides)
 - run_id: 48241
and 12ab is not one."""


def test_a_new_user_gets_from_sign_up_to_a_search_hit(open_browser, camb, camb_clock, work):
    page = open_browser().page()

    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Your name").fill("Kim Rivera")
    page.get_by_label("Email address").fill("kim@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign up").click()

    page.get_by_label("Team name").fill("Harbour Studio")
    page.get_by_role("button", name="Create team").click()

    page.get_by_role("link", name="Add the key").first.click()
    page.get_by_role("textbox", name="CAMB.AI key").fill("demo-key")
    page.get_by_role("button", name="Save and test").click()
    expect(page.locator("#key-state")).to_contain_text("Testing")
    work()
    poll(page)
    expect(page.locator("#key-state")).to_contain_text("Working")
    page.get_by_role("button", name="Test this key").click()
    work()
    poll(page)
    expect(page.locator("#key-state")).to_contain_text("Working")

    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="Add runs").click()
    page.get_by_label("Run ids").fill(PASTED)
    expect(page.locator("#preview")).to_contain_text("2 new runs · 1 not an id")
    page.get_by_role("button", name="Add 2 runs").click()
    expect(page.locator("#messages")).to_contain_text("2 runs are added.")

    work()
    rows = page.locator("#runs-list tbody tr")
    poll(page)
    expect(rows.filter(has_text="48201")).to_contain_text("Ready")
    waiting = rows.filter(has_text="48241")
    expect(waiting).to_contain_text("Waiting")
    page.evaluate("window.isSamePage = true")
    camb_clock.ahead += 60
    work()
    poll(page)
    expect(waiting).to_contain_text("Ready")
    expect(page.locator("#runs-strip")).to_contain_text("2 of 2 ready")
    assert page.evaluate("window.isSamePage")

    waiting.get_by_role("link").first.click()
    media = page.locator("#media")
    expect(media).to_have_js_property("readyState", 4)
    media.evaluate("element => element.play()")
    until(page, "media.currentTime > 0.2")
    assert media.evaluate("element => [element.error, element.videoWidth > 0]") == [None, True]

    page.keyboard.press("/")
    page.keyboard.type("anémonas")
    page.keyboard.press("Enter")
    expect(page.locator(".hit mark")).to_have_text("anémonas")
    page.locator(".hit > a").click()
    expect(page).to_have_url(re.compile(r"[?&]t=8(&find=[^#]*)?#cue-3$"))
    expect(page.locator("#cues [aria-current]")).to_contain_text("anémonas")
    until(page, "Math.abs(media.currentTime - 8.99) < 0.3")


@pytest.mark.parametrize("moment", ["?t=0m13s", "#cue-4"])
def test_an_address_with_a_second_survives_the_login_page(open_browser, owner, add_runs, moment):
    [run] = add_runs(48201)
    page = open_browser().page()
    page.goto(f"/runs/{run.pk}/{moment}")
    assert path_of(page) == "/accounts/login/"
    page.get_by_label("Email address").fill(owner.email)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page).to_have_url(re.compile(re.escape(f"/runs/{run.pk}/{moment}")))
    until(page, "media.currentTime > 12.7")
    expect(page.locator("#cues [aria-current]")).to_contain_text("cangrejos")
