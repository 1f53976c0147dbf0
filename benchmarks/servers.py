"""Starts the servers that the benchmarks send requests to, logs in to them, and creates databases."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLIENTS = 4
"""Connections that send requests at the same time, to measure how many a second are answered."""


@contextmanager
def granian(application: str = "dashboard.asgi:application", interface: str = "asgi") -> Iterator[str]:
    """Serve Dubroom as the Procfile does, or this application with the same flags, and yield its host and port."""
    port = _free_port()
    [web] = [line for line in Path("Procfile").read_text().splitlines() if line.startswith("web: python ")]
    web = web.replace("$HOST", "127.0.0.1").replace("$PORT", str(port))
    flags = web.replace("--interface asgi", f"--interface {interface}").split()[2:]
    with _serving([sys.executable, *flags[:-1], application], port) as address:
        yield address


@contextmanager
def datasette(binary: str, folder: Path) -> Iterator[str]:
    """Serve `search.sqlite3` of the folder with Datasette, and yield its host and port."""
    about = {"databases": {"search": {"tables": {"results_cue": {"fts_table": "results_search", "fts_pk": "id"}}}}}
    metadata = folder / "datasette.json"
    metadata.write_text(json.dumps(about))
    port = _free_port()
    file = str(folder / "search.sqlite3")
    with _serving([binary, "serve", file, "--port", str(port), "--metadata", str(metadata)], port) as address:
        yield address


@contextmanager
def postgres_database(server: str, name: str, keep: bool) -> Iterator[str]:
    """Yield the address of a new or kept database on this server; drop it at the end unless it is to be kept."""
    import psycopg

    with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
        present = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if not (keep and present):
            connection.execute(f"drop database if exists {name}")
            connection.execute(f"create database {name} template template0 encoding 'UTF8'")
    try:
        yield f"{server}{name}"
    finally:
        if not keep:
            with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
                connection.execute(f"drop database {name} with (force)")


@contextmanager
def _serving(command: Sequence[str], port: int) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            for _ in range(400):
                time.sleep(0.05)
                with socket.socket() as probe:
                    if not probe.connect_ex(("127.0.0.1", port)):
                        break
            yield f"127.0.0.1:{port}"
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sign_in(team: Any, number: int = 1) -> str:
    """Return the Cookie header of a new session of a member of the team, who is in no other team.

    Another `number` is another person. As a browser does, it sends the CSRF cookie that the log-in page has set.
    """
    from django.conf import settings
    from django.test import Client
    from django.utils.crypto import get_random_string

    from teams.models import User

    user, is_new = User.objects.get_or_create(email=f"person{number}@{team.slug}.example.org")
    if is_new:
        team.memberships.create(user=user, role="member")
    client = Client()
    client.force_login(user)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    cookies[settings.CSRF_COOKIE_NAME] = get_random_string(32)
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def requests_a_second(address: str, paths: Sequence[str], cookie: str = "", seconds: float = 5) -> float:
    """Return how many requests for these paths in turn CLIENTS connections get answered a second."""
    ends = time.monotonic() + seconds
    with ThreadPoolExecutor(CLIENTS) as pool:
        started = time.monotonic()
        counts = pool.map(lambda _client: _ask_until(ends, address, paths, cookie), range(CLIENTS))
        return sum(counts) / (time.monotonic() - started)


def _ask_until(ends: float, address: str, paths: Sequence[str], cookie: str) -> int:
    """Send requests over one connection until the time `ends`, and return their number.

    The socket is read by hand, as http.client takes longer than the quickest answers.
    """
    host, _colon, port = address.partition(":")
    headers = f"Host: {address}\r\nCookie: {cookie}\r\nHX-Request: true\r\nAccept-Encoding: gzip\r\n\r\n"
    requests = [f"GET {path} HTTP/1.1\r\n{headers}".encode() for path in paths]
    done = 0
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        while time.monotonic() < ends:
            connection.sendall(requests[done % len(requests)])
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            head, _empty, body = answer.partition(b"\r\n\r\n")
            assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")), head
            size = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            left = int(size or 0) - len(body)
            while left > 0:
                left -= len(connection.recv(65536))
            done += 1
    return done


def http_client(address: str, cookie: str = "") -> Callable[[str], object]:
    """Return a function that gets a path over one persistent connection: the body, or None for an error status."""
    connection = http.client.HTTPConnection(address, timeout=60)
    headers = {"Cookie": cookie, "HX-Request": "true", "Accept-Encoding": "gzip"}

    def get(path: str) -> object:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == 200 else None

    return get
