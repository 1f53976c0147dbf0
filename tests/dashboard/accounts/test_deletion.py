"""The end of an account: what goes with it, what stays, and when it is refused."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.urls import reverse

from results.models import Run, SavedSearch
from results.runs.trash import purge_trash
from teams.models import AccessToken, Membership, Team, User
from tests.dashboard.accounts.helpers import PASSWORD, is_logged_in, post_login
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_app, make_invitation, make_member, make_run, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role
URL = reverse("profile-delete")


def test_an_account_ends_with_what_is_its_persons_alone(anna):
    team = make_team()
    Membership.objects.create(team=team, user=anna, role=Role.OWNER)
    run = make_run(team, added_by=anna)
    AccessToken.objects.issue(anna.memberships.get(), "Nightly", can_write=True)
    SavedSearch.objects.create(team=team, owner=anna, q="hello")
    here, there = Client(), Client()
    post_login(here)
    post_login(there)
    make_app(anna)
    asked = here.post(URL)
    assert User.objects.filter(pk=anna.pk).exists()
    gone = here.post(asked["Location"], {"password": PASSWORD, "next": URL})
    assert gone["Location"] == reverse("account_login")
    assert "Your account is deleted." in text_of(here.get(gone["Location"]))
    assert [is_logged_in(client) for client in (here, there)] == [False, False]
    assert not User.objects.filter(pk=anna.pk).exists()
    for model in (AccessToken, SavedSearch, UserSession, Authenticator):
        assert not model.objects.exists(), model
    run.refresh_from_db()
    assert (run.added_by, team.memberships.count()) == (None, 1)
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == ([anna.email], "Your Dubroom account is deleted")
    assert post_login(Client()).status_code == 422


def test_an_account_that_a_team_needs_is_not_deleted(anna):
    team, other = make_team("Dub", anna), make_team("Kyoto", anna)
    make_member(team)
    make_run(other)
    client = signed_in(anna, is_confirmed=True)
    page = client.get(URL)
    assert "Make someone else an owner first" in text_of(page)
    assert "<bdi>Dub</bdi>" in page.content.decode()
    assert client.post(URL).status_code == 422
    assert (User.objects.filter(pk=anna.pk).count(), anna.memberships.count()) == (1, 2)
    make_member(team, Role.OWNER)
    assert client.post(URL).status_code == 302
    assert not User.objects.filter(pk=anna.pk).exists()


def test_teams_of_one_go_with_the_account(anna):
    alone, shared = make_team("Alone", anna), make_team("Shared")
    Membership.objects.create(team=shared, user=anna, role=Role.VIEWER)
    make_run(alone)
    kept = make_run(shared)
    make_invitation(alone, "kim@example.org")
    client = signed_in(anna, is_confirmed=True)
    page = client.get(URL).content.decode()
    assert ("<bdi>Alone</bdi>" in page, "<bdi>Shared</bdi>" in page) == (True, False)
    client.post(URL)
    purge_trash()
    assert list(Team.objects.all()) == [shared]
    assert list(Run.objects.all()) == [kept]


def test_the_password_is_asked_for_and_a_get_deletes_nothing(anna):
    client = signed_in(anna)
    assert client.get(URL).status_code == 200
    assert client.post(URL)["Location"].startswith(reverse("account_reauthenticate"))
    assert User.objects.filter(pk=anna.pk).exists()


def test_own_tokens_of_all_teams_are_listed(anna, django_assert_num_queries):
    client = signed_in(anna)
    for name in ("Dub", "Kyoto"):
        AccessToken.objects.issue(make_team(name, anna).memberships.get(), f"For {name}", can_write=False)
    AccessToken.objects.issue(make_team("Other", make_user()).memberships.get(), "Theirs", can_write=False)
    page = text_of(client.get(reverse("profile-tokens")))
    assert ("For Dub" in page, "For Kyoto" in page, "Theirs" in page) == (True, True, False)
    with django_assert_num_queries(7) as one:
        client.get(reverse("profile-tokens"))
    membership = anna.memberships.first()
    for number in range(30):
        AccessToken.objects.issue(membership, f"Token {number}", can_write=False)
    with django_assert_num_queries(len(one)):
        client.get(reverse("profile-tokens"))
