"""Does Dubroom say that its disk is full, lose nothing, and go on once there is room?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.waiting import until
from tests.worker.disk import full, small_disk
from tests.worker.installation import PEOPLE, Installation, new_database, ready
from tests.worker.tab import open_signed_in_tab
from tests.worker.test_faults import Gate

pytestmark = pytest.mark.worker


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 24) as disk:
        yield disk or pytest.skip("only who may mount a small disk can fill it")


@pytest.mark.skipif(not settings.IS_EMBEDDED, reason="the disk of a server is another")
def test_with_all_on_a_full_disk_pages_are_read_nothing_is_lost_and_workers_go_on(tmp_path, disk, furnished, camb):
    log, gate = tmp_path / "log", Gate(camb)
    camb.unknown = ready(1000)
    with new_database(disk, furnished) as database:
        installation = Installation(disk, database, camb.base_url)
        installation.env["CACHE_URL"] = f"filecache://{disk}/cache"
        installation.make_due(2)
        with (
            installation.web(log) as home,
            installation.process("worker", log) as worker,
            installation.process("beat", log) as beat,
        ):
            tab = open_signed_in_tab(home, PEOPLE[0])
            until(lambda: gate.held)
            with full(disk):
                gate.open()
                until(lambda: "asked of it: database or disk is full" in log.read_text())
                health = tab.get("/health/").json()
                assert health["reason"] == "The database takes no changes: its disk may be full."
                assert tab.get("/t/team/runs/").status_code == 200
                assert database.column("PRAGMA integrity_check") == ["ok"]
                assert installation.statuses() == ["new"] * 2
            installation.end_leases()
            installation.make_due(2)
            until(lambda: installation.statuses() == ["ready"] * 2)
            assert tab.get("/health/").status_code == 200
            assert [process.poll() for process in (worker, beat)] == [None, None]
        assert database.column("PRAGMA integrity_check") == ["ok"]
        assert database.column("SELECT count(*) FROM results_cue") == [2000]
    assert "Traceback" not in log.read_text()
