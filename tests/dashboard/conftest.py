"""A team, and one of its members at the keyboard."""

import pytest
from django.test import Client

from teams.models import Team, User
from tests.dashboard.pages import signed_in
from tests.factories import make_member, make_team


@pytest.fixture
def team() -> Team:
    return make_team("Harbour")


@pytest.fixture
def reader(team, client) -> User:
    """A member of the team, signed in at the `client` that the test asks for too."""
    user = make_member(team)
    client.force_login(user)
    return user


@pytest.fixture
def member(team) -> Client:
    return signed_in(make_member(team))
