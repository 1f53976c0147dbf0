"""Starts the servers that the benchmarks send requests to, logs in to them, and creates databases."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def granian() -> Iterator[str]:
    """Serve Dubroom as the Procfile does, and yield its host and port."""
    port = _free_port()
    [web] = [line for line in Path("Procfile").read_text().splitlines() if line.startswith("web: python ")]
    flags = web.replace("$HOST", "127.0.0.1").replace("$PORT", str(port)).split()[2:]
    with _serving([sys.executable, *flags], port) as address:
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


def sign_in(user: Any) -> str:
    """Return the Cookie header of a new session of the user."""
    from django.test import Client

    client = Client()
    client.force_login(user)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


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
