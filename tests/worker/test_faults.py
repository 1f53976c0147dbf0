"""Fault tests: every run is refreshed once, although workers die and messages are lost or repeated."""

import resource
from collections import Counter
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
from django.conf import settings

from demo.server import Reply
from tests.waiting import DEADLINE_S, until
from tests.worker.installation import KEY, OTHER_KEY, PEOPLE, READY, ready
from tests.worker.tab import open_signed_in_tab

pytestmark = pytest.mark.worker


class HeldAnswers:
    """Holds back CAMB.AI's answers, all of them or those after the first `after`, until they are released."""

    def __init__(self, camb, after: int = 0) -> None:
        self._released, self._left, self.held = Event(), after, 0
        camb.rule = self._rule

    def _rule(self, call) -> None:
        if not call.run_ids:
            return  # a list of languages
        self._left -= 1
        if self._left < 0 and not self._released.is_set():
            self.held += 1
            self._released.wait(DEADLINE_S)

    def release(self) -> None:
        self._released.set()


def calls_per_run(camb) -> Counter[int]:
    """Return the number of calls for each run, by run id."""
    return Counter(run_id for call in camb.calls for run_id in call.run_ids or ())


def all_ready(installation, number: int) -> bool:
    return installation.statuses() == ["ready"] * number


def lines_per_run(installation) -> list[int]:
    """Return the number of lines of each run, in the order of the runs' primary keys."""
    return installation.column("SELECT count(*) FROM results_cue GROUP BY run_id ORDER BY run_id")


def leases(installation) -> list[object]:
    return installation.column("SELECT DISTINCT lease FROM results_run WHERE lease IS NOT NULL")


def test_another_worker_finishes_the_runs_of_a_killed_worker(installation, camb):
    answers = HeldAnswers(camb)
    installation.make_due(10)
    # Leases last 15 minutes: only that their worker is known to be dead sets the runs free.
    installation.env["CAMB_TOTAL_SECONDS"] = "600"
    with installation.process("beat"), installation.process("worker") as victim:
        until(lambda: answers.held == 2)
        victim.kill()
        victim.wait(DEADLINE_S)
        answers.release()
        with installation.process("worker"):
            until(lambda: all_ready(installation, 10))
    assert lines_per_run(installation) == [1] * 10
    assert set(calls_per_run(camb).values()) == {2}


def test_a_persons_refresh_does_not_wait_for_sweeps(installation, camb):
    [pk] = installation.column("SELECT id FROM results_run WHERE camb_run_id = 7")
    released = Event()

    def hold_the_other_team(call) -> None:
        if call.key == OTHER_KEY and call.run_ids:
            released.wait(DEADLINE_S)

    camb.rule = hold_the_other_team
    installation.make_due(3, team="other")
    with installation.web() as home, installation.process("worker", WORKER_THREADS="1"):
        for _ in range(20):  # the only thread that sweeps waits for CAMB.AI, and messages wait behind it
            installation.enqueue("refresh_due")
        until(lambda: 10_001 in calls_per_run(camb))
        tab = open_signed_in_tab(home, PEOPLE[0])
        assert tab.post(f"/runs/{pk}/refresh/").status_code == 200
        until(lambda: "Hello" in tab.read(f"/runs/{pk}/"))
        assert not released.is_set()
        released.set()


def test_a_clock_that_is_set_back_holds_up_nothing(installation, camb):
    column = "next_at = strftime('%Y-%m-%d %H:%M:%f000', next_at, '+1 hour')"
    if not settings.IS_EMBEDDED:
        column = "next_at = next_at + interval '1 hour'"
    with installation.process("beat"), installation.process("worker"):
        installation.make_due(5)
        until(lambda: all_ready(installation, 5))
        # As if everything on the schedule had been written an hour later.
        installation.execute(f"UPDATE results_scheduledtask SET {column}")
        installation.make_due(10)
        until(lambda: all_ready(installation, 10))


@pytest.mark.thorough
def test_runs_answered_but_not_stored_by_a_killed_worker_are_requested_again(installation, camb):
    answers = HeldAnswers(camb, after=1)
    installation.make_due(20)
    with (
        installation.process("beat"),
        installation.process("worker", REFRESH_CALLS_PER_KEY="1") as victim,
    ):
        until(lambda: answers.held == 1)
        victim.kill()
        victim.wait(DEADLINE_S)
        answers.release()
        with installation.process("worker"):
            until(lambda: all_ready(installation, 20))
    assert lines_per_run(installation) == [1] * 20
    assert max(calls_per_run(camb).values()) == 2


def test_a_terminated_worker_stores_the_answers_of_its_open_calls(installation, camb):
    answers = HeldAnswers(camb)
    installation.make_due(5)
    with installation.process("worker") as worker:
        installation.enqueue("refresh_due")
        until(lambda: answers.held == 1)
        worker.terminate()
        answers.release()
        assert worker.wait(DEADLINE_S) == 0
    assert installation.statuses() == ["ready"] * 5
    assert leases(installation) == []


def test_a_terminated_worker_releases_runs_that_are_not_answered_in_time(installation, camb):
    answers = HeldAnswers(camb)
    installation.make_due(5)
    with installation.process("worker", CAMB_TOTAL_SECONDS="2") as worker:
        installation.enqueue("refresh_due")
        until(lambda: answers.held == 1)
        worker.terminate()
        assert worker.wait(DEADLINE_S) == 0
    assert (installation.statuses(), leases(installation)) == (["new"] * 5, [])
    answers.release()


@pytest.mark.thorough
def test_a_broker_emptied_during_work_is_set_up_again(installation, camb):
    installation.make_due(12)
    with installation.process("beat"), installation.process("worker"):
        until(lambda: all_ready(installation, 12))
        installation.empty_broker()
        installation.make_due(24)
        until(lambda: all_ready(installation, 24))
    assert lines_per_run(installation) == [1] * 24


def test_tasks_lost_with_the_broker_are_enqueued_again(installation, camb):
    answers = HeldAnswers(camb)
    installation.make_due(40)
    with installation.process("beat"):
        with installation.process("worker", WORKER_THREADS="1") as worker:
            until(lambda: answers.held)
            worker.kill()
            worker.wait(DEADLINE_S)
        installation.empty_broker()
        answers.release()
        with installation.process("worker"):
            until(lambda: all_ready(installation, 40))
    assert lines_per_run(installation) == [1] * 40


@pytest.mark.thorough
def test_two_late_beats_cause_one_catch_up(installation, camb):
    camb.unknown = None  # still in progress, and due again in an hour
    installation.make_due(33)
    with (
        installation.process("worker"),
        installation.process("worker"),
        installation.process("beat"),
        installation.process("beat"),
    ):
        until(lambda: installation.statuses() == ["waiting"] * 33)
        calls = sum(bool(call.run_ids) for call in camb.calls)
        installation.make_due(1, team="other")
        until(lambda: installation.statuses(team="other") == ["waiting"])
    assert calls == 7
    assert set(calls_per_run(camb).values()) == {1}


def test_a_message_delivered_twice_causes_one_call(installation, camb):
    lease = uuid4()
    in_a_minute = "strftime('%Y-%m-%d %H:%M:%f', 'now', '+60 seconds')"
    if not settings.IS_EMBEDDED:
        in_a_minute = "now() + interval '60 seconds'"
    with installation.process("worker"):
        installation.make_due(3, team="other")
        installation.enqueue("refresh_due")
        until(lambda: installation.statuses(team="other") == ["ready"] * 3)
        installation.make_due(5)
        installation.execute(
            f"UPDATE results_run SET lease = '{lease.hex}', lease_until = {in_a_minute} WHERE due_at IS NOT NULL"
        )
        for _ in range(3):
            installation.enqueue("refresh_requested", str(lease), queue="interactive")
        until(lambda: all_ready(installation, 5))
        installation.enqueue("refresh_requested", str(lease), queue="interactive")
        installation.make_due(2, team="other")
        installation.enqueue("refresh_due")
        until(lambda: calls_per_run(camb)[10_001] == 2)
    assert all(count == 1 for run_id, count in calls_per_run(camb).items() if run_id <= 5)
    assert lines_per_run(installation) == [1] * 8


@pytest.mark.thorough
def test_processes_with_a_wrong_broker_do_no_harm_and_stop_on_request(installation, camb):
    installation.make_due(10)
    wrong = {"BROKER_URL": "redis://127.0.0.1:9/0"}
    with installation.process("worker", **wrong) as worker, installation.process("beat", **wrong) as beat:
        with installation.process("worker"), installation.process("beat"):
            until(lambda: all_ready(installation, 10))
        for process in (worker, beat):
            process.terminate()
            process.wait(DEADLINE_S)
    assert set(calls_per_run(camb).values()) == {1}


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the memory of another process")
@pytest.mark.thorough
def test_another_worker_finishes_after_one_runs_out_of_memory(installation, camb):
    answers = HeldAnswers(camb)
    camb.unknown = ready(15_000)
    installation.make_due(10)
    with installation.process("beat"):
        with installation.process("worker") as victim:
            until(lambda: answers.held == 2)
            kilobytes = Path(f"/proc/{victim.pid}/status").read_text().partition("VmSize:")[2].split()[0]
            limit = (int(kilobytes) + 16 * 1024) * 1024
            resource.prlimit(victim.pid, resource.RLIMIT_AS, (limit, limit))
            answers.release()
            assert victim.wait(DEADLINE_S) == 1
        assert installation.column("SELECT DISTINCT reason FROM results_run") == [""]
        with installation.process("worker"):
            until(lambda: all_ready(installation, 10))
    assert lines_per_run(installation) == [15_000] * 10


@pytest.mark.skipif(settings.IS_EMBEDDED, reason="a file has no connections to cut")
def test_a_database_restart_during_a_call_costs_only_that_call(installation, camb):
    answers = HeldAnswers(camb)
    installation.make_due(10)
    with installation.process("beat"), installation.process("worker", CAMB_TOTAL_SECONDS="2"):
        until(lambda: answers.held == 2)
        installation.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        answers.release()
        until(lambda: all_ready(installation, 10))
    assert lines_per_run(installation) == [1] * 10


@pytest.mark.thorough
def test_a_team_with_thousands_of_runs_and_a_slow_camb_does_not_block_others(installation, camb):
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
    # Of the 400 due calls: one by each of the eight threads, with a margin for a busy machine.
    assert between.index(OTHER_KEY) < 200
