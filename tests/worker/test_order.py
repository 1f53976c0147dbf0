"""Tests that each process waits for its database and broker, in whatever order they start."""

import shutil
import socket
from contextlib import ExitStack
from uuid import uuid4

import pytest
import requests
from django.conf import settings

from tests.waiting import DEADLINE_S, until
from tests.worker.installation import free_port, new_database, redis_server

pytestmark = pytest.mark.worker


def test_processes_started_before_their_database_wait_until_it_is_migrated(tmp_path, camb, installation):
    port, folder, name = str(free_port()), tmp_path / "later", f"worker_{uuid4().hex}"
    server = installation.env["DATABASE_URL"].rpartition("/")[0]
    url = f"sqlite:///{folder}/{name}.sqlite3" if settings.IS_EMBEDDED else f"{server}/{name}"
    logs = {process: tmp_path / f"{process}.log" for process in ("web", "worker", "beat")}
    late = {"DATABASE_URL": url, "HOST": "127.0.0.1", "PORT": port}

    def get(path: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{port}{path}", cookies={"sessionid": "x" * 32}, timeout=DEADLINE_S)

    def health() -> str | None:
        try:
            return get("/health/").json().get("reason", "ok")
        except requests.ConnectionError:
            return None

    def page() -> tuple[int, bool]:
        answer = get("/accounts/login/")
        return answer.status_code, "If it happens again, tell the administrator" in answer.text

    with ExitStack() as stack:
        processes = [stack.enter_context(installation.process(name, log, **late)) for name, log in logs.items()]
        until(lambda: health() == "The database does not answer.")
        assert page() == (503, True)
        folder.mkdir()
        database = stack.enter_context(new_database(folder, name=name))
        until(lambda: health() == "The database is not migrated.")
        tables = "sqlite_master" if settings.IS_EMBEDDED else "pg_tables WHERE schemaname = 'public'"
        assert database.column(f"SELECT count(*) FROM {tables}") == [0]
        assert page() == (503, True)
        until(lambda: "is not migrated" in logs["worker"].read_text())
        installation.manage("migrate", "--verbosity=0", **late)
        until(lambda: health() == "ok")
        assert page() == (200, False)
        assert [process.poll() for process in processes] == [None] * 3
    log = logs["worker"].read_text()
    assert (log.count("is not migrated"), "Traceback" in log) == (1, False)


@pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a Redis that starts late")
def test_a_worker_started_before_redis_waits_for_it(tmp_path, camb, installation):
    installation.make_due(5)
    with socket.create_server(("127.0.0.1", 0)) as not_redis, ExitStack() as stack:
        port = not_redis.getsockname()[1]
        early = {"BROKER_URL": f"redis://127.0.0.1:{port}/0"}
        for name in ("worker", "beat"):
            stack.enter_context(installation.process(name, **early))
        not_redis.settimeout(DEADLINE_S)
        not_redis.accept()[0].close()
        not_redis.close()
        stack.enter_context(redis_server(tmp_path, port))
        until(lambda: installation.statuses() == ["ready"] * 5)
