"""Can everybody use every page? Axe finds nothing on any of them, in both themes, on a desk and on a phone."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE, until
from tests.browser.pages import DOORS, pages_of

# All rules of WCAG 2.2 AA and axe's own best practices; the size of what is tapped is off unless asked for.
# So high that no bar lies over what would have to be scrolled to.
HEIGHT = 2400
WIDTHS = pytest.mark.parametrize("width", [DESKTOP[0], PHONE[0]], ids=["desk", "phone"])
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}


def broken_rules(page: Page, options: dict[str, Any]) -> list[str]:
    result = Axe().run(page, options=options).response
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@WIDTHS
def test_no_page_breaks_a_rule(visit, owner, team, add_runs, width):
    found = {}
    for user, pages in ((None, DOORS), (owner, pages_of(team, add_runs))):
        somebody = visit(user, (width, HEIGHT), reduced_motion="reduce")
        somebody.expects = ("status of 404",)
        page = somebody.page()
        for name, path in pages.items():
            page.emulate_media(color_scheme="light")
            page.goto(path)
            found[name] = broken_rules(page, OPTIONS)
            page.emulate_media(color_scheme="dark")  # of all the rules, a theme can only break these
            found[f"{name}, dark"] = broken_rules(page, COLOURS)
    assert {name: said for name, said in found.items() if said} == {}


@WIDTHS
def test_what_opens_on_a_page_breaks_no_rule(visit, owner, team, add_runs, width):
    pages = pages_of(team, add_runs)
    page = visit(owner, (width, HEIGHT), reduced_motion="reduce").page()

    def opened(path, *clicks):
        page.goto(path)
        for click in clicks:
            page.locator(click).click()
        # Axe looks at one thing after another, and would meet what is on its way only with some of its rules.
        until(page, 'document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling") === null')
        return broken_rules(page, OPTIONS)

    assert opened(pages["runs"], ".team-switch summary") == []
    assert opened(pages["runs"], ".person summary") == []
    assert opened(pages["runs"], ".rename >> nth=0") == []
    assert opened(pages["runs"], "[name=pk] >> nth=0") == []
    assert opened(pages["run 48230"], ".history-drawer summary") == []
    assert opened(pages["run 48230"], "#speakers .icon-button >> nth=0", ".speaker-form [name=name]") == []
    assert opened(pages["run 48230"], ".beside-menu > summary") == []
    assert opened(pages["run 48230"], "#cue-8 > button", ".line-menu summary") == []
    assert opened(f"{pages['run 48230']}?beside=fr-fr&speaker=Presentadora") == []
    if width == DESKTOP[0]:
        assert opened(pages["run 48230"], "[data-keys]") == []
        for menu in (0, 1):  # on a phone it covers rows, and so a part of a box
            assert opened(pages["runs"], "[name=pk] >> nth=0", f".bulk summary >> nth={menu}") == []
