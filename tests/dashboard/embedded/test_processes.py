import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.embedded import processes


@pytest.fixture(autouse=True)
def _no_loop_of_other_tests():
    """The browser of other tests leaves its event loop running in this thread."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


def is_running(pid_file: Path) -> bool:
    """Whether the process of that id still is one, and not only waits to be reaped."""
    try:
        stat = Path("/proc", pid_file.read_text().strip(), "stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def is_written(pid_file: Path) -> bool:
    """Whether the process has said who it is: a shell opens the file before it writes."""
    return pid_file.exists() and pid_file.stat().st_size > 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline


async def never():
    """Nothing to do once all are started."""


@pytest.mark.parametrize("number", processes.STOPPING_SIGNALS)
def test_a_signal_stops_all(tmp_path, number):
    pids = [tmp_path / "a", tmp_path / "b"]

    async def stop():
        while not all(map(is_written, pids)):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), number)

    commands = {pid.name: f"sh -c 'echo $$ > {pid}; exec sleep 60'" for pid in pids}
    assert processes.run(commands, os.environ, stop) is None
    assert [is_running(pid) for pid in pids] == [False, False]


def test_one_that_ends_by_itself_stops_the_others_and_is_named(tmp_path):
    commands = {"steady": f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60'", "broken": "false"}
    assert processes.run(commands, os.environ, never) == "broken"


def test_one_that_ends_after_it_had_well_begun_is_started_anew_without_what_it_left(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(processes, "WELL_BEGUN_S", 0)
    starts, child = tmp_path / "starts", tmp_path / "child"
    command = f"sh -c 'echo $$ >> {starts}; sleep 60 & echo $! > {child}.$$; test $(wc -l < {starts}) = 1 || wait'"

    async def stop_the_second():
        while not starts.exists() or len(starts.read_text().splitlines()) < 2:
            await asyncio.sleep(0.01)
        first = Path(f"{child}.{starts.read_text().split()[0]}")
        while is_running(first):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    assert processes.run({"worker": command}, os.environ, stop_the_second) is None
    assert capfd.readouterr().err == "The process 'worker' ended by itself and is started anew.\n"


def test_children_of_a_process_that_died_are_cleared_away(tmp_path):
    command = f"sh -c 'sleep 60 & echo $! > {tmp_path}/pid; kill -KILL $$'"
    assert processes.run({"parent": command}, os.environ, never) == "parent"
    wait_until(lambda: not is_running(tmp_path / "pid"))  # killed, but nobody can wait for somebody else's child


def test_a_second_signal_kills_what_does_not_want_to_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_S", 120)

    async def stop_twice():
        while not is_written(tmp_path / "pid"):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)

    command = f"""sh -c 'trap "" TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done'"""
    started = time.monotonic()
    assert processes.run({"stubborn": command}, os.environ, stop_twice) is None
    assert time.monotonic() - started < processes.GRACE_S / 2
    assert not is_running(tmp_path / "pid")


def test_what_does_not_stop_in_time_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_S", 0.1)
    commands = {"stubborn": f"""sh -c 'trap "" TERM; echo $$ > {tmp_path}/pid; sleep 60'""", "short": "sleep 0.1"}
    assert processes.run(commands, os.environ, never) == "short"
    assert not is_running(tmp_path / "pid")


def test_nothing_outlives_the_one_who_started_it(tmp_path):
    tame, stubborn, child = pids = [tmp_path / name for name in ("tame", "stubborn", "child")]
    commands = {
        "tame": f"sh -c 'echo $$ > {tame}; exec sleep 60'",
        "stubborn": f"""sh -c 'trap "" TERM; sleep 60 & echo $! > {child}; echo $$ > {stubborn}; wait'""",
    }
    program = f"""if True:
        import asyncio, os
        from dashboard.embedded import processes
        processes.REAPER = processes.REAPER.replace("sleep 10", "sleep 0.1")
        processes.run({commands}, os.environ, asyncio.Event().wait)
    """
    with subprocess.Popen([sys.executable, "-c", program]) as starter:
        wait_until(lambda: all(map(is_written, pids)))
        starter.kill()
    wait_until(lambda: not any(map(is_running, pids)))


def test_the_procfile_is_read_by_name(tmp_path):
    procfile = tmp_path / "Procfile"
    procfile.write_text("web: serve --bind :80\nworker: work\nbeat: tick\n")
    assert processes.commands(procfile, ["beat", "web"]) == {"beat": "tick", "web": "serve --bind :80"}
