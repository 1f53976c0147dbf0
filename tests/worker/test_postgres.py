"""Tests that Dubroom recovers without help from a crash, a read-only state or a full disk of PostgreSQL."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from demo.server import StandIn
from tests.waiting import until
from tests.worker.disk import full, small_disk
from tests.worker.installation import KEY, OTHER_KEY, PEOPLE, READY, Database, Installation, free_port, ready
from tests.worker.tab import open_signed_in_tab
from tests.worker.test_faults import HeldAnswers

# The newest version that Debian has installed, else the one on the path.
PLACES = [Path(shutil.which("initdb") or "/").parent, *sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
BINARIES = next((place for place in reversed(PLACES) if (place / "initdb").exists()), None)

pytestmark = [
    pytest.mark.worker,
    pytest.mark.skipif(settings.IS_EMBEDDED, reason="SQLite has no server to break"),
    pytest.mark.skipif(BINARIES is None, reason="needs a PostgreSQL that may be broken"),
]

# More than the web server answers at once, so that each of its connections is in use.
PAGES = 40


class Server:
    """A separate PostgreSQL server that tests may break, with a copy of another database."""

    def __init__(self, folder: Path, disk: Path | None) -> None:
        self._folder, self._port, self.disk = folder, free_port(), disk
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._as_owner: dict[str, Any] = {"cwd": folder} | ({"user": "postgres"} if os.geteuid() == 0 else {})
        if "user" in self._as_owner:
            shutil.chown(folder, "postgres")
        command = ["initdb", "--pgdata=data", "--username=owner", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        self._run(*command, stdout=subprocess.DEVNULL)

    def _run(self, program: str, *options: str, **more: Any) -> None:
        subprocess.run([BINARIES / program, *options], check=True, **self._as_owner, **more)

    def url(self, user: str, database: str) -> str:
        return f"postgres://{user}@127.0.0.1:{self._port}/{database}"

    def fill(self, template: str) -> None:
        """Create the database `dubroom` as a copy of the template; its owner `app` has no privileges."""
        self.execute("CREATE ROLE app LOGIN", "postgres")
        self.execute("CREATE DATABASE dubroom OWNER app", "postgres")
        if self.disk:
            if "user" in self._as_owner:
                shutil.chown(self.disk, "postgres")
            self.execute(f"CREATE TABLESPACE disk LOCATION '{self.disk}'", "postgres")
            self.execute("ALTER DATABASE dubroom SET TABLESPACE disk", "postgres")
        self._run("pg_dump", "--no-owner", "--file=dump", template)
        self._run("psql", "--quiet", "--file=dump", self.url("app", "dubroom"), stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": ""}
        options |= {"fsync": "off", "max_connections": 60}
        flags = [f"--{name}={value}" for name, value in options.items()]
        command = [str(BINARIES / "postgres"), "-Ddata", *flags]

        def answers() -> bool:
            # After a kill, a new server exits at once until all processes of the old one are gone.
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **self._as_owner)
            with suppress(psycopg.OperationalError):
                self.connect().close()
                return True
            return False

        until(answers)

    def touch(self, name: str) -> None:
        (self._folder / "data" / name).touch()

    def end(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        self._process.wait()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Stop all processes of the server, as on a machine or a disk that hangs, and let them go on."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        pids = [self._process.pid, *map(int, children)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(pids):
                os.kill(pid, signal.SIGCONT)

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        return psycopg.connect(self.url("owner", database), autocommit=True)

    def execute(self, query: str, database: str = "dubroom") -> "psycopg.Cursor[Any]":
        """Run a query over a new connection, because none survives the tests for long."""
        with self.connect(database) as connection:
            return connection.execute(query)

    def close(self) -> None:
        self.end(signal.SIGQUIT)


class Dubroom:
    """Dubroom at work on such a server, and a user's tab."""

    def __init__(self, installation: Installation, home: str, camb: StandIn, log: Path) -> None:
        self.installation, self.tab = installation, open_signed_in_tab(home, PEOPLE[0])
        self.camb, self.log = camb, log
        self._due = 0

    def make_due(self) -> None:
        """Make five more runs due."""
        self._due += 5
        self.installation.make_due(self._due)

    def pages(self) -> set[tuple[int, bool]]:
        """Request many pages at once; return their statuses, and whether they are the page of an outage."""

        def page(_: object) -> tuple[int, bool]:
            answer = self.tab.another().get("/t/team/palette/")
            return answer.status_code, "If it happens again, tell the administrator" in answer.text

        with ThreadPoolExecutor(PAGES) as threads:
            return set(threads.map(page, range(PAGES)))

    def health(self) -> tuple[int, str]:
        answer = self.tab.get("/health/")
        return answer.status_code, answer.json().get("reason", "ok")

    def is_well(self) -> bool:
        """Return whether the very next pages are answered, and runs are refreshed."""
        if self.pages() != {(200, False)}:
            return False
        self.make_due()
        until(lambda: self.installation.statuses() == ["ready"] * self._due)
        return self.health() == (200, "ok")


@pytest.fixture(scope="module")
def server(template_url) -> Iterator[Server]:
    # Not in pytest's temporary folder, which only its owner may read.
    with (
        tempfile.TemporaryDirectory() as name,
        small_disk(Path(name, "disk"), 64) as disk,
        closing(Server(Path(name), disk)) as server,
    ):
        server.start()
        server.fill(template_url)
        yield server


@pytest.fixture(scope="module")
def dubroom(server, tmp_path_factory) -> Iterator[Dubroom]:
    with StandIn(keys=[KEY, OTHER_KEY]) as camb, ExitStack() as stack:
        camb.unknown = READY
        database = Database(server.url("app", "dubroom"), server)
        folder = tmp_path_factory.mktemp("dubroom")
        log = folder / "log"
        installation = Installation(folder, database, camb.base_url)
        installation.env["CACHE_URL"] = f"filecache://{folder}/cache"
        for name in ("worker", "beat"):
            stack.enter_context(installation.process(name, log))
        yield Dubroom(installation, stack.enter_context(installation.web(log)), camb, log)
        assert "Traceback" not in log.read_text()


def test_after_a_database_crash_the_first_pages_are_answered_and_workers_go_on(server, dubroom):
    assert dubroom.is_well()
    # First a crash between requests, so that dead connections are noticed only afterwards.
    server.end(signal.SIGKILL)
    server.start()
    assert dubroom.is_well()
    server.end(signal.SIGKILL)
    assert dubroom.pages() == {(503, True)}
    assert dubroom.health() == (503, "The database does not answer.")
    server.start()
    assert dubroom.is_well()


def test_the_health_check_says_so_while_the_database_hangs_and_all_threads_with_it(server, dubroom):
    assert dubroom.health() == (200, "ok")
    reason = "The health check did not end in time: the database hangs, or this server is overloaded."
    with ThreadPoolExecutor(1) as thread, server.hanging():
        pages = thread.submit(dubroom.pages)
        assert [dubroom.health() for _ in range(3)] == [(503, reason)] * 3
        assert not pages.done()
    until(lambda: dubroom.health() == (200, "ok"))
    assert dubroom.is_well()


@contextmanager
def read_only(server: Server) -> Iterator[None]:
    server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    server.execute("SELECT pg_reload_conf()")
    yield
    server.execute("ALTER SYSTEM RESET default_transaction_read_only")
    server.execute("SELECT pg_reload_conf()")


@contextmanager
def recovery(server: Server) -> Iterator[None]:
    server.end(signal.SIGINT)
    server.touch("standby.signal")
    server.start()
    yield
    server.execute("SELECT pg_promote()")


@pytest.mark.parametrize("state", [read_only, recovery])
def test_a_read_only_database_is_read_and_written_to_again_as_soon_as_possible(server, dubroom, state):
    [pk] = dubroom.installation.column("SELECT id FROM results_run WHERE camb_run_id = 1")
    with state(server):
        until(lambda: dubroom.health() == (503, "The database takes no changes."))
        assert dubroom.pages() == {(200, False)}
        refused = dubroom.tab.post(f"/runs/{pk}/refresh/")
        assert (refused.status_code, "If it happens again, tell the administrator" in refused.text) == (503, True)
    until(lambda: dubroom.health() == (200, "ok"))
    assert dubroom.tab.post(f"/runs/{pk}/refresh/").status_code == 200
    assert dubroom.is_well()


def test_pages_show_the_outage_while_all_connections_are_taken_and_recover_without_help(server, dubroom):
    with ExitStack() as taken:
        admin = taken.enter_context(server.connect())

        def all_taken() -> bool:
            [ours] = admin.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'"
            ).fetchone()
            try:
                taken.enter_context(server.connect())
            except psycopg.OperationalError:
                return ours == 0
            return False

        until(all_taken)
        assert dubroom.pages() == {(503, True)}
        assert dubroom.health() == (503, "The database does not answer.")
    assert dubroom.is_well()


def test_a_full_disk_leaves_pages_readable_loses_nothing_and_workers_recover(server, dubroom):
    if not server.disk:
        pytest.skip("needs the permission to mount a small disk")
    answers = HeldAnswers(dubroom.camb)
    dubroom.camb.unknown = ready(1000)
    dubroom.make_due()
    until(lambda: answers.held)
    with full(server.disk):
        answers.release()
        until(lambda: "A database query failed: could not extend file" in dubroom.log.read_text())
        reason = "The database takes no changes: its disk may be full or read-only."
        until(lambda: dubroom.health() == (503, reason))
        assert dubroom.pages() == {(200, False)}
    dubroom.camb.unknown = READY
    assert dubroom.is_well()
