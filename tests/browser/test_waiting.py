"""Tests that a page shows progress when a request of the user takes more than a moment."""

from django.urls import reverse

from tests.browser.conftest import until

LUMEN = 48230
LINE = 'getComputedStyle(document.body, "::before")'
WIDTH = f"new DOMMatrix({LINE}.transform).a"


def hold(page, pattern):
    """Hold requests to these addresses unanswered; return the list of them, for the test to fulfil."""
    held = []
    page.route(pattern, lambda route: held.append(route))
    return held


def test_a_line_grows_while_another_language_loads(page, team, add_runs):
    [run] = add_runs(LUMEN)
    page.goto(reverse("runs-detail", args=[run.pk]))
    assert page.evaluate(f"{LINE}.content") == "none"
    held = hold(page, "**/runs/*/?dub=*")
    page.get_by_role("link", name="French (France)").click()
    until(page, f"{WIDTH} > 0.1")
    held[0].fulfill(status=204)
    until(page, f'{LINE}.content === "none"')


def test_a_poll_shows_no_progress_line(page, team, add_runs):
    add_runs(LUMEN)
    page.goto(reverse("runs-list", args=[team.slug]))
    held = hold(page, "**/runs/poll/*")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, 'document.querySelector(".htmx-request") !== null')
    assert page.evaluate(f"{LINE}.content") == "none"
    held[0].fulfill(status=204)
