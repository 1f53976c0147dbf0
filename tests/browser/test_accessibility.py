"""Accessibility tests: axe finds no violation on any page, in both themes, on a desktop and on a phone."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.urls import reverse
from playwright.sync_api import expect

from results.db import health
from teams.models import Membership
from tests.browser.conftest import DESKTOP, PHONE, until
from tests.browser.pages import SIGNED_OUT_PAGES, broken_rules, pages_of
from tests.factories import make_member

# High enough that nothing has to be scrolled, so that no bar covers content.
HEIGHT = 2400
WIDTHS = {"desktop": DESKTOP[0], "phone": PHONE[0]}
# The pages are split among several tests, so that parallel test processes share the work.
PARTS = 3
# The only rules that a theme can break.
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


ONE_WIDTH = [
    pytest.param(width, id=name, marks=() if name == "phone" else pytest.mark.thorough)
    for name, width in WIDTHS.items()
]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_breaks_a_rule(open_browser, owner, team, add_runs, part):
    found = {}
    for user, pages in ((None, SIGNED_OUT_PAGES), (owner, pages_of(team, add_runs))):
        browser = open_browser(user, reduced_motion="reduce")
        browser.expects = ("status of 404",)
        page = browser.page()
        for name, path in list(pages.items())[part::PARTS]:
            page.goto(path)
            # `make judge` tries each size in each theme.
            for (size, width), theme in zip(WIDTHS.items(), ("light", "dark"), strict=True):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                page.emulate_media(color_scheme=theme)
                found[f"{name}, {size}, {theme}"] = broken_rules(page)
    assert {name: broken for name, broken in found.items() if broken} == {}


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_no_menu_form_or_dialog_breaks_a_rule(open_browser, owner, team, add_runs, width):
    pages = pages_of(team, add_runs)
    page = open_browser(owner, (width, HEIGHT), reduced_motion="reduce").page()

    def opened(path, *clicks):
        page.goto(path)
        for click in clicks:
            page.locator(click).click()
        # Axe runs its rules one after another: content that arrives meanwhile would be seen by some of them only.
        until(page, 'document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling") === null')
        return broken_rules(page)

    assert opened(pages["runs"], ".team-switch summary") == []
    assert opened(pages["runs"], ".user-menu summary") == []
    assert opened(pages["runs"], ".rename >> nth=0") == []
    assert opened(pages["runs"], "[name=pk] >> nth=0") == []
    assert opened(pages["run 48230"], ".history-drawer summary") == []
    assert opened(pages["run 48230"], "#speakers .icon-button >> nth=0", ".speaker-form [name=name]") == []
    assert opened(pages["run 48230"], ".beside-menu > summary") == []
    assert opened(pages["run 48230"], "#cue-8 > button", ".line-menu summary") == []
    assert opened(f"{pages['run 48230']}?beside=fr-fr&speaker=Presentadora") == []
    if width == DESKTOP[0]:
        assert opened(pages["run 48230"], ".player-bar [data-shortcuts]") == []
        for menu in (0, 1):  # on a phone a menu covers rows, and so a part of a checkbox
            assert opened(pages["runs"], "[name=pk] >> nth=0", f".bulk-bar summary >> nth={menu}") == []


@pytest.mark.parametrize("size", [(360, 480), (768, 560)], ids=["phone", "tablet"])
def test_no_bar_covers_a_part_of_what_is_pressed_wherever_the_page_is_scrolled(
    open_browser, owner, team, add_runs, size
):
    pages = pages_of(team, add_runs)
    page = open_browser(owner, size, reduced_motion="reduce").page()
    found = {}
    for name in ("runs", "found", "run 48230", "team", "add runs"):
        page.goto(pages[name])
        end = page.evaluate("document.documentElement.scrollHeight - innerHeight")
        for top in sorted({*range(0, min(end, 800), 97), end}):
            page.evaluate("(top) => scrollTo(0, top)", top)
            found[f"{name} at {top}"] = broken_rules(page, {"runOnly": ["target-size"]})
    assert {name: broken for name, broken in found.items() if broken} == {}


LOOKS = """(element) => {
  const { backgroundColor, borderBottomColor } = getComputedStyle(element);
  return [backgroundColor, borderBottomColor];
}"""


def test_the_chosen_item_stands_out_in_forced_colours(open_browser, owner, team, add_runs):
    page = open_browser(owner, forced_colors="active", color_scheme="dark").page()
    page.add_init_script("localStorage.setItem('theme', 'light')")
    page.goto(pages_of(team, add_runs)["run 48230"])
    for links in (".rail-links a", ".dub > .tabs a", ".player-bar .segmented a"):
        chosen = str(page.locator(f"{links}[aria-current]").evaluate(LOOKS))
        others = {str(other.evaluate(LOOKS)) for other in page.locator(f"{links}:not([aria-current])").all()}
        assert chosen not in others, links
    shares = page.locator(".speaker-list progress").evaluate_all(f"(all) => all.map({LOOKS})")
    assert [background for background, _ in shares] == ["rgb(42, 42, 48)"] * 2


@pytest.mark.parametrize("width", ONE_WIDTH)
@pytest.mark.parametrize(
    ("error", "status"), [(ZeroDivisionError("at work"), 500), (OperationalError("too many connections"), 503)]
)
def test_pages_of_server_errors_break_no_rule(open_browser, owner, team, monkeypatch, error, status, width):
    def fail(_):
        raise error

    browser = open_browser(owner, (width, HEIGHT), reduced_motion="reduce")
    browser.expects = (f"status of {status}",)
    page = browser.page()
    monkeypatch.setattr(health, "_was_migrated", True)
    monkeypatch.setattr(SessionStore, "load", fail)
    answer = page.goto("/")
    assert (answer.status, str(error) in page.content()) == (status, False)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert broken_rules(page) == []
    page.emulate_media(color_scheme="dark")
    assert broken_rules(page, COLOURS) == []


@pytest.mark.parametrize("width", ONE_WIDTH)
def test_pages_of_refusals_break_no_rule(open_browser, owner, team, settings, width):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/h/ip", "key_test": "1/h/user"}
    viewer = make_member(team, Membership.Role.VIEWER)
    browsers = [open_browser(user, reduced_motion="reduce") for user in (viewer, owner, None)]
    viewing, testing, guessing = (browser.page() for browser in browsers)
    for browser in browsers:
        browser.expects = ("status of 403", "status of 422", "status of 429")
    viewing.goto(reverse("runs-add", args=[team.slug]))
    testing.goto(reverse("keys", args=[team.slug]))
    guessing.goto("/accounts/login/")
    for _ in range(2):
        testing.get_by_role("button", name="Test this key").click()
        guessing.get_by_label("Email address").fill(owner.email)
        guessing.get_by_label("Password").fill("a guess")
        guessing.get_by_role("button", name="Log in", exact=True).click()
    expect(viewing.locator("h1")).to_have_text("You cannot do that")
    for page in (testing, guessing):
        expect(page.locator("h1")).to_have_text("Too many attempts")
    for page in (viewing, testing, guessing):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert broken_rules(page) == []
        page.emulate_media(color_scheme="dark")
        assert broken_rules(page, COLOURS) == []
