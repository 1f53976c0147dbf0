"""Fixtures of every test: settings of its own, and nothing outside a temporary folder is touched."""

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import hypothesis
import pytest

# Before Django reads its settings. Each process of a parallel run has its own folder; a database or broker named
# by the environment stays.
_data_dir = tempfile.mkdtemp(prefix="dubroom-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ |= {
    "DUBROOM_DATA_DIR": _data_dir,
    "DEMO": "0",
    "CACHE_URL": "locmemcache://",
    "MEDIA_STORAGE_SHARED": "True",
    "SECRET_KEY": "only-for-tests-and-long-enough",
}
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()
# The workers of a parallel run inherit our environment: they must read their settings here, as we did.
del os.environ["DJANGO_SETTINGS_MODULE"]

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Permission  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models.signals import post_migrate  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard.http import stream_limit  # noqa: E402
from dashboard.pages import list_changes  # noqa: E402
from demo.server import StandIn  # noqa: E402
from results import clock, queue  # noqa: E402
from results.queue import backlogs, messages  # noqa: E402
from tests.shared import made_once  # noqa: E402

# On a busy machine any example may take long: that says nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Pages name static files without anything having been collected; the live server finds them.
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
os.mkdir(settings.STATIC_ROOT)
if settings.IS_EMBEDDED:
    # A file, as in use: every thread has a connection of its own to it.
    settings.DATABASES["default"]["TEST"] |= {"NAME": f"{_data_dir}/tests.sqlite3"}
# Nobody here has Django's own permissions; each test with real transactions would end with making them all anew.
post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# How many queries a page takes must not depend on the second in which it is asked: one reading serves all tests.
clock.READING_SECONDS = float("inf")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of real processes a second try: on a busy machine, a browser or worker may starve for minutes."""
    for item in items:
        if any(item.iter_markers("browser")) or any(item.iter_markers("worker")):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """Have the garbage collector leave out what stays until the end, thousands of collected tests among it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory, worker_id) -> Path:
    """A new SQLite database with all tables, which tests copy because creating them takes seconds."""

    def make(folder: Path) -> None:
        names = ("PATH", "HOME", "LANG")
        env = {name: os.environ[name] for name in names if name in os.environ} | {"DUBROOM_DATA_DIR": str(folder)}
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(command, cwd=settings.BASE_DIR, env=env, check=True)

    return made_once("migrated", make, tmp_path_factory, worker_id) / "dubroom.sqlite3"


@pytest.fixture(scope="session")
def django_db_keepdb(request, django_db_keepdb, django_db_modify_db_settings) -> bool:
    """Put the migrated database where Django would create the tests' own; PostgreSQL's is created by Django."""
    if settings.IS_EMBEDDED:
        shutil.copy(request.getfixturevalue("migrated"), connection.settings_dict["TEST"]["NAME"])
    return settings.IS_EMBEDDED or django_db_keepdb


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        Permission.objects.all().delete()  # made by the process that migrated; see above
        clock.now()


@pytest.fixture(autouse=True)
def _no_limits_from_the_test_before():
    cache.clear()
    stream_limit.open_streams.clear()
    list_changes.kept.clear()
    backlogs.quarantined_until.clear()
    # A test process that has run for minutes would miss a worker that no test starts.
    messages._started_at = timezone.now()


@pytest.fixture
def enqueued(monkeypatch) -> list[tuple[object, ...]]:
    """The tasks enqueued so far, each as (name, *arguments); no worker runs them."""
    enqueued: list[tuple[object, ...]] = []
    monkeypatch.setattr(queue, "enqueue", lambda *call, **_: enqueued.append(call))
    return enqueued


@pytest.fixture
def _broker_is_away(enqueued, monkeypatch):
    """Have every task fail to reach the broker."""
    monkeypatch.setattr(queue, "enqueue", lambda *_, on_unreachable=lambda: None: on_unreachable())


@pytest.fixture
def camb(settings) -> Iterator[StandIn]:
    """The stand-in CAMB.AI, without runs until a test adds them."""
    with StandIn() as stand_in:
        stand_in.runs.clear()
        settings.CAMB_BASE_URL = stand_in.base_url
        yield stand_in
