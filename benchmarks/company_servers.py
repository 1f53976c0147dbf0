"""PostgreSQL, Redis and Dubroom itself as `benchmarks.company` starts, kills and restarts them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from glob import glob
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.processor_time import children, command, descendants, tree_seconds

ROOT = Path(__file__).parent.parent
PATIENCE_S = 300
ROLES = {"web": "granian", "worker": " worker ", "beat": " beat "}  # what their command lines contain


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"Nothing listens on port {port} after {PATIENCE_S} s.")


class Server:
    """A server in the foreground with a port on loopback, which can be killed and started again."""

    def __init__(self, command: Sequence[str], folder: Path, port: int) -> None:
        self._command, self._folder, self.port = command, folder, port

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=self._folder, start_new_session=True
            )
        wait_for_port(self.port)

    def kill(self) -> None:
        """Kill the server with all its processes, as the kernel does when memory runs out."""
        for pid in descendants(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)

    def processor_seconds(self) -> float:
        return tree_seconds(self._process.pid)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()


class Postgres(Server):
    """A PostgreSQL of its own with the settings of a small server; after a kill it recovers from its log."""

    def __init__(self) -> None:
        binaries = sorted(glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        if not binaries:
            raise SystemExit("PostgreSQL is needed. On Debian: sudo apt install postgresql")
        folder = Path(tempfile.mkdtemp(prefix="dubroom-bench-postgres-"))
        as_owner: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            as_owner = ["runuser", "--user", "postgres", "--"]
            shutil.chown(folder, "postgres")
        data = str(folder / "data")
        initdb = [
            f"{binaries[-1]}/initdb",
            "--pgdata",
            data,
            "--username=dubroom",
            "--auth=trust",
            "--encoding=UTF8",
        ]
        subprocess.run([*as_owner, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        port = free_port()
        settings = ["max_connections=200", "shared_buffers=512MB", "max_wal_size=2GB", "unix_socket_directories="]
        flags = [part for setting in settings for part in ("-c", setting)]
        command = [f"{binaries[-1]}/postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", *flags]
        super().__init__([*as_owner, *command], folder, port)
        self.url = f"postgres://dubroom@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        (self._folder / "data" / "postmaster.pid").unlink(missing_ok=True)  # a killed one leaves it
        super().start()

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        super().__exit__(*error)
        shutil.rmtree(self._folder, ignore_errors=True)


class Redis(Server):
    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        port = free_port()
        super().__init__(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""], folder, port)
        self.url = f"redis://127.0.0.1:{port}/0"


class Start:
    """Dubroom with its web server, worker and beat, as `make run` starts it."""

    def __init__(self, log: Path) -> None:
        self.port, self._log = free_port(), log

    def __enter__(self) -> Self:
        env = os.environ | {"PORT": str(self.port)}
        with self._log.open("ab") as log:
            words = [sys.executable, "manage.py", "start"]
            self._process = subprocess.Popen(words, cwd=ROOT, env=env, stdout=log, stderr=log)
        wait_for_port(self.port)
        time.sleep(5)  # until the worker and beat are there too
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(70)
        self._process.kill()

    def kill(self, name: str) -> None:
        """Kill the processes whose command line contains this."""
        for pid in descendants(self._process.pid):
            with suppress(OSError):
                if name in command(pid):
                    os.kill(pid, signal.SIGKILL)

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor seconds of the web server, the worker and beat."""
        found = dict.fromkeys(ROLES, 0.0)
        for pid in children(self._process.pid):
            words = command(pid)
            for role, part in ROLES.items():
                found[role] += tree_seconds(pid) if part in words else 0.0
        return found

    def megabytes(self) -> float:
        """Return the memory of all processes, what they share counted once for each."""
        kilobytes = 0
        for pid in descendants(self._process.pid):
            with suppress(OSError, IndexError):
                kilobytes += int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])
        return kilobytes / 1024
