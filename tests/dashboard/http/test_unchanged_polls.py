"""A poll that finds nothing changed is answered at once, and only for whom the view would answer."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from results.models import TeamVersion
from teams.models import Membership, Team, User
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def asker():
    return make_user(email="member@example.org")


@pytest.fixture
def ask(client, asker):
    """Ask as a logged-in member of a team at version 1 whether it has changed since a version."""
    team = make_team("Team", asker)
    TeamVersion.bump(team.pk)
    client.force_login(asker)
    address = reverse("runs-list-poll", args=[team.slug])
    return lambda since="1", **headers: client.get(address, {"since": since}, headers=headers)


def test_an_unchanged_list_costs_two_queries(ask, django_assert_num_queries):
    with django_assert_num_queries(2):
        answer = ask()
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert "Content-Security-Policy" in answer.headers


def test_a_team_without_any_change_is_at_version_0(ask, django_assert_num_queries):
    TeamVersion.objects.all().delete()
    with django_assert_num_queries(2):
        assert ask("0").status_code == 204


@pytest.mark.parametrize("since", ["0", "2", "", "x", "١", "-1", "1" * 5000])
def test_every_other_version_is_left_to_the_view(ask, since):
    assert ask(since).status_code == 200


def test_a_change_is_shown(ask):
    TeamVersion.bump(Team.objects.get().pk)
    assert ask().status_code == 200


def _change_password():
    user = User.objects.get(email="member@example.org")
    user.set_password("another long password")
    user.save()


@pytest.mark.parametrize(
    "end",
    [
        lambda: Session.objects.all().delete(),
        lambda: Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1)),
        lambda: Session.objects.update(session_data="planted"),
        lambda: User.objects.update(is_active=False),
        _change_password,
    ],
    ids=["revoked", "expired", "forged", "inactive", "password changed"],
)
def test_without_a_live_session_the_poll_leads_to_the_login(ask, end):
    end()
    answer = ask()
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, reverse("account_login"))


@pytest.mark.parametrize(
    "leave",
    [
        lambda: Membership.objects.all().delete(),
        lambda: Team.objects.update(removed_at=timezone.now()),
        lambda: Team.objects.update(slug="elsewhere"),
    ],
    ids=["left", "team removed", "no such team"],
)
def test_who_is_not_in_the_team_gets_404(ask, leave):
    leave()
    assert ask().status_code == 404


def test_a_team_that_requires_a_second_step_is_left_to_the_view(ask):
    Team.objects.update(requires_second_step=True)
    assert ask().status_code != 204
