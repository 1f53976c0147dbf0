"""The inbox in a browser: the title counts with the list's own poll, and notifications come only on request."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from results.models import InboxItem, TeamVersion
from tests.browser.conftest import poll, until

FAKE = """
window.shown = [];
window.Notification = class extends EventTarget {
  static permission = localStorage.getItem("fake-permission") || "default";
  static async requestPermission() {
    localStorage.setItem("fake-permission", "granted");
    return (Notification.permission = "granted");
  }
  constructor(title, options) { super(); window.shown.push([title, options.body]); }
};
"""


@pytest.fixture
def item(team):
    """Add a line to the inbox of the team's owner, as a worker does."""

    def add(count: int) -> None:
        membership = team.memberships.get()
        InboxItem.objects.create(membership=membership, kind="ready", first=1, last=2, count=count)
        TeamVersion.bump(team.pk)

    return add


def test_the_title_counts_with_the_lists_own_poll_and_nothing_is_shown_unasked(page, team, add_runs, item):
    add_runs(48241)
    page.add_init_script(FAKE)
    page.goto(reverse("runs-list", args=[team.slug]))
    item(3)
    poll(page)
    until(page, "document.title.startsWith('(1) ')")
    expect(page.locator("#inbox-count")).to_contain_text("1")
    assert page.evaluate("window.shown") == []


def test_a_browser_notification_is_shown_on_request(page, team, add_runs, item):
    add_runs(48241)
    page.add_init_script(FAKE)
    page.goto(reverse("inbox", args=[team.slug]))
    page.get_by_role("button", name="Notify me in this browser").click()
    expect(page.get_by_role("button", name="Stop browser notifications")).to_be_visible()
    page.goto(reverse("runs-list", args=[team.slug]))
    item(3)
    poll(page)
    until(page, "window.shown.length")
    assert page.evaluate("window.shown") == [[team.name, "3 runs are ready"]]
