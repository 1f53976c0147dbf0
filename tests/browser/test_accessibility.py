"""Can everybody use every page? Axe finds nothing on any of them, in both themes, on a desk and on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.pages import DOORS, pages_of

# All rules of WCAG 2.2 AA and axe's own best practices; the size of what is tapped is off unless asked for.
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


def violations(page: Page, pages: dict[str, str]) -> dict[str, list[str]]:
    found = {}
    for name, path in pages.items():
        page.goto(path)
        page.evaluate("document.fonts.ready")
        result = Axe().run(page, options=OPTIONS).response
        found[name] = [
            f"{violation['id']}: {node['html']} {node['failureSummary']}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]
    return {name: said for name, said in found.items() if said}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP[0], PHONE[0]], ids=["desk", "phone"])
def test_no_page_breaks_a_rule(visit, owner, team, add_runs, width, theme):
    pages = pages_of(team, add_runs)
    # So high that no bar lies over what would have to be scrolled to.
    options = {"size": (width, 2400), "color_scheme": theme, "reduced_motion": "reduce"}
    somebody, owners = visit(None, **options), visit(owner, **options)
    for each in (somebody, owners):
        each.expects = ("status of 404",)
    assert violations(somebody.page(), DOORS) | violations(owners.page(), pages) == {}


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_what_opens_on_a_page_breaks_no_rule(visit, owner, team, add_runs, size):
    pages = pages_of(team, add_runs)
    page = visit(owner, size, reduced_motion="reduce").page()

    def opened(path, *clicks):
        page.goto(path)
        for click in clicks:
            page.locator(click).click()
        result = Axe().run(page, options=OPTIONS).response
        return [f"{each['id']}: {each['nodes'][0]['html']}" for each in result["violations"]]

    assert opened(pages["runs"], ".team-switch summary") == []
    assert opened(pages["runs"], ".person summary") == []
    assert opened(pages["runs"], ".rename >> nth=0") == []
    assert opened(pages["run 48230"], ".history-drawer summary") == []
    if size == DESKTOP:
        assert opened(pages["run 48230"], "[data-keys]") == []
