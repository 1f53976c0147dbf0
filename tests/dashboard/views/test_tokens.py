"""The API page: which members create, see and revoke which access tokens."""

import hashlib
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.views import tokens
from teams import models
from teams.models import AccessToken, Membership, Team
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_member, make_team

pytestmark = pytest.mark.django_db
Role = Membership.Role


@pytest.fixture
def member(team) -> Client:
    return signed_in(make_member(team), is_confirmed=True)


def get_api_page(client: Client, team: Team):
    """Return the answer for the team's API page."""
    return client.get(reverse("tokens", args=[team.slug]))


def create(client: Client, team: Team, **fields):
    data = {"name": "Nightly", "access": "read", "days": "90"} | fields
    return client.post(reverse("tokens", args=[team.slug]), data)


def revoke(client: Client, team: Team, token: AccessToken) -> int:
    return client.post(reverse("tokens-revoke", args=[team.slug, token.pk])).status_code


def secrets_in(response) -> list[str]:
    return re.findall(r'value="(dubroom_\w+)"', response.content.decode())


def make_token(team: Team, role: str = Role.MEMBER, name: str = "Nightly") -> AccessToken:
    membership = make_member(team, role).memberships.get()
    return AccessToken.objects.issue(membership, name, can_write=False)[0]


def test_a_secret_is_shown_once_and_stored_nowhere(team, member, caplog):
    answer = create(member, team)
    assert answer.status_code == 201
    [secret] = secrets_in(answer)
    assert len(secret) == len("dubroom_") + 48
    token = AccessToken.objects.get()
    assert (token.token_hash, token.last_four) == (hashlib.sha256(secret.encode()).hexdigest(), secret[-4:])
    assert secret not in get_api_page(member, team).content.decode()
    assert secret not in str(dict(member.session)) + caplog.text
    assert caplog.messages == [
        f"Team dub: access token …{token.last_four} to read created by user {token.membership.user_id}"
    ]


@pytest.mark.parametrize(("days", "left"), [("30", 30), ("365", 365), ("", None)])
def test_a_token_expires_after_the_chosen_days(team, member, days, left):
    create(member, team, days=days, access="write")
    token = AccessToken.objects.get()
    assert token.can_write
    assert (token.expires_at and round((token.expires_at - timezone.now()).total_seconds() / 86400)) == left


@pytest.mark.parametrize("fields", [{"name": " "}, {"name": "x" * 101}, {"access": "own"}, {"days": "1"}])
def test_an_invalid_form_creates_no_token(team, member, fields):
    assert create(member, team, **fields).status_code == 422
    assert not AccessToken.objects.exists()


def test_a_form_that_is_sent_twice_at_once_creates_one_token(team, member, monkeypatch):
    membership = team.memberships.get(role=Role.MEMBER)

    def let_the_other_go_first(request):
        AccessToken.objects.issue(membership, "Nightly", can_write=False)

    monkeypatch.setattr(tokens, "require_identity", let_the_other_go_first)
    answer = create(member, team)
    assert (answer.status_code, secrets_in(answer), AccessToken.objects.count()) == (422, [], 1)
    assert "You already have a token with this name." in text_of(answer)


def test_a_form_that_is_sent_twice_creates_one_token(team, member):
    create(member, team)
    again = create(member, team)
    assert (again.status_code, secrets_in(again)) == (422, [])
    assert "You already have a token with this name." in text_of(again)
    assert AccessToken.objects.count() == 1


def test_a_person_has_only_so_many(team, member, monkeypatch):
    monkeypatch.setattr(models, "MAX_TOKENS", 1)
    create(member, team)
    assert "You can have up to 1 tokens." in text_of(create(member, team, name="Another"))


def test_a_viewer_creates_only_tokens_that_read(team):
    viewer = signed_in(make_member(team, Role.VIEWER), is_confirmed=True)
    assert 'value="write"' not in get_api_page(viewer, team).content.decode()
    assert create(viewer, team, access="write").status_code == 422
    assert create(viewer, team).status_code == 201


def test_an_owner_sees_and_revokes_all_tokens_and_a_member_their_own(team, member):
    create(member, team, name="Mine")
    mine, theirs = AccessToken.objects.get(), make_token(team, name="Theirs")
    elsewhere = make_token(make_team(), name="Elsewhere")
    owner = signed_in(team.memberships.get(role=Role.OWNER).user)
    assert re.findall(r"Mine|Theirs|Elsewhere", text_of(get_api_page(member, team))) == [
        "Mine",
        "Mine",
    ]  # name and button
    assert re.findall(r"Mine|Theirs|Elsewhere", text_of(get_api_page(owner, team))) == [
        "Theirs",
        "Theirs",
        "Mine",
        "Mine",
    ]
    assert [revoke(member, team, token) for token in (mine, theirs, elsewhere)] == [302, 403, 404]
    assert [revoke(owner, team, token) for token in (theirs, elsewhere)] == [302, 404]
    assert list(AccessToken.objects.all()) == [elsewhere]


def test_thirty_tokens_take_as_many_queries_as_one(team, django_assert_num_queries):
    owner = signed_in(team.memberships.get(role=Role.OWNER).user)
    make_token(team)
    get_api_page(owner, team)
    with django_assert_num_queries(7):
        get_api_page(owner, team)
    for _ in range(29):
        make_token(team)
    with django_assert_num_queries(7):
        assert get_api_page(owner, team).content.decode().count("never used") == 30
