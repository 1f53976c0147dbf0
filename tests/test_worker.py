"""A real worker process, fed over the real broker: a folder, or Redis where BROKER_URL names one."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings

from dashboard import processes
from demo.server import Reply, StandIn

ROOT = Path(__file__).parent.parent
DEADLINE_S = 60

pytestmark = pytest.mark.worker

READY = {
    "audio_url": "https://media.example.org/a.m4a",
    "transcript": [{"start": 0.0, "end": 1.5, "text": "Hello", "speaker": "Anna"}],
}


@pytest.fixture
def camb():
    with StandIn() as stand_in:
        stand_in.runs.clear()
        yield stand_in


@pytest.fixture
def database(tmp_path):
    """The URL of an empty database like the one that the tests run on, and a connection to it."""
    if settings.IS_EMBEDDED:
        path = tmp_path / "dubroom.sqlite3"
        with closing(sqlite3.connect(path)) as connection:
            yield f"sqlite:///{path}", connection
        return
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = f"worker_{uuid4().hex}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(f"{server}/{name}", autocommit=True) as connection:
            yield f"{server}/{name}", connection
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Installation:
    """Dubroom in a folder, a database and a broker of its own, with one team that has a key."""

    def __init__(self, folder: Path, database, camb: StandIn) -> None:
        url, self._connection = database
        broker = f"folder://{folder}/broker"
        if settings.BROKER_URL.startswith("redis"):
            # A number of our own: in theirs, other tests ring the bell too.
            number = 8 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
            broker = f"{settings.BROKER_URL.rpartition('/')[0]}/{number}"
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DUBROOM_DATA_DIR": str(folder),
            "DATABASE_URL": url,
            "BROKER_URL": broker,
            "CAMB_BASE_URL": camb.base_url,
            "CAMB_API_KEY": "demo-key",
            "CAMB_TOTAL_SECONDS": "4",
            "REFRESH_TICK_SECONDS": "0.5",
        }
        self.manage("migrate", "--verbosity=0")
        self.manage("create_team", "--owner=a@example.org", "--name=Team", "--camb-key-env=CAMB_API_KEY")

    def manage(self, *arguments: str, stdin: str = "") -> None:
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env=self.env, input=stdin, text=True, check=True, timeout=DEADLINE_S)

    @contextmanager
    def process(self, name: str):
        """Run this command of the Procfile."""
        command = processes.commands(ROOT / "Procfile", [name])[name]
        process = subprocess.Popen(command.split(), cwd=ROOT, env=self.env)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(DEADLINE_S)

    def column(self, query: str) -> list[str]:
        return [value for (value,) in self._connection.execute(query).fetchall()]


@pytest.fixture
def installation(tmp_path, database, camb) -> Installation:
    return Installation(tmp_path, database, camb)


def until(condition) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def statuses(installation: Installation) -> list[str]:
    return installation.column("SELECT status FROM results_run ORDER BY camb_run_id")


def test_a_worker_hears_the_bell_and_asks_for_every_run_once(installation, camb):
    camb.runs.update(dict.fromkeys(range(1, 7), READY))
    with installation.process("worker") as worker:
        until(lambda: installation.column("SELECT state FROM results_apikey") == ["working"])
        camb.calls.clear()
        installation.manage("add_runs", "--team=team", "-", stdin="1 2 3 4 5 6")
        until(lambda: statuses(installation) == ["ready"] * 6)
        worker.terminate()
        assert worker.wait(DEADLINE_S) == 0
    asked = [call.run_ids for call in camb.calls if call.run_ids]
    assert len(asked) == 2
    assert sorted(run_id for run_ids in asked for run_id in run_ids) == [1, 2, 3, 4, 5, 6]
    assert installation.column("SELECT text FROM results_cue") == ["Hello"] * 6


def test_what_a_killed_worker_was_asking_for_is_asked_again(installation, camb):
    camb.runs.update({1: READY, 2: READY})
    camb.rule = lambda call: Reply(delay=60) if call.run_ids == [1, 2] else None
    installation.manage("add_runs", "--team=team", "-", stdin="1 2")
    with installation.process("worker") as worker:
        until(lambda: [1, 2] in [call.run_ids for call in camb.calls])
        worker.kill()
        worker.wait(DEADLINE_S)
    assert statuses(installation) == ["new", "new"]
    camb.rule = None
    with installation.process("beat"), installation.process("worker"):
        until(lambda: statuses(installation) == ["ready", "ready"])
