"""Changes that outlive a session ask again who the user is."""

import time

import pytest
from django.urls import reverse

from results.models import ApiKey
from teams.models import AccessToken, Invitation, Membership
from tests.dashboard.accounts.helpers import PASSWORD
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_key, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role
ASKS = reverse("account_reauthenticate")
KEY = "camb-0123456789-wxyz"


def confirm(client, url: str, password: str = PASSWORD):
    """Type the password on the page that the answer has redirected to."""
    return client.post(url, {"password": password, "next": url.partition("next=")[2].replace("%2F", "/")})


@pytest.fixture
def client_of_owner(owner, team):
    return signed_in(owner)


TOKEN = {"name": "Nightly", "access": "read", "days": "90"}


def test_a_token_is_created_once_the_password_is_typed(client_of_owner, team):
    asked = client_of_owner.post(reverse("tokens", args=[team.slug]), TOKEN)
    assert (asked.url.startswith(ASKS), AccessToken.objects.count()) == (True, 0)
    assert (confirm(client_of_owner, asked.url, "wrong").status_code, AccessToken.objects.count()) == (422, 0)
    made = confirm(client_of_owner, asked.url)
    assert (made.status_code, made.content.decode().count('value="dubroom_')) == (201, 1)
    assert AccessToken.objects.get().name == "Nightly"


def test_the_password_counts_for_some_minutes(client_of_owner, team, monkeypatch):
    confirm(client_of_owner, client_of_owner.post(reverse("tokens", args=[team.slug]), TOKEN).url)
    later = client_of_owner.post(reverse("tokens", args=[team.slug]), TOKEN | {"name": "Weekly"})
    assert later.status_code == 201
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    latest = client_of_owner.post(reverse("tokens", args=[team.slug]), TOKEN | {"name": "Yearly"})
    assert latest.url.startswith(ASKS)


def test_an_owner_is_invited_once_the_password_is_typed(client_of_owner, team):
    url = reverse("teams-invite", args=[team.slug])
    assert client_of_owner.post(url, {"email": "sam@example.org", "role": Role.MEMBER}).url.endswith("#invited")
    asked = client_of_owner.post(url, {"email": "kim@example.org", "role": Role.OWNER})
    assert (asked.url.startswith(ASKS), Invitation.objects.count()) == (True, 1)
    assert confirm(client_of_owner, asked.url).url.endswith("#invited")
    assert Invitation.objects.filter(email="kim@example.org", role=Role.OWNER).count() == 1


def test_a_member_becomes_an_owner_once_the_password_is_typed(client_of_owner, team):
    ben = make_member(team).memberships.get()
    url = reverse("teams-member", args=[team.slug, ben.pk])
    fragment = client_of_owner.post(url, {"role": Role.OWNER}, headers={"HX-Request": "true"})
    asked = fragment.headers["HX-Redirect"]
    ben.refresh_from_db()
    assert (fragment.status_code, asked.startswith(ASKS), ben.role) == (200, True, Role.MEMBER)
    assert confirm(client_of_owner, asked).url == reverse("teams-detail", args=[team.slug])
    ben.refresh_from_db()
    assert ben.role == Role.OWNER


def test_the_first_key_asks_for_nothing_and_another_for_the_password(client_of_owner, team):
    url = reverse("keys", args=[team.slug])
    assert client_of_owner.post(url, {"key": KEY}).url == url
    assert 'name="key"' not in client_of_owner.get(url).content.decode()
    asked = client_of_owner.post(url, {"key": "camb-another-key-abcd"})
    assert asked.url.startswith(ASKS)
    assert "camb-another" not in str(dict(client_of_owner.session))  # sessions are stored, and not encrypted
    assert confirm(client_of_owner, asked.url)["Location"].startswith(url)
    assert ApiKey.objects.get().secret == KEY
    assert 'name="key"' in client_of_owner.get(url).content.decode()
    client_of_owner.post(url, {"key": "camb-another-key-abcd"})
    assert ApiKey.objects.get().secret == "camb-another-key-abcd"


def test_a_key_is_removed_once_the_password_is_typed(client_of_owner, team):
    make_key(team)
    asked = client_of_owner.post(reverse("keys-remove", args=[team.slug]))
    assert (asked.url.startswith(ASKS), ApiKey.objects.count()) == (True, 1)
    confirm(client_of_owner, asked.url)
    assert ApiKey.objects.count() == 0
