"""The inbox in a browser: the title counts on every page, and notifications come only on request."""

import re
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from results import clock
from results.models import InboxItem, Receiver, TeamVersion
from teams.models import User
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


def test_the_title_says_that_there_are_more_than_99(page, team, add_runs, item):
    add_runs(48241)
    member = team.memberships.get()
    InboxItem.objects.bulk_create(
        InboxItem(membership=member, kind="ready", first=1, last=1, count=1) for _ in range(120)
    )
    page.goto(reverse("runs-list", args=[team.slug]))
    expect(page).to_have_title(re.compile(r"^\(99\+\) Runs"))
    InboxItem.objects.update(read_at=clock.now())
    item(3)
    poll(page)
    expect(page).to_have_title(re.compile(r"^\(1\) Runs"))
    expect(page.get_by_role("link", name="Inbox 1 unread")).to_be_visible()


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


# --- Pages without polls of their own ---------------------------------------------------------------

READY = 48201
MINUTE_MS = 60_000


def pass_time(page, minutes: int) -> None:
    """Let so many minutes pass on the page, and be answered what it asks meanwhile."""
    page.clock.run_for(minutes * MINUTE_MS)
    page.evaluate("fetch('/health/alive/').then(() => null)")


@pytest.fixture
def open_quiet(page, team, add_runs):
    """Open a page whose own polls bring nothing, with a clock that the test sets."""

    def open_(name: str) -> None:
        [run] = add_runs(READY)
        page.add_init_script(FAKE)
        page.clock.install()
        page.goto(reverse(name, args=[run.pk if name == "runs-detail" else team.slug]))
        expect(page.locator("[data-poll]")).to_have_count(0)

    return open_


@pytest.mark.parametrize(
    "name",
    ["runs-detail", "inbox"]
    + [
        pytest.param(name, marks=pytest.mark.thorough)
        for name in ("search", "runs-add", "teams-detail", "runs-checks-board")
    ],
)
def test_a_page_without_polls_counts_within_a_minute(page, open_quiet, item, name):
    open_quiet(name)
    item(3)
    page.clock.run_for(MINUTE_MS)
    expect(page).to_have_title(re.compile(r"^\(1\) "))


def test_a_page_without_polls_shows_a_browser_notification(page, team, open_quiet, item):
    open_quiet("inbox")
    expect(page.get_by_text("New notifications")).to_be_hidden()
    page.get_by_role("button", name="Notify me in this browser").click()
    item(3)
    page.clock.run_for(MINUTE_MS)
    until(page, "window.shown.length")
    assert page.evaluate("window.shown") == [[team.name, "3 runs are ready"]]
    expect(page.locator("#live")).to_have_text("New notifications")
    page.get_by_role("link", name="Show").click()
    expect(page.get_by_text("3 runs are ready")).to_be_visible()


def test_in_quiet_hours_a_browser_notification_waits(page, team, open_quiet, item):
    hour, member = clock.now().hour, team.memberships.get()
    User.objects.update(time_zone="UTC")
    hours = {"quiet_from": hour, "quiet_until": (hour + 2) % 24}
    email = Receiver.objects.create(team=team, membership=member, way="email", **hours)
    open_quiet("inbox")
    page.get_by_role("button", name="Notify me in this browser").click()
    item(3)
    page.clock.run_for(MINUTE_MS)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    expect(page.get_by_role("link", name="New notifications")).to_be_visible()
    assert page.evaluate("window.shown") == []
    email.delete()
    page.clock.run_for(MINUTE_MS)
    until(page, "window.shown.length")


def test_a_hidden_tab_counts_where_its_own_polls_pause(page, team, add_runs, item):
    add_runs(READY)
    page.clock.install()
    page.goto(reverse("runs-list", args=[team.slug]))
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    poll(page)
    item(3)
    page.clock.run_for(MINUTE_MS)
    expect(page).to_have_title(re.compile(r"^\(1\) "))


@pytest.mark.parametrize("is_logged_out", [True, False])
def test_the_number_is_not_asked_for_again_after_a_refusal(
    page, team, owner, owner_browser, open_quiet, is_logged_out
):
    owner_browser.expects = ("status of 404",)
    open_quiet("search")
    if is_logged_out:
        owner_browser.context.clear_cookies()
    else:
        team.memberships.get(user=owner).delete()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    with page.expect_request("**/inbox/poll/"):
        page.clock.run_for(MINUTE_MS)
    pass_time(page, 1)
    pass_time(page, 40)
    assert sum("/inbox/poll/" in path for path in asked) == 1
    expect(page.locator("#search-box")).to_be_visible()


def test_a_server_in_trouble_is_asked_less_and_less(page, owner_browser, open_quiet):
    owner_browser.expects = ("status of 503",)
    open_quiet("search")
    asked: list[str] = []

    def refuse(route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503)

    page.route("**/inbox/poll/", refuse)
    for _ in range(25):
        pass_time(page, 1)
    # After a minute, and then after pauses of 2, 4, 8 and 15.
    assert len(asked) == 4
