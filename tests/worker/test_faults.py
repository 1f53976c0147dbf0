"""Does every run end refreshed, asked for once and with its lines once, whatever dies, is lost or comes twice?"""

import resource
from collections import Counter
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
from django.conf import settings

from demo.server import Reply
from tests.waiting import DEADLINE_S, until
from tests.worker.installation import KEY, OTHER_KEY, READY, ready

pytestmark = pytest.mark.worker


class Gate:
    """Holds back the answers to the team's calls, from the first or a later one on, until it is opened."""

    def __init__(self, camb, after: int = 0) -> None:
        self._opened, self._left, self.held = Event(), after, 0
        camb.rule = self._rule

    def _rule(self, call) -> None:
        self._left -= 1
        if self._left < 0 and not self._opened.is_set():
            self.held += 1
            self._opened.wait(DEADLINE_S)

    def open(self) -> None:
        self._opened.set()


def calls_per_run(camb) -> Counter[int]:
    """Return how often CAMB.AI was asked about each run, by run id."""
    return Counter(run_id for call in camb.calls for run_id in call.run_ids)


def all_ready(installation, number: int) -> bool:
    return installation.statuses() == ["ready"] * number


def lines_per_run(installation) -> list[int]:
    """Return how many lines each run has, in the order of the runs' primary keys."""
    return installation.column("SELECT count(*) FROM results_cue GROUP BY run_id ORDER BY run_id")


def leases(installation) -> list[object]:
    return installation.column("SELECT DISTINCT lease FROM results_run WHERE lease IS NOT NULL")


def test_what_a_killed_worker_asked_for_is_finished_by_another(installation, camb):
    gate = Gate(camb)
    installation.make_due(10)
    with installation.process("beat"), installation.process("worker") as victim:
        until(lambda: gate.held == 2)
        victim.kill()
        victim.wait(DEADLINE_S)
        gate.open()
        installation.end_leases()
        with installation.process("worker"):
            until(lambda: all_ready(installation, 10))
    assert lines_per_run(installation) == [1] * 10
    assert set(calls_per_run(camb).values()) == {2}


def test_what_a_worker_had_heard_but_not_stored_when_it_was_killed_is_asked_again(installation, camb):
    gate = Gate(camb, after=1)
    installation.make_due(20)
    with (
        installation.process("beat"),
        installation.process("worker", REFRESH_CALLS_PER_KEY="1") as victim,
    ):
        until(lambda: gate.held == 1)
        victim.kill()
        victim.wait(DEADLINE_S)
        gate.open()
        installation.end_leases()
        with installation.process("worker"):
            until(lambda: all_ready(installation, 20))
    assert lines_per_run(installation) == [1] * 20
    assert max(calls_per_run(camb).values()) == 2


def test_a_worker_that_is_told_to_stop_stores_what_it_is_asking_for(installation, camb):
    gate = Gate(camb)
    installation.make_due(5)
    with installation.process("worker") as worker:
        installation.ring("refresh_due")
        until(lambda: gate.held == 1)
        worker.terminate()
        gate.open()
        assert worker.wait(DEADLINE_S) == 0
    assert installation.statuses() == ["ready"] * 5
    assert leases(installation) == []


def test_a_worker_that_is_told_to_stop_hands_back_what_is_not_answered_in_time(installation, camb):
    gate = Gate(camb)
    installation.make_due(5)
    with installation.process("worker", CAMB_TOTAL_SECONDS="2") as worker:
        installation.ring("refresh_due")
        until(lambda: gate.held == 1)
        worker.terminate()
        assert worker.wait(DEADLINE_S) == 0
    assert (installation.statuses(), leases(installation)) == (["new"] * 5, [])
    gate.open()


def test_a_broker_emptied_while_all_are_at_work_is_set_up_again(installation, camb):
    installation.make_due(12)
    with installation.process("beat"), installation.process("worker"):
        until(lambda: all_ready(installation, 12))
        installation.empty_broker()
        installation.make_due(24)
        until(lambda: all_ready(installation, 24))
    assert lines_per_run(installation) == [1] * 24


def test_bells_that_were_lost_with_the_broker_are_rung_again(installation, camb):
    gate = Gate(camb)
    installation.make_due(40)
    with installation.process("beat"):
        # More are claimed and rung for than one thread can ask about.
        with installation.process("worker", WORKER_THREADS="1") as worker:
            until(lambda: gate.held and len(leases(installation)) == 8)
            worker.kill()
            worker.wait(DEADLINE_S)
        installation.empty_broker()
        installation.end_leases()
        gate.open()
        with installation.process("worker"):
            until(lambda: all_ready(installation, 40))
    assert lines_per_run(installation) == [1] * 40


def test_two_beats_that_come_late_make_one_catch_up(installation, camb):
    camb.unknown = None  # still at work, and due again in an hour
    installation.make_due(33)
    with (
        installation.process("worker"),
        installation.process("worker"),
        installation.process("beat"),
        installation.process("beat"),
    ):
        until(lambda: installation.statuses() == ["waiting"] * 33)
        calls = len(camb.calls)
        installation.make_due(1, team="other")
        until(lambda: installation.statuses(team="other") == ["waiting"])
    assert calls == 7
    assert set(calls_per_run(camb).values()) == {1}


def test_a_message_that_comes_twice_asks_once(installation, camb):
    lease = uuid4()
    in_a_minute = "strftime('%Y-%m-%d %H:%M:%f', 'now', '+60 seconds')"
    if not settings.IS_EMBEDDED:
        in_a_minute = "now() + interval '60 seconds'"
    with installation.process("worker"):
        installation.make_due(3, team="other")
        installation.ring("refresh_due")
        until(lambda: installation.statuses(team="other") == ["ready"] * 3)
        installation.make_due(5)
        installation.execute(
            f"UPDATE results_run SET lease = '{lease.hex}', lease_until = {in_a_minute} WHERE due_at IS NOT NULL"
        )
        for _ in range(3):
            installation.ring("refresh_batch", str(lease))
        until(lambda: all_ready(installation, 5))
        installation.ring("refresh_batch", str(lease))
        installation.make_due(2, team="other")
        installation.ring("refresh_due")
        until(lambda: calls_per_run(camb)[10_001] == 2)
    assert all(count == 1 for run_id, count in calls_per_run(camb).items() if run_id <= 5)
    assert lines_per_run(installation) == [1] * 8


def test_processes_with_a_wrong_broker_spoil_nothing_and_stop_when_told(installation, camb):
    installation.make_due(10)
    wrong = {"BROKER_URL": "redis://127.0.0.1:9/0"}
    with installation.process("worker", **wrong) as lost, installation.process("beat", **wrong) as deaf:
        with installation.process("worker"), installation.process("beat"):
            until(lambda: all_ready(installation, 10))
        for process in (lost, deaf):
            process.terminate()
            process.wait(DEADLINE_S)
    assert set(calls_per_run(camb).values()) == {1}


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the memory of another process")
def test_a_worker_that_runs_out_of_memory_ends_and_another_finishes(installation, camb):
    gate = Gate(camb)
    camb.unknown = ready(15_000)
    installation.make_due(10)
    with installation.process("beat"):
        with installation.process("worker") as victim:
            until(lambda: gate.held == 2)
            kilobytes = Path(f"/proc/{victim.pid}/status").read_text().partition("VmSize:")[2].split()[0]
            most = (int(kilobytes) + 16 * 1024) * 1024
            resource.prlimit(victim.pid, resource.RLIMIT_AS, (most, most))
            gate.open()
            assert victim.wait(DEADLINE_S) == 1
        assert installation.column("SELECT DISTINCT reason FROM results_run") == [""]
        installation.end_leases()
        with installation.process("worker"):
            until(lambda: all_ready(installation, 10))
    assert lines_per_run(installation) == [15_000] * 10


@pytest.mark.skipif(settings.IS_EMBEDDED, reason="a file has no connections to cut")
def test_a_database_that_restarts_amid_a_call_costs_no_more_than_the_call(installation, camb):
    gate = Gate(camb)
    installation.make_due(10)
    with installation.process("beat"), installation.process("worker", CAMB_TOTAL_SECONDS="2"):
        until(lambda: gate.held == 2)
        installation.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        gate.open()
        until(lambda: all_ready(installation, 10))
    assert lines_per_run(installation) == [1] * 10


def test_a_team_with_thousands_of_runs_and_a_slow_camb_lets_others_through(installation, camb):
    camb.rule = lambda call: Reply(200, dict.fromkeys(map(str, call.run_ids), READY), delay=0.5 * (call.key == KEY))
    installation.make_due(2000)
    with installation.process("beat"), installation.process("worker"):
        until(lambda: camb.peak_open == 8)
        until(lambda: len(camb.calls) > 24)
        before = len(camb.calls)
        installation.make_due(3, team="other")
        until(lambda: installation.statuses(team="other") == ["ready"] * 3)
        between = [call.key for call in camb.calls[before:]]
    assert between.count(OTHER_KEY) == 1
    # Of the 400 calls that are due: a turn of each of the eight threads, and room for a busy machine.
    assert between.index(OTHER_KEY) < 200
