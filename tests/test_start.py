"""`manage.py start` as a real process, as `make run` calls it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parent.parent
DEADLINE_S = 60


def free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def processes_of(data_dir: Path) -> dict[int, str]:
    """Return the pid and the command line of every running process with this data folder in its environment."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DUBROOM_DATA_DIR={data_dir}\0" in (process / "environ").read_text():
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:  # the process has ended, or belongs to another user
            continue
    return found


class Dubroom:
    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.port, self.demo_port = free_ports()
        self.log = folder / "log"
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
            "DUBROOM_DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "DEMO_PORT": str(self.demo_port),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "start"]

    @contextmanager
    def running(self):
        with self.log.open("w") as log:
            process = subprocess.Popen(self.command(), cwd=ROOT, env=self.env, stdout=log, stderr=log)
        try:
            self.until(lambda: "Ctrl-C stops everything" in self.log.read_text() or process.poll() is not None)
            assert process.poll() is None, self.log.read_text()
            yield process
        finally:
            process.terminate()
            process.wait(DEADLINE_S)

    def until(self, condition) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def refuse(self, **env: str) -> tuple[int, str]:
        """Start Dubroom, which must end at once, and return its exit code and its output."""
        process = subprocess.run(
            self.command(),
            cwd=ROOT,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        return process.returncode, process.stdout + process.stderr


@pytest.fixture
def dubroom(tmp_path) -> Dubroom:
    return Dubroom(tmp_path)


def log_in_as_printed(dubroom: Dubroom) -> requests.Response:
    """Log in with the address and the password from the terminal, and return the next page."""
    match = re.search(r"Log in as +(\S+) with the password (\S+)", dubroom.log.read_text())
    assert match, dubroom.log.read_text()
    browser = requests.Session()
    page = browser.get(dubroom.url)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token, page.text
    form = {"login": match[1], "password": match[2], "csrfmiddlewaretoken": token[1]}
    return browser.post(page.url, data=form, headers={"Referer": page.url})


@pytest.mark.worker
def test_every_start_serves_the_demo_team_and_every_end_leaves_no_process(dubroom):
    with dubroom.running() as process:
        page = log_in_as_printed(dubroom)
        assert (page.status_code, page.url) == (200, f"{dubroom.url}/t/demo/runs/")
        password = (dubroom.data_dir / "demo.password").read_text()
        assert [command for command in processes_of(dubroom.data_dir).values() if password in command] == []
        styles = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
        assert [requests.get(dubroom.url + style).status_code for style in styles] == [200] * len(styles) != []
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0
        assert processes_of(dubroom.data_dir) == {}

    with dubroom.running() as process:
        assert log_in_as_printed(dubroom).url == f"{dubroom.url}/t/demo/runs/"
        process.send_signal(signal.SIGHUP)
        assert process.wait(DEADLINE_S) == 0
        assert processes_of(dubroom.data_dir) == {}

    with dubroom.running() as process:
        process.kill()
        process.wait(DEADLINE_S)
        dubroom.until(lambda: processes_of(dubroom.data_dir) == {})


@pytest.mark.worker
def test_a_process_that_dies_again_and_again_is_started_again_and_the_others_live_on(dubroom):
    def pids(name: str) -> set[int]:
        return {pid for pid, command in processes_of(dubroom.data_dir).items() if f" {name} --" in command}

    with dubroom.running():
        web = {pid for pid, command in processes_of(dubroom.data_dir).items() if "granian" in command}
        for name in ("worker", "worker", "beat"):
            dubroom.until(lambda name=name: pids(name))
            dead = pids(name)
            for pid in dead:
                os.kill(pid, signal.SIGKILL)
            dubroom.until(lambda name=name, dead=dead: pids(name) - dead)
        assert requests.get(f"{dubroom.url}/health/").json()["status"] == "ok"
        assert web <= processes_of(dubroom.data_dir).keys()
    log = dubroom.log.read_text()
    assert re.findall(r"The process '(\w+)' ended and is started again in (\d+) s", log) == [
        ("worker", "1"), ("worker", "2"), ("beat", "1"),
    ]  # fmt: skip
    assert processes_of(dubroom.data_dir) == {}


@pytest.mark.parametrize("setting", ["PORT", "DEMO_PORT"])
def test_a_port_in_use_ends_with_one_sentence(dubroom, setting):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, output = dubroom.refuse(**{setting: str(port)})
    assert (code, output) == (
        1,
        f"CommandError: Port {port} on 127.0.0.1 cannot be used (Address already in use). "
        f"Stop what uses it, or set {setting} to another port.\n",
    )


@pytest.mark.parametrize("command", [["migrate"], ["add_runs", "--team=team", "-"]])
def test_a_command_without_its_database_ends_with_one_sentence(dubroom, monkeypatch, command):
    monkeypatch.setattr(dubroom, "command", lambda: [sys.executable, "manage.py", *command])
    code, output = dubroom.refuse(DATABASE_URL="postgres://dubroom@127.0.0.1:9/dubroom", SECRET_KEY="s" * 50)
    sentence = "The database cannot be used: connection failed: connection to server at"
    assert (code, output[: len(sentence)], output.count("\n")) == (1, sentence, 1)


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORT": "99999"}, "CommandError: Port 99999 on 127.0.0.1 cannot be used (bind(): port must be"),
        ({"PORT": "http"}, "Dubroom cannot start: PORT is 'http', which is not a whole number."),
        ({"HOST": "nowhere.invalid"}, "CommandError: Port"),
        ({"DUBROOM_DATA_DIR": "/proc/data"}, "Dubroom cannot start: the data folder /proc/data cannot be used"),
        (
            {"DUBROOM_DATA_DIR": "/proc", "SECRET_KEY": "s" * 50, "FIELD_KEYS": "k" * 43 + "="},
            "CommandError: The folder /proc cannot be written to (No such file or directory).",
        ),
        ({"STATIC_ROOT": "/dev/null/x"}, "CommandError: The folder /dev/null/x cannot be written to"),
        ({"DATABASE_URL": "sqlite:////dev/null/db"}, "CommandError: The database cannot be used: unable to open"),
        (
            {"DATABASE_URL": "postgres://dubroom@127.0.0.1:9/dubroom", "SECRET_KEY": "s" * 50},
            "CommandError: The database cannot be used: connection failed: connection to server at",
        ),
    ],
)  # fmt: skip
def test_an_invalid_setting_ends_with_one_sentence(dubroom, env, sentence):
    code, output = dubroom.refuse(**env)
    assert (code, output[: len(sentence)], output.count("\n")) == (1, sentence, 1)
