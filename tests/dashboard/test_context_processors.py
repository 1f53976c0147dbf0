"""The frame around every page: team switch, rail, times, and the pages for errors."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from dashboard.pages import render_once
from dashboard.templatetags import dubroom
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_run, make_team, make_user

pytestmark = pytest.mark.django_db


def test_the_rail_links_the_teams_pages_and_marks_the_current_one():
    team = make_team("Harbour")
    page = signed_in(make_member(team)).get(reverse("runs-list", args=[team.slug])).content.decode()
    assert re.findall(r'<a href="([^"]+)" aria-current="page">', page)[0] == "/t/harbour/runs/"
    assert '<html lang="en" dir="ltr">' in page
    assert "<title>Runs · Dubroom</title>" in page


def test_the_team_switch_lists_only_the_users_own_teams():
    team = make_team("Harbour")
    make_team("Somebody else's")
    page = signed_in(make_member(team)).get(reverse("runs-list", args=[team.slug])).content.decode()
    assert "Somebody else" not in page


def test_a_page_without_a_team_keeps_the_last_teams_frame():
    team = make_team("Harbour")
    person = make_member(team)
    make_team("Another", person)
    client = signed_in(person)
    rail = r'<a href="(/t/[^"]+/search/)"'
    assert re.findall(rail, client.get(reverse("profile")).content.decode()) == ["/t/another/search/"]
    client.get(reverse("runs-list", args=[team.slug]))
    for name in ("inbox-poll", "runs-list-poll"):  # of a tab in the background
        client.get(reverse(name, args=["another"]))
    for address in (reverse("profile"), "/nowhere/"):
        assert re.findall(rail, client.get(address).content.decode()) == ["/t/harbour/search/"]


def test_the_frame_is_rendered_once_and_shows_each_person_their_own():
    team = make_team("Harbour")
    persons = [make_member(team), make_member(team)]
    persons[1].uses_shortcuts, persons[1].time_zone = False, "Asia/Tokyo"
    persons[1].save()
    clients = [signed_in(person) for person in persons]
    for _ in range(2):
        for person, client in zip(persons, clients, strict=True):
            response = client.get(reverse("search", args=[team.slug]), {"q": "sea"})
            page = response.content.decode()
            assert f'<bdi class="truncate">{person.email}</bdi>' in page
            shown = ("data-shortcuts-off" in page, 'name="time-zone" content="Asia/Tokyo"' in page)
            assert shown == (not person.uses_shortcuts, person.time_zone == "Asia/Tokyo")
            assert (" checked>" in page) is person.uses_shortcuts
    assert [template.name for template in response.templates] == [
        "search/page.html",
        "base.html",
        "search/_hits.html",
    ]


@pytest.mark.parametrize(
    ("seconds", "due", "language", "text"),
    [
        (-17 * 60 - 40, "", "en", "17m ago"),
        (-59, "", "en", "59s ago"),
        (-86_400 * 3, "", "de", "vor 3 Tagen"),
        (100, "now", "ar", "خلال دقيقة واحدة"),
        (0, "now", "en", "now"),
        (0, "", "en", "1s ago"),
        (2, "", "en", "1s ago"),
        (7200, "", "en", "1s ago"),
    ],
)
def test_a_relative_time_reads_as_the_script_will_write_it(seconds, due, language, text, monkeypatch):
    at = timezone.now()
    monkeypatch.setattr(dubroom, "now", lambda: at - timedelta(seconds=seconds))
    with override(language):
        html = dubroom.ago(at, due)
    assert re.sub("<[^>]+>", "", html) == text
    assert ('data-due="now"' in html) is bool(due)
    assert f'datetime="{at.isoformat(timespec="seconds")}" title="{at:%Y-%m-%d %H:%M} UTC"' in html


def test_pages_of_users_name_the_servers_time_unless_they_have_to_be_alike(monkeypatch):
    user = signed_in(make_user())
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 29, 12, tzinfo=UTC))
    assert '<meta name="server-time" content="1795953600000">' in user.get(reverse("profile")).content.decode()
    for page in (user.get("/nothing/"), Client().get("/nothing/"), Client().get(reverse("account_login"))):
        assert "server-time" not in page.content.decode()


def test_no_page_has_inline_script_or_style():
    team = make_team("Harbour")
    run = make_run(team)
    client = signed_in(make_member(team))
    for address in (
        reverse("runs-list", args=[team.slug]),
        reverse("runs-add", args=[team.slug]),
        reverse("runs-edit-title", args=[run.pk]),
        reverse("runs-edit-remove", args=[run.pk]),
        "/nothing-here/",
    ):
        page = client.get(address).content.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=", page) == []


def test_a_missing_page_has_our_404_with_and_without_a_session():
    for client in (Client(), signed_in(make_user())):
        response = client.get("/nothing-here/")
        assert response.status_code == 404
        assert "Page not found" in response.content.decode()


def test_the_500_page_renders_without_a_request():
    # Django renders it without a request, since the database or the session may be the broken part.
    assert "Something went wrong on our side" in render_to_string("500.html")


def test_the_log_names_collectstatic_when_static_files_are_missing(settings, tmp_path, caplog):
    settings.STATIC_ROOT = tmp_path
    backend = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": backend}}
    render_once._rendered.cache_clear()  # as in a process that has just started
    response = Client(raise_request_exception=False).get(reverse("account_login"))
    assert (response.status_code, "The log says what to change." in response.content.decode()) == (500, True)
    assert "Run: python manage.py collectstatic" in caplog.text


def test_the_search_box_keeps_what_was_searched_for_on_the_error_page():
    team = make_team("Harbour")
    client = signed_in(make_member(team))
    for address, kept in ((reverse("search", args=["elsewhere"]), "<sea>"), ("/nothing/", "")):
        page = client.get(address, {"q": "<sea>"}).content.decode()
        assert unescape(re.findall(r'name="q" value="([^"]*)"', page)[0]) == kept


def test_a_form_with_a_stale_csrf_token_is_explained():
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("account_login"), {"login": "x"})
    assert response.status_code == 403
    assert "Try again" in response.content.decode()


def test_the_log_names_the_setting_to_change_for_an_unknown_host_or_origin(caplog):
    unknown = Client().get("/", headers={"host": "dub.example.org"})
    assert (unknown.status_code, "ALLOWED_HOSTS" in unknown.content.decode()) == (400, False)
    assert "add 'dub.example.org' to ALLOWED_HOSTS" in caplog.text
    proxied = Client(enforce_csrf_checks=True).post("/accounts/login/", headers={"origin": "https://testserver"})
    assert (proxied.status_code, "CSRF_TRUSTED_ORIGINS" in proxied.content.decode()) == (403, False)
    assert "https://testserver does not match" in caplog.text
    assert "add it to CSRF_TRUSTED_ORIGINS" in caplog.text
