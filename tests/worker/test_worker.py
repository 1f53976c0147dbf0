"""Tests that a real worker takes queued tasks, from a folder, or from Redis if BROKER_URL names one."""

import pytest

from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.worker


def test_a_worker_takes_queued_tasks_and_requests_every_run_once(installation, camb):
    with installation.process("worker") as worker:
        installation.manage("add_runs", "--team=team", "-", stdin="20001 20002 20003 20004 20005 20006")
        until(lambda: installation.statuses() == ["ready"] * 6)
        worker.terminate()
        assert worker.wait(DEADLINE_S) == 0
    assert sorted(len(call.run_ids) for call in camb.calls) == [2, 4]
    assert sorted(id for call in camb.calls for id in call.run_ids) == list(range(20001, 20007))
    assert installation.column("SELECT text FROM results_cue") == ["Hello"] * 6
