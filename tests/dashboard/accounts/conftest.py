"""A user with an account."""

import pytest

from teams.models import User
from tests.factories import make_user


@pytest.fixture
def anna() -> User:
    return make_user("anna@example.org", name="Anna")
