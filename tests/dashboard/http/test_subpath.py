"""Pages under a sub-path: every address on them, and in what a script or htmx reads, begins with it."""

import re

import pytest
from django.urls import clear_script_prefix, set_script_prefix

from dashboard.http.subpath import without_subpath
from dashboard.pages import render_once, run_list, run_pictures, source_list
from dashboard.pages.markup import icon
from tests.factories import make_dub, make_ready_run, make_team, make_user

ADDRESS = re.compile(r'(?:href|src|action|formaction|hx-(?:get|post|put|delete)|data-[\w-]+|content)="(/[^"]*)"')


@pytest.mark.parametrize(
    ("path", "rest"),
    [("/dub/t/a/", "/t/a/"), ("/dub", "/"), ("/dub/", "/"), ("/dubious/", "/dubious/"), ("/t/dub/", "/t/dub/")],
)
def test_the_subpath_is_taken_off_only_where_it_stands(path, rest):
    seen = []
    without_subpath(lambda environ, _: seen.append(environ["PATH_INFO"]), "/dub")({"PATH_INFO": path}, print)
    assert seen == [rest]


def _forget_addresses() -> None:
    """Have pages build the addresses anew that they keep, as the sub-path has changed."""
    pages = (run_pictures._still_path, run_pictures._tile, run_list._paths, run_list._row, source_list._page)
    for kept in (icon, render_once._rendered, *pages):
        kept.cache_clear()


@pytest.fixture
def _no_subpath_afterwards():
    _forget_addresses()
    yield
    clear_script_prefix()
    _forget_addresses()


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_subpath_afterwards")
def test_every_address_of_a_page_begins_with_the_subpath(client, settings):
    set_script_prefix("/dub/")  # as the server does before each request
    settings.FORCE_SCRIPT_NAME, settings.STATIC_URL = "/dub", "/dub/static/"
    settings.SESSION_COOKIE_PATH = settings.CSRF_COOKIE_PATH = "/dub/"
    user = make_user()
    team = make_team("Team", user)
    run = make_ready_run(team, title="Pilot")
    dub = make_dub(run, ["Hello"], audio_url="https://media.example/1.mp3")
    client.force_login(user)
    root = f"/t/{team.slug}"
    pages = [f"{root}/runs/", f"/runs/{run.pk}/?dub={dub.language}", f"{root}/search/?q=hello", f"{root}/team/"]
    pages += [f"{root}/team/media/", f"{root}/activity/", "/accounts/profile/", "/accounts/email/", "/nowhere/"]
    for page in pages:
        answer = client.get(page)
        addresses = ADDRESS.findall(answer.content.decode())
        assert (page, len(addresses) > 5) == (page, True)
        assert (page, [found for found in addresses if not found.startswith("/dub/")]) == (page, [])
