"""Tests that Dubroom reports a full disk, loses nothing, and goes on once there is space."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.waiting import until
from tests.worker.disk import full, small_disk
from tests.worker.installation import PEOPLE, Installation, new_database, ready
from tests.worker.tab import open_signed_in_tab
from tests.worker.test_faults import HeldAnswers

pytestmark = pytest.mark.worker


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 32) as disk:
        yield disk or pytest.skip("needs the permission to mount a small disk")


@pytest.mark.skipif(not settings.IS_EMBEDDED, reason="a database server has a disk of its own")
def test_a_full_disk_leaves_pages_readable_loses_nothing_and_workers_recover(tmp_path, disk, template_url, camb):
    log, answers = tmp_path / "log", HeldAnswers(camb)
    camb.unknown = ready(1000)
    with new_database(disk, template_url) as database:
        installation = Installation(disk, database, camb.base_url)
        installation.env |= {"CACHE_URL": f"filecache://{disk}/cache", "METRICS_TOKEN": "a-token-for-tests"}
        installation.make_due(2)
        with (
            installation.web(log) as home,
            installation.process("worker", log) as worker,
            installation.process("beat", log) as beat,
        ):
            tab = open_signed_in_tab(home, PEOPLE[0])
            until(lambda: answers.held)
            with full(disk):
                answers.release()
                until(lambda: "A database query failed: database or disk is full" in log.read_text())
                health = tab.get("/health/").json()
                assert health["reason"] == "The database takes no changes: its disk may be full or read-only."
                # Each page is counted for the first time, by either process of the web server.
                for page in ("runs", "search", "activity", "team") * 3:
                    assert tab.another().get(f"/t/team/{page}/").status_code == 200
                assert database.column("PRAGMA integrity_check") == ["ok"]
                assert installation.statuses() == ["new"] * 2
            until(lambda: installation.statuses() == ["ready"] * 2)
            assert tab.get("/health/").status_code == 200
            assert [process.poll() for process in (worker, beat)] == [None, None]
        assert database.column("PRAGMA integrity_check") == ["ok"]
        assert database.column("SELECT count(*) FROM results_cue") == [2000]
    assert "Traceback" not in log.read_text()
