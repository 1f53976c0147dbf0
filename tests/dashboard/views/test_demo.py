"""The demo on the log-in page, and its end."""

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.embedded import demo
from dashboard.management.commands import start
from dashboard.management.commands.create_team import ensure_user
from results.runs.trash import delete_team, purge_trash
from teams.models import Membership, Team, User
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
LOGIN, OPEN = reverse("account_login"), reverse("demo-login")


@pytest.fixture
def account(settings) -> User:
    """The demo's account, on a server of one's own machine."""
    settings.DEMO, settings.HOST, settings.SIGNUP = True, "127.0.0.1", "open"
    user = ensure_user(demo.EMAIL, demo.password())
    demo.seed(user)
    return user


def is_offered() -> bool:
    is_shown = "Open the demo" in Client().get(LOGIN).content.decode()
    assert is_shown == (Client().post(OPEN).status_code == 302)
    return is_shown


def test_the_log_in_page_opens_the_demo_in_one_click(account, client):
    assert is_offered()
    answer = client.post(OPEN, follow=True)
    assert answer.request["PATH_INFO"] == reverse("runs-list", args=["demo"])
    assert answer.wsgi_request.user == account


@pytest.mark.parametrize(
    ("name", "value"),
    [("DEMO", False), ("HOST", "0.0.0.0"), ("SIGNUP", "invite")],
)
def test_a_server_that_strangers_may_reach_does_not_offer_the_demo(account, settings, name, value):
    setattr(settings, name, value)
    assert not is_offered()


def test_an_account_that_sees_more_than_the_demo_needs_its_password(account):
    make_team("Real work", account)
    assert not is_offered()


def test_a_removed_demo_is_offered_no_more_and_does_not_come_back(account, monkeypatch):
    owner = signed_in(account)
    deletion = reverse("teams-remove", args=["demo"])
    assert "Remove the demo" in owner.get(reverse("teams-detail", args=["demo"])).content.decode()
    assert owner.post(deletion, {"typed": "Demo"}).status_code == 302
    assert not is_offered()
    delete_team(Team.objects.get())
    purge_trash()
    monkeypatch.setattr(start, "call_command", lambda *_, **__: None)
    monkeypatch.setattr(start, "check_port", lambda *_: None)
    assert start.prepare() == ["web", "worker", "beat"]
    assert not Team.objects.exists()
    assert owner.get(reverse("teams-new")).status_code == 200


def test_the_demos_account_closes_when_someone_else_removes_the_demo(account):
    other = make_member(Team.objects.get(slug="demo"), Membership.Role.OWNER)
    signed_in(other).post(reverse("teams-remove", args=["demo"]), {"typed": "Demo"})
    account.refresh_from_db()
    assert (account.is_active, User.objects.get(pk=other.pk).is_active) == (False, True)
    assert demo.EMAIL not in start.greeting()
