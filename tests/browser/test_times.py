"""Tests of times: browsers whose clock is wrong, also after a swap, and the time zone of browser and user."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from results.models import Call, Run, TeamVersion
from teams.models import User
from tests.browser.conftest import poll
from tests.factories import make_run

HOUR = timedelta(hours=1)
ERRORS = [
    pytest.param(timedelta(), id="right", marks=pytest.mark.thorough),
    pytest.param(-2 * HOUR, id="2h slow"),
    pytest.param(2 * HOUR, id="2h fast", marks=pytest.mark.thorough),
    pytest.param(timedelta(seconds=-90), id="90s slow", marks=pytest.mark.thorough),
    pytest.param(timedelta(days=40), id="40d fast"),
    pytest.param(timedelta(days=-400), id="400d slow", marks=pytest.mark.thorough),
]


def relative_times(page: Page) -> list[str]:
    return page.locator("time[data-relative]").all_text_contents()


@pytest.fixture
def wrong_page(open_browser, owner):
    """Return a function that opens a page of the owner in a browser whose clock is wrong by this much."""

    def open_page(error: timedelta) -> Page:
        page = open_browser(owner).page()
        page.clock.install(time=timezone.now() + error)
        return page

    return open_page


@pytest.mark.parametrize("error", ERRORS)
def test_the_past_is_never_the_future_on_a_browser_with_a_wrong_clock(team, wrong_page, error):
    now = timezone.now()
    make_run(team, checked_at=now - timedelta(minutes=5), due_at=now + 9.5 * HOUR)
    make_run(team, checked_at=now, due_at=None)
    Call.objects.create(
        team=team, at=now - 3 * HOUR, outcome=Call.Outcome.ANSWERED, http_status=200, ms=9, run_count=1
    )
    page = wrong_page(error)
    page.goto(f"/t/{team.slug}/runs/")
    expect(page.locator("td.run-checked").nth(1)).to_contain_text("5m ago")
    shown = relative_times(page)
    assert [text for text in shown if re.search(r"in \d+", text)] == ["in 9h", "next in 9h"]  # strip and row
    page.goto(f"/t/{team.slug}/activity/")
    expect(page.locator("#activity-calls .when")).to_have_text("3h ago")


@pytest.mark.parametrize("error", ERRORS)
def test_nor_after_a_swap(team, wrong_page, error):
    run = make_run(team, due_at=timezone.now() + 9.5 * HOUR)
    page = wrong_page(error)
    page.goto(f"/t/{team.slug}/runs/")
    expect(page.locator("td.run-checked time")).to_have_text("next in 9h")
    Run.objects.filter(pk=run.pk).update(checked_at=timezone.now(), version=TeamVersion.bump(team.pk))
    poll(page)
    expect(page.locator("td.run-checked time").first).to_have_text(re.compile(r"^\d+s ago$"))


def test_a_clock_that_is_set_while_a_page_is_open_is_noticed_at_the_next_poll(team, wrong_page):
    run = make_run(team, checked_at=timezone.now() - timedelta(minutes=5), due_at=timezone.now() + 9.5 * HOUR)
    page = wrong_page(-2 * HOUR)
    page.goto(f"/t/{team.slug}/runs/")
    page.clock.set_system_time(timezone.now())
    Run.objects.filter(pk=run.pk).update(version=TeamVersion.bump(team.pk))
    poll(page)
    expect(page.locator("td.run-checked time").first).to_have_text("5m ago")
    expect(page.locator("td.run-checked time").last).to_have_text("next in 9h")


@pytest.mark.parametrize(
    "zone",
    ["Asia/Kathmandu", "UTC"]
    + [
        pytest.param(zone, marks=pytest.mark.thorough)
        for zone in ("Europe/Berlin", "America/New_York", "Pacific/Apia")
    ],
)
def test_the_first_page_tells_the_zone_of_the_browser(team, owner, open_browser, zone):
    page = open_browser(owner, timezone_id=zone).page()
    page.goto(f"/t/{team.slug}/runs/")
    page.goto(reverse("profile"))
    expect(page.get_by_label("Time zone")).to_have_value(zone)
    assert User.objects.get(pk=owner.pk).time_zone == zone


def test_times_are_in_the_users_zone_and_not_the_browsers(team, owner, open_browser):
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
    make_run(team, checked_at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC), due_at=None)
    page = open_browser(owner, timezone_id="America/New_York").page()
    page.goto(f"/t/{team.slug}/runs/")
    expect(page.locator("td.run-checked time")).to_have_attribute("title", re.compile(r"Nov 23, 2026, 8:30:00\sAM"))
    page.goto(reverse("profile"))
    expect(page.get_by_text("Your browser's time zone is America/New_York.")).to_be_visible()
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_role("button", name="Save").click()
    page.goto(f"/t/{team.slug}/runs/")
    expect(page.locator("td.run-checked time")).to_have_attribute("title", re.compile(r"Nov 22, 2026, 6:30:00\sPM"))
