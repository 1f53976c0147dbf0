"""Requests that another site's page sends with a reader's session: none changes anything."""

import pytest
from django.test import Client

from tests.dashboard.test_access_table import TABLE
from tests.dashboard.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

# Mail programs send it for a reader (RFC 8058): the token in its address is all that it goes by.
EXEMPT = "notifications-unsubscribe"
CHANGING = [name for name, (_gets, posts) in TABLE.items() if posts != (405,) * len(posts) and name != EXEMPT]
HOME, EVIL = "https://testserver", "https://evil.example"


class Browser:
    """The owner's browser, whose requests are checked as in use."""

    def __init__(self, world: World) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(world.people["owner"])
        self.token = str(self.client.get(world.url("profile"), secure=True).context["csrf_token"])
        self.altered = self.token[:-1] + ("a" if self.token[-1] != "a" else "b")

    def status(self, url: str, token: str = "", **headers: str) -> int:
        form = {"csrfmiddlewaretoken": token} if token else {}
        return self.client.post(url, form, secure=True, headers=headers).status_code


@pytest.fixture(scope="module")
def owner_browser(world, django_db_blocker) -> Browser:
    with django_db_blocker.unblock():
        return Browser(world)


@pytest.mark.parametrize("name", CHANGING)
def test_a_post_needs_the_token_and_an_origin_of_our_own(world, owner_browser, name):
    url = world.url(name)
    assert owner_browser.status(url, Origin=HOME) == 403
    assert owner_browser.status(url, owner_browser.token, Origin=EVIL) == 403


def test_no_form_of_another_site_and_no_header_of_htmx_gets_round_that(world, owner_browser):
    url, token = world.url("runs-edit-archive"), owner_browser.token
    refused = [
        owner_browser.status(url, token),  # neither an origin nor a referrer
        owner_browser.status(url, owner_browser.altered, Origin=HOME),
        owner_browser.status(url, token, Origin="null"),
        owner_browser.status(url, token, Origin=EVIL, Referer=f"{HOME}/"),
        owner_browser.status(url, token, Origin="http://testserver"),
        owner_browser.status(url, token, Referer=f"{EVIL}/form.html"),
        owner_browser.status(url, token, Referer=f"{HOME}.evil.example/"),
        owner_browser.status(url, token, Referer="not a URL"),
        owner_browser.status(url, Origin=EVIL, HX_Request="true", X_CSRFToken=token),
        owner_browser.status(url, Origin=HOME, HX_Request="true", X_CSRFToken=owner_browser.altered),
        owner_browser.status(url + f"?csrfmiddlewaretoken={token}", Origin=HOME),
    ]
    assert refused == [403] * len(refused)
    # They were refused for what they lacked, and not for who sent them.
    assert owner_browser.status(url, token, Referer=f"{HOME}/") == 302
    assert owner_browser.status(url, Origin=HOME, HX_Request="true", X_CSRFToken=token) == 302


def test_logging_in_needs_the_token_too(world):
    client = Client(enforce_csrf_checks=True)
    form = {"login": world.people["owner"].email, "password": "correct horse"}
    assert client.post(world.url("account_login"), form).status_code == 403


def test_a_reader_is_unsubscribed_by_the_token_in_the_address_alone(world):
    client = Client(enforce_csrf_checks=True, headers={"Origin": EVIL})
    url = world.url(EXEMPT)
    assert client.post(f"{url[:-2]}x/").status_code == 404
    assert client.post(url).status_code == 200
