"""The web server holds thousands of idle connections, from whatever limit of open files it starts with."""

import resource
import shlex
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import servers
from dashboard.http.open_files import CONNECTIONS

ROOT = Path(__file__).parents[3]
ASK = "from dashboard.http.open_files import allow_many; print(allow_many())"


@pytest.mark.parametrize(("soft", "hard", "limit"), [(256, 8192, 5120), (256, 1000, 1000), (6000, 8192, 6000)])
def test_the_limit_of_open_files_is_raised_as_far_as_needed_and_allowed(soft, hard, limit):
    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    answer = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, check=True, capture_output=True, preexec_fn=lower
    )
    assert int(answer.stdout) == limit


def test_the_procfile_allows_as_many_connections_as_files_are_allowed_for():
    [web] = [line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:")]
    words = shlex.split(web)
    for flag in ("--backlog", "--backpressure"):
        assert int(words[words.index(flag) + 1]) == CONNECTIONS


@pytest.mark.worker
def test_more_than_a_thousand_idle_connections_stop_no_page():
    """Two processes used to hold 512 connections each, so 1,024 idle ones stopped every page for half a minute."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1500:
        pytest.skip("this process may not open enough connections")
    with ExitStack() as stack:
        host, _, port = stack.enter_context(servers.granian()).partition(":")
        for _ in range(1200):
            stack.enter_context(socket.create_connection((host, int(port))))
        for _ in range(4):
            with socket.create_connection((host, int(port)), timeout=20) as page:
                page.sendall(b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert page.recv(12).startswith(b"HTTP/1.1 ")
