"""Installs Dubroom for one test: its real processes, with a database and a broker of their own."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from string import Template
from typing import Any
from uuid import uuid4

import psycopg
import redis
import requests
from celery import Celery
from django.conf import settings

from dashboard.embedded import supervisor
from tests.waiting import DEADLINE_S, until

ROOT = Path(__file__).parents[2]
KEY, OTHER_KEY = "demo-key", "other-key"
# The same in each process of a parallel run, as they share a database with sealed keys.
FIELD_KEY = urlsafe_b64encode(b"only for tests".ljust(32)).decode()
RUNS, OTHER_RUNS = 2000, 3
READY: dict[str, object] = {
    "audio_url": "https://media.example.org/a.m4a",
    "transcript": [{"start": 0.0, "end": 1.5, "text": "Hello", "speaker": "Anna"}],
}

PEOPLE, PASSWORD = ["anna@example.org", "ben@example.org"], "correct horse battery"


def ready(lines: int) -> dict[str, object]:
    """Return CAMB.AI's answer for a ready run with this number of lines."""
    return READY | {"transcript": [{"start": at, "end": at + 1, "text": "x" * 180} for at in range(lines)]}


COMMANDS = """
import django, json, sys
from django.core.management import call_command
django.setup()
for command in json.loads(sys.argv[1]):
    call_command(*command)

from dashboard.management.commands.create_team import ensure_user
from teams.models import Membership, Team
_, _, password, *people = sys.argv
for email in people:
    team, person = Team.objects.get(slug="team"), ensure_user(email, password)
    Membership.objects.create(team=team, user=person, role="member")
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Database:
    """A database of the same kind as the tests' own: its URL, and a connection to it."""

    def __init__(self, url: str, connection: Any) -> None:
        self.url = url
        self.execute, self.close = connection.execute, connection.close

    def column(self, query: str) -> list[Any]:
        return [value for (value,) in self.execute(query).fetchall()]


@contextmanager
def new_database(folder: Path, template: str = "", *, name: str = "") -> Iterator[Database]:
    """Create an empty database, or a copy of the template, which must have no connections."""
    if settings.IS_EMBEDDED:
        path = folder / f"{name or 'dubroom'}.sqlite3"
        if template:
            shutil.copy(template.removeprefix("sqlite:///"), path)
        with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
            yield Database(f"sqlite:///{path}", connection)
        return
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = name or f"worker_{uuid4().hex}"

    def create() -> bool:
        # PgBouncer keeps its own connections to the template a while longer.
        with suppress(psycopg.errors.ObjectInUse):
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template.rpartition('/')[2] or 'template1'}")
            return True
        return False

    # Nothing is prepared, as PgBouncer gives each statement another session.
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=None) as admin:
        until(create)
        try:
            with psycopg.connect(f"{server}/{name}", autocommit=True, prepare_threshold=None) as opened:
                yield Database(f"{server}/{name}", opened)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def redis_server(folder: Path, port: int) -> Iterator[None]:
    """Run a separate Redis server, which a test may break."""
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield
        finally:
            server.terminate()


class Installation:
    """Dubroom with a folder, a database and a broker of its own; its processes start as in the Procfile."""

    def __init__(self, folder: Path, database: Database, camb_url: str) -> None:
        self.column, self.execute = database.column, database.execute
        self._broker_folder = folder / "broker"
        broker = f"folder://{self._broker_folder}"
        self._redis = None
        if settings.BROKER_URL.startswith("redis"):
            # A Redis database of its own: other tests enqueue tasks in theirs.
            number = 8 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
            broker = f"{settings.BROKER_URL.rpartition('/')[0]}/{number}"
            self._redis = redis.Redis.from_url(broker)
        self.empty_broker()
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DUBROOM_DATA_DIR": str(folder),
            "DATABASE_URL": database.url,
            "BROKER_URL": broker,
            "CAMB_BASE_URL": camb_url,
            "FIELD_KEYS": FIELD_KEY,
            "STATIC_ROOT": str(settings.DATA_DIR / "collected"),
            # Long enough that no call and no lease expires because the machine is busy.
            "CAMB_CONNECT_SECONDS": "60",
            "CAMB_READ_SECONDS": "60",
            "CAMB_TOTAL_SECONDS": "60",
            "REFRESH_TICK_SECONDS": "0.2",
            "REFRESH_FIRST_SECONDS": "3600",
            "WORKER_THREADS": "8",
        }

    def empty_broker(self) -> None:
        """Lose all messages, as a broker does that restarts without persistence."""
        if self._redis:
            self._redis.flushdb()
        else:
            shutil.rmtree(self._broker_folder, ignore_errors=True)

    def enqueue(self, task: str, *args: str, queue: str = "celery") -> None:
        with Celery(broker=self.env["BROKER_URL"], set_as_current=False) as app:
            app.send_task(f"results.tasks.{task}", args, queue=queue)

    def manage(self, *arguments: str, stdin: str = "", **env: str) -> None:
        command, env = [sys.executable, "manage.py", *arguments], self.env | env
        subprocess.run(command, cwd=ROOT, env=env, input=stdin, text=True, check=True, timeout=DEADLINE_S)

    @contextmanager
    def process(self, name: str, log: Path | None = None, /, **env: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run this command of the Procfile, and append what it writes to the log."""
        command = supervisor.commands(ROOT / "Procfile", [name])[name]
        known = self.env | env
        command = Template(command).substitute(known)
        with log.open("ab") if log else nullcontext() as output:
            process = subprocess.Popen(
                command.split(), cwd=ROOT, env=known, stdout=output, stderr=output, start_new_session=True
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the web server's workers survive their parent
            process.wait(DEADLINE_S)

    @contextmanager
    def web(self, log: Path | None = None, /, **env: str) -> Iterator[str]:
        """Run a web server, and yield its address once it answers."""
        port = free_port()
        home = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            with suppress(requests.ConnectionError):
                return requests.get(f"{home}/health/alive/", timeout=DEADLINE_S).status_code == 200
            return False

        with self.process("web", log, HOST="127.0.0.1", PORT=str(port), **env):
            until(answers)
            yield home

    def make_due(self, number: int, team: str = "team") -> None:
        """Make the first `number` runs of the team overdue."""
        self.execute(
            "UPDATE results_run SET due_at = '2020-01-01 00:00:00' WHERE id IN (SELECT results_run.id"
            " FROM results_run JOIN teams_team ON teams_team.id = team_id"
            f" WHERE slug = '{team}' ORDER BY 1 LIMIT {number})"
        )

    def statuses(self, *, team: str = "team") -> list[str]:
        """Return the statuses of the runs that were made due, in the order of their primary keys."""
        return self.column(
            "SELECT status FROM results_run JOIN teams_team ON teams_team.id = team_id"
            f" WHERE slug = '{team}' AND (due_at IS NOT NULL OR status <> 'new') ORDER BY results_run.id"
        )


def set_up_teams(installation: Installation, folder: Path) -> None:
    """Create two teams with a key each and runs that are not due: many, numbered from 1, and a few, from 10,001.

    PEOPLE are members of the first team. The static files are collected, as the web server needs them.
    """
    commands = [["migrate", "--verbosity=0"], ["collectstatic", "--no-input", "--verbosity=0"]]
    for name, first, number in (("Team", 1, RUNS), ("Other", 10_001, OTHER_RUNS)):
        ids = folder / f"{name}.txt"
        ids.write_text(" ".join(map(str, range(first, first + number))))
        owner = ("--owner=a@example.org", f"--name={name}", f"--camb-key-env={name.upper()}_KEY")
        commands += [["create_team", *owner], ["add_runs", f"--team={name.lower()}", str(ids)]]
    # One process runs all commands: starting a process takes longer than most of them.
    process = [sys.executable, "-c", COMMANDS, json.dumps(commands), PASSWORD, *PEOPLE]
    env = installation.env | {
        "TEAM_KEY": KEY,
        "OTHER_KEY": OTHER_KEY,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    subprocess.run(process, cwd=ROOT, env=env, check=True, timeout=DEADLINE_S)
    installation.execute("UPDATE results_run SET due_at = NULL")
    installation.execute("UPDATE results_apikey SET state = 'working'")
