"""`manage.py start` as a real process, as `make run` calls it."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from tests.waiting import DEADLINE_S

ROOT = Path(__file__).parent.parent


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
    """An installation in a data folder of its own, with a copy of this database if one is given."""

    def __init__(self, folder: Path, database: Path | None = None) -> None:
        self.data_dir = folder / "data"
        if database:
            self.data_dir.mkdir(mode=0o700)
            shutil.copy(database, self.data_dir)
        self.port, self.demo_port = free_ports()
        self.log = folder / "log"
        self.options: list[str] = []
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
        return [sys.executable, "manage.py", "start", *self.options]

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
def dubroom(tmp_path, migrated) -> Dubroom:
    return Dubroom(tmp_path, migrated)


@pytest.fixture
def new_dubroom(tmp_path) -> Dubroom:
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


@pytest.mark.worker
def test_no_other_user_can_read_a_file_of_a_data_folder_and_no_process_outlives_a_killed_start(new_dubroom):
    older = new_dubroom.data_dir / "mail" / "20260101-1.log"
    older.parent.mkdir(parents=True)
    older.write_text("To: kim@example.org")
    older.chmod(0o644)
    new_dubroom.data_dir.chmod(0o755)
    others = os.umask(0)
    try:
        with new_dubroom.running() as process:
            assert log_in_as_printed(new_dubroom).status_code == 200
            new_dubroom.until(lambda: list(new_dubroom.data_dir.glob("media/*/*")))
            modes = {}
            for path in [new_dubroom.data_dir, *new_dubroom.data_dir.rglob("*")]:
                with suppress(FileNotFoundError):  # a message that has just been taken
                    modes[str(path.relative_to(new_dubroom.data_dir))] = path.stat().st_mode
            process.kill()
            process.wait(DEADLINE_S)
            new_dubroom.until(lambda: processes_of(new_dubroom.data_dir) == {})
    finally:
        os.umask(others)
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
    written = {"dubroom.sqlite3", "dubroom.sqlite3-wal", "broker", "cache", "mail", "media", "static"}
    assert written <= modes.keys()


@pytest.mark.worker
@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("localhost", "http://localhost:{port}/", marks=pytest.mark.thorough),
        ("::1", "http://[::1]:{port}/"),
    ],
)
def test_host_may_be_a_name_or_an_address_of_either_kind(dubroom, host, address):
    dubroom.env |= {"HOST": host, "DEMO": "0"}
    dubroom.options = ["--only", "web"]
    with dubroom.running():
        printed = re.search(r"Open +(\S+)", dubroom.log.read_text())[1]
        assert printed == address.format(port=dubroom.port)
        assert requests.get(f"{printed}health/alive/", timeout=DEADLINE_S).status_code == 200


@pytest.mark.worker
def test_a_proxy_reaches_dubroom_by_a_socket_and_under_a_subpath(dubroom):
    path = dubroom.data_dir / "web.sock"
    dubroom.env |= {"UNIX_SOCKET": str(path), "SUBPATH": "/dub/", "BEHIND_PROXY": "1", "DEMO": "0"}
    dubroom.options = ["--only", "web"]

    def get(address: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(path))
        connection.request("GET", address, headers={"X-Forwarded-For": "192.0.2.7"})
        return connection.getresponse()

    with dubroom.running():
        assert (path.stat().st_mode & 0o777, get("/dub/health/alive/").status) == (0o660, 200)
        assert get("/dub/").headers["Location"] == "/dub/accounts/login/?next=/dub/"
        # Also behind a proxy that takes the sub-path off.
        assert get("/").headers["Location"] == "/dub/accounts/login/?next=/dub/"
        login = get("/dub/accounts/login/")
        assert "Path=/dub/" in login.headers["Set-Cookie"]
        page = login.read().decode()
        addresses = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', page))
        assert {address for address in addresses if not address.startswith("/dub/")} == set()
        styles = [address for address in addresses if address.endswith(".css")]
        assert [get(style).status for style in styles] == [200] * len(styles) != []


@pytest.mark.worker
def test_a_process_that_dies_again_and_again_is_started_again_and_the_others_live_on(dubroom):
    def pids(name: str) -> set[int]:
        return {pid for pid, command in processes_of(dubroom.data_dir).items() if f" {name} --" in command}

    dubroom.env["DEMO"] = "0"
    with dubroom.running():
        web = {pid for pid, command in processes_of(dubroom.data_dir).items() if "granian" in command}
        for name in ("worker", "worker", "beat"):
            dubroom.until(lambda name=name: pids(name))
            dead = pids(name)
            for pid in dead:
                os.kill(pid, signal.SIGKILL)
            dubroom.until(lambda name=name, dead=dead: pids(name) - dead)
        dubroom.until(lambda: requests.get(f"{dubroom.url}/health/").json()["status"] == "ok")
        assert web <= processes_of(dubroom.data_dir).keys()
    log = dubroom.log.read_text()
    assert re.findall(r"The process '(\w+)' ended and is started again in (\d+) s", log) == [
        ("worker", "1"), ("worker", "2"), ("beat", "1"),
    ]  # fmt: skip
    assert processes_of(dubroom.data_dir) == {}


@pytest.mark.worker
def test_a_request_under_way_is_answered_before_the_web_server_ends(dubroom):
    dubroom.env["DEMO"] = "0"
    with dubroom.running() as process, socket.create_connection(("127.0.0.1", dubroom.port)) as client:
        client.settimeout(DEADLINE_S)
        login = requests.get(f"{dubroom.url}/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', login.text)[1]
        body = f"login=nobody%40example.org&password=wrong&csrfmiddlewaretoken={token}"
        headers = {
            "Host": f"127.0.0.1:{dubroom.port}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in login.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": len(body),
            "Expect": "100-continue",
        }
        lines = ["POST /accounts/login/ HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        process.terminate()
        dubroom.until(lambda: not [one for one in processes_of(dubroom.data_dir).values() if " beat --" in one])
        client.sendall(body.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 422 ")
        assert process.wait(DEADLINE_S) == 0


@pytest.mark.worker
def test_only_the_named_roles_are_started(dubroom):
    dubroom.options = ["--only", "beat,worker"]
    with socket.create_server(("127.0.0.1", dubroom.port)), dubroom.running():
        commands = [found for found in processes_of(dubroom.data_dir).values() if " -m " in found]
        roles = ("granian", "worker", "beat", "demo.server")
        assert {role for role in roles if any(f" {role} " in found for found in commands)} == {"worker", "beat"}
        assert "Dubroom is running: beat, worker." in dubroom.log.read_text()


def test_an_unknown_role_ends_with_one_sentence(dubroom):
    dubroom.options = ["--only", "web,cook"]
    code, output = dubroom.refuse()
    assert (code, output.splitlines()[-1].endswith("'cook' is none of web, worker, beat.")) == (2, True)


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
