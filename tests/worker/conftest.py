"""A stand-in CAMB.AI, and Dubroom installed beside it with two teams, for as long as one test."""

from collections.abc import Iterator

import pytest

from demo.server import StandIn
from tests.worker.installation import KEY, OTHER_KEY, READY, Installation, furnish, new_database


@pytest.fixture
def camb():
    """The stand-in CAMB.AI, which accepts both teams' keys and knows every run as ready."""
    with StandIn(keys=[KEY, OTHER_KEY]) as stand_in:
        stand_in.unknown = READY
        yield stand_in


@pytest.fixture(scope="session")
def furnished(tmp_path_factory) -> Iterator[str]:
    """The URL of a database with two teams, to be copied: migrating takes seconds."""
    folder = tmp_path_factory.mktemp("furnished")
    with new_database(folder) as database:
        furnish(Installation(folder, database, "http://127.0.0.1:9"), folder)
        database.close()
        yield database.url


@pytest.fixture
def installation(tmp_path, furnished, camb) -> Iterator[Installation]:
    with new_database(tmp_path, furnished) as database:
        yield Installation(tmp_path, database, camb.base_url)
