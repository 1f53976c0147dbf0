"""Each user's time zone: where it comes from, and that shown dates, typed dates and periods use it."""

import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from results.models import Attempt, Call, InboxItem, SavedSearch, SearchAlert
from results.runs.trash import remove_team
from results.search import saved
from teams import audit
from teams.models import AccessToken, Membership, User
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_dub, make_member, make_run, make_searchable_dub, make_team

pytestmark = pytest.mark.django_db

# 23:30 on Sunday the 22nd in London is Monday in Berlin and still Sunday noon in Honolulu.
SUNDAY_NIGHT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "Pacific/Honolulu", "Asia/Kathmandu", "Pacific/Kiritimati", "America/St_Johns"]


@pytest.fixture
def user(team) -> User:
    return make_member(team)


@pytest.fixture
def browser(user) -> Client:
    return signed_in(user)


def live_in(user: User, zone: str) -> None:
    User.objects.filter(pk=user.pk).update(time_zone=zone)


# --- Where it comes from -----------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_the_zone_of_the_first_browser_is_kept(team, user, browser, zone):
    browser.cookies["time_zone"] = zone
    page = browser.get(reverse("runs-list", args=[team.slug])).content.decode()
    assert f'<meta name="time-zone" content="{zone}">' in page
    browser.cookies["time_zone"] = "Asia/Tokyo"
    browser.get(reverse("runs-list", args=[team.slug]))
    user.refresh_from_db()
    assert user.time_zone == zone


@pytest.mark.parametrize("cookie", ["", "Mars/Phobos", "../../etc/passwd", "x" * 3000, "%00", "europe/berlin"])
def test_a_zone_that_does_not_exist_is_not_taken_from_a_browser(team, user, browser, cookie):
    browser.cookies["time_zone"] = cookie
    for name, args in (("runs-list", [team.slug]), ("activity", [team.slug]), ("profile", [])):
        assert browser.get(reverse(name, args=args)).status_code == 200
    user.refresh_from_db()
    assert user.time_zone == ""


def test_a_kept_zone_that_has_left_the_database_of_zones_means_utc(team, user, browser):
    live_in(user, "Europe/Atlantis")
    run = make_run(team, checked_at=SUNDAY_NIGHT)
    assert "2026-11-22 23:30 UTC" in browser.get(reverse("runs-list", args=[team.slug])).content.decode()
    assert browser.get(reverse("runs-detail", args=[run.pk])).status_code == 200


def test_a_page_without_a_session_looks_for_no_user(django_assert_num_queries):
    client = Client()
    client.cookies["time_zone"] = "Europe/Berlin"
    with django_assert_num_queries(0):
        assert "Cookie" not in client.get(reverse("account_login")).headers.get("Cache-Control", "")


def test_no_zone_stays_for_the_next_request_of_the_thread(team, user, browser):
    live_in(user, "Asia/Tokyo")
    browser.get(reverse("runs-list", args=[team.slug]))
    assert timezone.get_current_timezone_name() == "UTC"


# --- The profile -------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_the_profile_changes_the_zone(user, browser, zone):
    response = browser.post(reverse("profile"), {"name": "Kim", "time_zone": zone}, follow=True)
    assert "Your profile is saved." in text_of(response)
    assert f'<option value="{zone}" selected>' in response.content.decode()
    user.refresh_from_db()
    assert (user.name, user.time_zone) == ("Kim", zone)


@pytest.mark.parametrize("zone", ["Mars/Phobos", "../../etc/passwd", "europe/berlin", "x" * 3000, "UTC\0", "<b>"])
def test_the_profile_refuses_an_unknown_zone_in_a_sentence(user, browser, zone):
    live_in(user, "Asia/Tokyo")
    response = browser.post(reverse("profile"), {"name": "Kim", "time_zone": zone})
    assert response.status_code == 422
    assert "Choose one from the list." in text_of(response)
    assert "<b>" not in response.content.decode()
    user.refresh_from_db()
    assert (user.name, user.time_zone) == ("", "Asia/Tokyo")


def test_the_profile_takes_an_earlier_name_of_a_zone(user, browser):
    browser.post(reverse("profile"), {"name": "Kim", "time_zone": "Asia/Calcutta"})
    user.refresh_from_db()
    assert user.time_zone == "Asia/Kolkata"


def test_the_profile_without_a_zone_keeps_the_one_there_is(user, browser):
    live_in(user, "Asia/Tokyo")
    browser.post(reverse("profile"), {"name": "Kim"})
    user.refresh_from_db()
    assert (user.name, user.time_zone) == ("Kim", "Asia/Tokyo")


def test_the_profile_proposes_the_browsers_zone(user, browser):
    live_in(user, "Asia/Tokyo")
    browser.cookies["time_zone"] = "America/New_York"
    page = browser.get(reverse("profile"))
    assert "Your browser's time zone is America/New_York." in text_of(page)
    assert '<option value="Asia/Tokyo" selected>' in page.content.decode()


# --- Shown dates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "2026-11-22 23:30 UTC"),
        ("Europe/Berlin", "2026-11-23 00:30 CET"),
        ("Pacific/Honolulu", "2026-11-22 13:30 HST"),
        ("Asia/Kathmandu", "2026-11-23 05:15 +0545"),
        ("Pacific/Kiritimati", "2026-11-23 13:30 +14"),
        ("America/St_Johns", "2026-11-22 20:00 NST"),
    ],
)
def test_every_shown_date_is_in_the_users_zone(team, user, browser, zone, shown):
    live_in(user, zone)
    run = make_run(team, checked_at=SUNDAY_NIGHT, due_at=SUNDAY_NIGHT)
    call = Call.objects.create(
        team=team, at=SUNDAY_NIGHT, outcome=Call.Outcome.ANSWERED, http_status=200, ms=9, run_count=1
    )
    Attempt.objects.create(run=run, call=call)
    AccessToken.objects.issue(
        Membership.objects.get(user=user), "t", can_write=False, expires_at=SUNDAY_NIGHT + timedelta(days=365)
    )
    addresses = [reverse(name, args=[team.slug]) for name in ("runs-list", "activity")]
    addresses += [reverse(name, args=[run.pk]) for name in ("runs-detail", "runs-history")]
    for address in addresses:
        assert shown in browser.get(address).content.decode(), address
    year_later = shown.replace("2026", "2027")
    assert year_later in browser.get(reverse("tokens", args=[team.slug])).content.decode()


@pytest.mark.parametrize(
    ("zone", "date"), [("UTC", "2026-11-22"), ("Europe/Berlin", "2026-11-23"), ("Pacific/Honolulu", "2026-11-22")]
)
def test_the_dates_in_the_names_of_downloads_are_the_users(team, user, browser, zone, date, monkeypatch):
    live_in(user, zone)
    make_dub(make_run(team), ["Hello"])
    monkeypatch.setattr(timezone, "now", lambda: SUNDAY_NIGHT)
    for name, query in (("runs-export-selection", ""), ("search-export", "?q=hello")):
        response = browser.get(reverse(name, args=[team.slug]) + query)
        assert f"{team.slug}-{date}" in response.headers["Content-Disposition"]


# --- Typed dates and periods -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "is_monday"),
    [
        ("", False),
        ("UTC", False),
        ("Europe/Berlin", True),
        ("Pacific/Honolulu", False),
        ("Asia/Kathmandu", True),
        ("America/St_Johns", False),
        ("Pacific/Kiritimati", True),
    ],
)
def test_days_in_a_search_are_the_users(team, user, browser, zone, is_monday):
    live_in(user, zone)
    make_searchable_dub(make_run(team, created_at=SUNDAY_NIGHT), ["kitchen"])
    for query, has_hits in (("after:2026-11-23", is_monday), ("before:2026-11-23", not is_monday)):
        search = {"q": f"{query} kitchen"}
        assert ("1 moment" in text_of(browser.get(reverse("search", args=[team.slug]), search))) == has_hits
        exported = browser.get(reverse("search-export", args=[team.slug]), search)
        file = b"".join(exported.streaming_content).decode("utf-8-sig")
        assert len(list(csv.reader(StringIO(file)))) == 1 + has_hits


@pytest.mark.parametrize(
    ("zone", "monday"),
    [("UTC", "2026-11-16"), ("Europe/Berlin", "2026-11-23"), ("Pacific/Honolulu", "2026-11-16")],
)
def test_this_week_begins_on_the_users_monday(team, user, browser, zone, monday, monkeypatch):
    live_in(user, zone)
    monkeypatch.setattr(timezone, "now", lambda: SUNDAY_NIGHT)
    make_searchable_dub(make_run(team, created_at=SUNDAY_NIGHT), ["kitchen"])
    make_searchable_dub(make_run(team, created_at=SUNDAY_NIGHT - timedelta(days=40)), ["kitchen"])
    page = browser.get(reverse("search", args=[team.slug]), {"q": "kitchen"}).content.decode()
    assert f"q=after%3A{monday}+kitchen" in page


@pytest.mark.parametrize(
    "day", ["2026-03-29", "2026-10-25", "1000-01-01", "2999-12-31", "2026-02-30", "2011-12-30"]
)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia"])
def test_no_day_of_any_zone_fails(team, user, browser, zone, day):
    live_in(user, zone)
    for name in ("before", "after"):
        address = reverse("search", args=[team.slug])
        assert browser.get(address, {"q": f"{name}:{day} kitchen"}).status_code == 200


def test_the_api_stays_in_utc_whatever_the_users_zone(team, user):
    live_in(user, "Europe/Berlin")
    run = make_run(team, created_at=SUNDAY_NIGHT, checked_at=SUNDAY_NIGHT)
    make_searchable_dub(run, ["kitchen"])
    _token, secret = AccessToken.objects.issue(Membership.objects.get(user=user), "t", can_write=False)
    client = signed_in(user)
    root, headers = f"/api/v1/t/{team.slug}", {"Authorization": f"Bearer {secret}"}
    counts = [
        client.get(f"{root}/search", {"q": f"{name}:2026-11-23 kitchen"}, headers=headers).json()["count"]
        for name in ("after", "before")
    ]
    assert counts == [0, 1]
    assert client.get(f"{root}/runs/{run.pk}", headers=headers).json()["checked_at"] == "2026-11-22T23:30:00Z"


@pytest.mark.parametrize(("zone", "count"), [("", 0), ("UTC", 0), ("Europe/Berlin", 1), ("Pacific/Honolulu", 0)])
def test_alerts_of_a_saved_search_use_its_owners_zone(team, user, zone, count):
    live_in(user, zone)
    saved.save_search(Membership.objects.get(user=user), "after:2026-11-23 kitchen", is_shared=True)
    make_searchable_dub(make_run(team, created_at=SUNDAY_NIGHT), ["kitchen"], is_alert_checked=False)
    saved.create_alerts()
    assert SavedSearch.objects.count() == 1
    assert SearchAlert.objects.count() == count
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("name", ["audit", "trash-teams", "inbox"])
def test_times_are_written_as_html_takes_them(client, team, name):
    owner = team.memberships.get().user
    audit.record(team, audit.Action.SETTINGS_CHANGED, "a rule")
    remove_team(make_team("Gone", owner), by="Anna")
    InboxItem.objects.create(membership=team.memberships.get(), kind="weekly", first=1, last=1, count=1, shown=[])
    client.force_login(owner)
    page = client.get(reverse(name, args=[] if name == "trash-teams" else [team.slug])).content.decode()
    times = re.findall(r'<time[^>]* datetime="([^"]*)"', page)
    assert [time for time in times if "." in time] == []
    assert times != []


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Pacific/Honolulu"])
@pytest.mark.parametrize("page", ["runs-list", "audit"])
def test_the_ends_of_the_calendar_are_days_like_any_other(as_owner, owner, team, zone, page):
    make_run(team, title="Pilot")
    audit.record(team, audit.Action.RUNS_ADDED, "Pilot")
    live_in(owner, zone)
    for days, is_there in (
        ("since=0001-01-01", True),
        ("until=9999-12-31", True),
        ("since=9999-12-31", False),
        ("until=0001-01-01", False),
    ):
        answer = as_owner.get(f"{reverse(page, args=[team.slug])}?{days}")
        assert (answer.status_code, "Pilot" in text_of(answer)) == (200, is_there)
