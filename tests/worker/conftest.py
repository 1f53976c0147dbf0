"""Fixtures of the worker tests: a stand-in CAMB.AI, and an installation of Dubroom with two teams for each test."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from demo.server import StandIn
from tests.shared import made_once
from tests.worker.installation import KEY, OTHER_KEY, READY, Installation, new_database, set_up_teams


@pytest.fixture
def camb():
    """The stand-in CAMB.AI, which accepts the keys of both teams and answers that every run is ready."""
    with StandIn(keys=[KEY, OTHER_KEY]) as stand_in:
        stand_in.unknown = READY
        yield stand_in


@pytest.fixture(scope="session")
def template_url(tmp_path_factory, worker_id, request) -> Iterator[str]:
    """The URL of a database with two teams, which tests copy because creating it takes seconds.

    SQLite's is a file that the processes of a parallel run share.
    """
    if settings.IS_EMBEDDED:
        migrated = request.getfixturevalue("migrated")
        folder = made_once("template", partial(_make_template, migrated), tmp_path_factory, worker_id)
        (settings.DATA_DIR / "collected").symlink_to(folder / "collected")
        yield f"sqlite:///{folder}/dubroom.sqlite3"
        return
    folder = tmp_path_factory.mktemp("template")
    with new_database(folder) as database:
        set_up_teams(Installation(folder, database, "http://127.0.0.1:9"), folder)
        database.close()
        yield database.url


def _make_template(migrated: Path, folder: Path) -> None:
    with new_database(folder, f"sqlite:///{migrated}") as database:
        installation = Installation(folder, database, "http://127.0.0.1:9")
        installation.env["STATIC_ROOT"] = str(folder / "collected")
        set_up_teams(installation, folder)


@pytest.fixture
def installation(tmp_path, template_url, camb) -> Iterator[Installation]:
    with new_database(tmp_path, template_url) as database:
        yield Installation(tmp_path, database, camb.base_url)
