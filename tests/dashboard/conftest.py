"""A team, its owner, and members who are signed in."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client

from teams.models import Team, User
from tests.dashboard.page_helpers import signed_in
from tests.dashboard.world import World
from tests.factories import make_member, make_team, make_user


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """Return a world that all tests of a module share: a transaction around each test undoes the test's changes."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


@pytest.fixture
def owner() -> User:
    return make_user("anna@example.org", name="Anna")


@pytest.fixture
def team(owner) -> Team:
    """A team without a key; `owner` is its only member."""
    return make_team("Dub", owner)


@pytest.fixture
def as_owner(owner, team) -> Client:
    """The client of the team's owner, who has just typed the password again."""
    return signed_in(owner, is_confirmed=True)


@pytest.fixture
def reader(team, client) -> User:
    """A member of the team, signed in at pytest-django's `client`."""
    user = make_member(team)
    client.force_login(user)
    return user


@pytest.fixture
def member(team) -> Client:
    """The client of a signed-in member of the team."""
    return signed_in(make_member(team))
