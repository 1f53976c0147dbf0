"""Does each process wait for what it needs, whichever was started first, and never work on what is not ready?"""

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


def test_what_is_started_before_its_database_waits_until_that_is_there_and_migrated(tmp_path, camb, installation):
    port, folder, name = str(free_port()), tmp_path / "later", f"worker_{uuid4().hex}"
    server = installation.env["DATABASE_URL"].rpartition("/")[0]
    url = f"sqlite:///{folder}/{name}.sqlite3" if settings.IS_EMBEDDED else f"{server}/{name}"
    logs = {each: tmp_path / f"{each}.log" for each in ("web", "worker", "beat")}
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
        return answer.status_code, "Back in a moment" in answer.text

    with ExitStack() as stack:
        processes = [stack.enter_context(installation.process(each, log, **late)) for each, log in logs.items()]
        until(lambda: health() == "The database does not answer.")
        assert page() == (503, True)
        folder.mkdir()
        database = stack.enter_context(new_database(folder, name=name))
        until(lambda: health() == "The database is not migrated.")
        tables = "sqlite_master" if settings.IS_EMBEDDED else "pg_tables WHERE schemaname = 'public'"
        assert database.column(f"SELECT count(*) FROM {tables}") == [0]
        assert page() == (503, True)
        until(lambda: "The worker waits" in logs["worker"].read_text())
        installation.manage("migrate", "--verbosity=0", **late)
        until(lambda: health() == "ok")
        assert page() == (200, False)
        assert [process.poll() for process in processes] == [None] * 3
    said = logs["worker"].read_text()
    assert (said.count("is not migrated"), "Traceback" in said) == (1, False)


@pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a Redis that is not there at first")
def test_a_worker_that_is_started_before_redis_waits_for_it(tmp_path, camb, installation):
    installation.make_due(5)
    with socket.create_server(("127.0.0.1", 0)) as nobody, ExitStack() as stack:
        port = nobody.getsockname()[1]
        early = {"BROKER_URL": f"redis://127.0.0.1:{port}/0"}
        for each in ("worker", "beat"):
            stack.enter_context(installation.process(each, **early))
        nobody.settimeout(DEADLINE_S)
        nobody.accept()[0].close()
        nobody.close()
        stack.enter_context(redis_server(tmp_path, port))
        until(lambda: installation.statuses() == ["ready"] * 5)
