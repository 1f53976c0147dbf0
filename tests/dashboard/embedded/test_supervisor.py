"""Processes are started, supervised and stopped together, and nothing outlives the process that started them."""

import asyncio
import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.embedded import supervisor
from dashboard.http.json_log import JsonFormatter


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


@pytest.mark.parametrize("number", supervisor.STOPPING_SIGNALS)
def test_a_signal_stops_all(tmp_path, number):
    pids = [tmp_path / "a", tmp_path / "b"]

    async def stop():
        while not all(map(is_written, pids)):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), number)

    commands = {pid.name: f"sh -c 'echo $$ > {pid}; exec sleep 60'" for pid in pids}
    supervisor.run(commands, os.environ, stop)
    assert [is_running(pid) for pid in pids] == [False, False]


@pytest.fixture
def _quick_restarts(monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.01)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def pauses(text: str) -> list[float]:
    return [float(pause) for pause in re.findall(r"started again in (\S+) s\.", text)]


@pytest.mark.usefixtures("_quick_restarts")
def test_one_that_keeps_ending_is_started_again_after_growing_pauses_and_the_others_run_on(tmp_path, capfd):
    steady, starts = tmp_path / "steady", tmp_path / "starts"
    commands = {
        "web": f"sh -c 'echo $$ >> {steady}; exec sleep 60'",
        "worker": f"sh -c 'echo $$ >> {starts}; exit 1'",
    }

    async def stop_after_five_starts():
        while len(lines(starts)) < 5:
            await asyncio.sleep(0.01)
        assert is_running(steady)
        os.kill(os.getpid(), signal.SIGTERM)

    supervisor.run(commands, os.environ, stop_after_five_starts)
    assert len(lines(steady)) == 1
    assert pauses(capfd.readouterr().err)[:4] == [0.01, 0.02, 0.04, 0.08]


@pytest.mark.usefixtures("_quick_restarts")
def test_one_that_ends_after_it_ran_steadily_is_started_again_at_once(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(supervisor, "STEADY_S", 0)
    starts = tmp_path / "starts"

    async def stop_after_four_starts():
        while len(lines(starts)) < 4:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    supervisor.run({"worker": f"sh -c 'echo $$ >> {starts}'"}, os.environ, stop_after_four_starts)
    assert set(pauses(capfd.readouterr().err)) == {0.01}


@pytest.mark.usefixtures("_quick_restarts")
def test_one_that_could_not_be_started_is_tried_again(tmp_path, monkeypatch, capfd):
    starts, spawn = tmp_path / "starts", asyncio.create_subprocess_shell
    outcomes = iter([None, BlockingIOError(errno.EAGAIN, "Too many processes"), OSError(errno.ENOMEM, "No memory")])

    async def spawn_or_fail(*args, **options):
        if error := next(outcomes, None):
            raise error
        return await spawn(*args, **options)

    async def stop_after_two_starts():
        while len(lines(starts)) < 2:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(asyncio, "create_subprocess_shell", spawn_or_fail)
    supervisor.run({"worker": f"sh -c 'echo $$ >> {starts}'"}, os.environ, stop_after_two_starts)
    told = capfd.readouterr().err
    assert pauses(told)[:3] == [0.01, 0.02, 0.04]
    assert "could not be started (Too many processes) and is started again in 0.02 s." in told


@pytest.mark.usefixtures("_quick_restarts")
def test_a_signal_ends_the_wait_for_one_that_can_never_be_started(monkeypatch):
    async def fail(*_args, **_options):
        raise OSError(errno.ENOMEM, "No memory")

    async def stop():
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(asyncio, "create_subprocess_shell", fail)
    supervisor.run({"worker": "sleep 60"}, os.environ, stop)


@pytest.mark.usefixtures("_quick_restarts")
def test_one_that_is_started_again_has_nothing_left_of_its_children(tmp_path):
    starts, child = tmp_path / "starts", tmp_path / "child"
    command = f"sh -c 'echo $$ >> {starts}; sleep 60 & echo $! > {child}.$$; test $(wc -l < {starts}) = 1 || wait'"

    async def stop_the_second():
        while len(lines(starts)) < 2 or is_running(Path(f"{child}.{lines(starts)[0]}")):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    supervisor.run({"worker": command}, os.environ, stop_the_second)


def test_children_of_a_process_that_died_are_cleared_away(tmp_path):
    command = f"sh -c 'sleep 60 & echo $! > {tmp_path}/pid; kill -KILL $$'"

    async def stop_once_the_child_is_gone():
        while not is_written(tmp_path / "pid") or is_running(tmp_path / "pid"):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    supervisor.run({"parent": command}, os.environ, stop_once_the_child_is_gone)


def test_a_second_signal_kills_what_does_not_want_to_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE_S", 120)

    async def stop_twice():
        while not is_written(tmp_path / "pid"):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)

    command = f"""sh -c 'trap "" TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done'"""
    started = time.monotonic()
    supervisor.run({"stubborn": command}, os.environ, stop_twice)
    assert time.monotonic() - started < supervisor.GRACE_S / 2
    assert not is_running(tmp_path / "pid")


def test_what_does_not_stop_in_time_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE_S", 0.1)

    async def stop():
        while not is_written(tmp_path / "pid"):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    command = f"""sh -c 'trap "" TERM; echo $$ > {tmp_path}/pid; sleep 60'"""
    supervisor.run({"stubborn": command}, os.environ, stop)
    assert not is_running(tmp_path / "pid")


def test_nothing_outlives_the_one_who_started_it(tmp_path):
    tame, stubborn, child = pids = [tmp_path / name for name in ("tame", "stubborn", "child")]
    commands = {
        "tame": f"sh -c 'echo $$ > {tame}; exec sleep 60'",
        "stubborn": f"""sh -c 'trap "" TERM; sleep 60 & echo $! > {child}; echo $$ > {stubborn}; wait'""",
    }
    program = f"""if True:
        import asyncio, os
        from dashboard.embedded import supervisor
        supervisor.GRACE_S = 0.1
        supervisor.run({commands}, os.environ, asyncio.Event().wait)
    """
    with subprocess.Popen([sys.executable, "-c", program]) as starter:
        wait_until(lambda: all(map(is_written, pids)))
        starter.kill()
    wait_until(lambda: not any(map(is_running, pids)))


@pytest.mark.usefixtures("_quick_restarts")
def test_it_speaks_in_lines_of_json_where_the_log_does(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("GREETING", "\n  Dubroom is running.\n\n  Open  http://127.0.0.1:1/\n")
    ended = tmp_path / "ended"
    (tmp_path / "Procfile").write_text(f"worker: sh -c 'test -e {ended} && kill -TERM $PPID; touch {ended}'")
    supervisor.main("", "0", str(tmp_path / "Procfile"), "worker")
    printed = capfd.readouterr()
    [greeting], [end, *_] = ([json.loads(line) for line in text.splitlines()] for text in printed)
    assert (greeting["level"], greeting["message"]) == ("info", "Dubroom is running. Open http://127.0.0.1:1/")
    assert (end["level"], end["message"]) == (
        "warning", "The process 'worker' ended and is started again in 0.01 s.",
    )  # fmt: skip
    record = logging.LogRecord("results", logging.INFO, "x.py", 1, "", (), None)
    assert greeting.keys() == end.keys() == json.loads(JsonFormatter().format(record)).keys()


def test_the_procfile_is_read_by_name(tmp_path):
    procfile = tmp_path / "Procfile"
    procfile.write_text("web: serve --bind :80\nworker: work\nbeat: tick\n")
    assert supervisor.commands(procfile, ["beat", "web"]) == {"beat": "tick", "web": "serve --bind :80"}
