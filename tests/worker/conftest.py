"""Fixtures of the worker tests: a stand-in CAMB.AI, and an installation of Dubroom with two teams for each test."""

from collections.abc import Iterator

import pytest

from demo.server import StandIn
from tests.worker.installation import KEY, OTHER_KEY, READY, Installation, new_database, set_up_teams


@pytest.fixture
def camb():
    """The stand-in CAMB.AI, which accepts the keys of both teams and answers that every run is ready."""
    with StandIn(keys=[KEY, OTHER_KEY]) as stand_in:
        stand_in.unknown = READY
        yield stand_in


@pytest.fixture(scope="session")
def template_url(tmp_path_factory) -> Iterator[str]:
    """The URL of a database with two teams, which tests copy because migrating takes seconds."""
    folder = tmp_path_factory.mktemp("template")
    with new_database(folder) as database:
        set_up_teams(Installation(folder, database, "http://127.0.0.1:9"), folder)
        database.close()
        yield database.url


@pytest.fixture
def installation(tmp_path, template_url, camb) -> Iterator[Installation]:
    with new_database(tmp_path, template_url) as database:
        yield Installation(tmp_path, database, camb.base_url)
