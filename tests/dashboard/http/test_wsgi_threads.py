"""The web server as the Procfile starts it: slow senders, requests as WSGI sees them, streams that break off."""

import asyncio
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks import servers
from dashboard.http import load_shedding, wsgi_threads
from dashboard.http.request_body import BodyReader
from dashboard.http.wsgi_threads import WsgiThreads, environ_of
from tests.waiting import run_apart

ROOT = Path(__file__).parents[3]
LOG_IN = "/accounts/login/"
SLOW_SENDERS = 40  # more than the threads of both processes of the web server


def scope_of(path: str = "/", method: str = "GET", **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "client": ("192.0.2.1", 5000),
        "server": ("127.0.0.1", 8000),
        "headers": [(name.replace("__", "-").encode(), value.encode()) for name, value in headers.items()],
    }


def answers_of(
    application: Callable[..., Iterable[bytes]], *, takes: int = 99, stays: bool = True, **scope: Any
) -> list[dict[str, Any]]:
    """Return what the application sends to a client that takes so many messages, and stays connected or not."""

    async def ask() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        is_full = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await (asyncio.Event() if stays else is_full).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if len(sent) == takes:
                is_full.set()
                await asyncio.Event().wait()
            sent.append(message)

        await WsgiThreads(application, BodyReader())(scope_of(**scope), receive, send)
        return sent

    return run_apart(ask())


class Response:
    """The response of a WSGI application in these pieces; counts those that were made, and notes its close."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.made, self.is_closed = pieces, 0, False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> "Response":
        start_response("201 Created", [("X-Kind", "made")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.made += 1
            yield piece

    def close(self) -> None:
        self.is_closed = True


def test_a_page_is_sent_in_one_piece_and_closed():
    page = Response(b"page")
    start, body = answers_of(page)
    assert (start["status"], start["headers"], body["body"]) == (201, [(b"x-kind", b"made")], b"page")
    assert (body.get("more_body", False), page.is_closed) == (False, True)


def test_a_stream_is_sent_piece_by_piece():
    stream = Response(b"a", b"b", b"c")
    assert [message.get("body") for message in answers_of(stream)] == [None, b"a", b"b", b"c", b""]
    assert stream.is_closed


def test_a_stream_ends_with_its_client():
    stream = Response(*[b"x"] * 50)
    assert len(answers_of(stream, takes=5, stays=False)) == 5
    assert (stream.made, stream.is_closed) == (5, True)


def test_a_stream_ends_when_its_reader_takes_nothing_any_more(monkeypatch):
    monkeypatch.setattr(wsgi_threads, "STALL_SECONDS", 0.05)
    stream = Response(*[b"x"] * 50)
    sent = answers_of(stream, takes=5)
    assert (stream.made, stream.is_closed) == (5, True)
    assert all(message.get("more_body", True) for message in sent)  # so it does not pass for a whole one


def answered_beside(hanging_path: str, *paths: str) -> dict[str, int]:
    """Return the statuses of requests for these paths while another one hangs in the only thread of its kind."""
    hangs, may_end = threading.Event(), threading.Event()
    statuses: dict[str, int] = {}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] in (hanging_path, "/health/") and "dubroom.refused" not in environ:
            hangs.set()
            assert may_end.wait(60)
        start_response("503 " if "dubroom.refused" in environ else "200 ", [])
        return [b"page"]

    async def get(server: WsgiThreads, path: str) -> None:
        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if "status" in message:
                statuses[path] = message["status"]
                # nothing of the request is unread
                assert (b"connection", b"close") not in message["headers"]

        await server(scope_of(path), receive, send)

    async def ask() -> None:
        server = WsgiThreads(application, BodyReader())
        hanging = asyncio.create_task(get(server, hanging_path))
        await asyncio.to_thread(hangs.wait, 60)
        for path in paths:
            await get(server, path)
        may_end.set()
        await hanging
        await get(server, "/again/poll/")
        await get(server, "/again/")

    run_apart(ask())
    assert [statuses.pop(path) for path in (hanging_path, "/again/poll/", "/again/")] == [200, 200, 200]
    return statuses


@pytest.fixture
def _one_thread_each(monkeypatch):
    monkeypatch.setattr(wsgi_threads, "THREADS", 1)
    monkeypatch.setattr(wsgi_threads, "POLL_THREADS", 1)
    monkeypatch.setattr(load_shedding, "MAX_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(load_shedding, "MAX_HEALTH_SECONDS", 0.05)


@pytest.mark.usefixtures("_one_thread_each")
def test_requests_that_get_no_thread_are_refused_in_time_though_all_threads_hang():
    statuses = answered_beside("/hangs/", "/page/", "/health/alive/", "/health/")
    assert statuses == {"/page/": 503, "/health/alive/": 200, "/health/": 503}


@pytest.mark.usefixtures("_one_thread_each")
@pytest.mark.parametrize(
    ("hanging", "refused", "answered"), [("/page/1/", "/page/", "/poll/"), ("/1/poll/", "/poll/", "/page/")]
)
def test_pages_and_polls_hold_up_their_own_kind_alone(hanging, refused, answered):
    assert answered_beside(hanging, refused, answered) == {refused: 503, answered: 200}


def test_an_error_amid_a_stream_breaks_it_off():
    class Failing(Response):
        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            yield b"b"
            raise ValueError("no more")

    stream = Failing()
    with pytest.raises(ValueError, match="no more"):
        answers_of(stream)
    assert stream.is_closed


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/t/dub/runs/", 5.0),
        ("/t/dub/runs/poll/", 5.0),
        ("/dubroom/runs/7/poll/", 5.0),
        ("/health/", 0.8),
        ("/dubroom/health/", 0.8),
    ],
)
def test_a_request_waits_5_s_for_a_thread_and_the_health_check_less_than_one(path, seconds):
    assert load_shedding.max_wait_seconds(path) == seconds


def test_the_request_is_what_wsgi_defines():
    environ = environ_of(scope_of("/søk", content__type="text/plain", cookie="a=1", x__twice="1"))
    assert environ["PATH_INFO"] == "/søk".encode().decode("latin-1")
    assert (environ["CONTENT_TYPE"], environ["HTTP_COOKIE"], environ["REMOTE_ADDR"]) == (
        "text/plain",
        "a=1",
        "192.0.2.1",
    )


def test_a_header_with_an_underscore_does_not_pass_for_that_of_the_proxy():
    scope = scope_of(x__forwarded__for="203.0.113.9")
    scope["headers"].append((b"x_forwarded_for", b"127.0.0.1"))
    assert environ_of(scope)["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"


# --- The server --------------------------------------------------------------------------------------


def slow_sender(address: str) -> socket.socket:
    """Return a connection that has sent the beginning of a form, and sends no more of it."""
    host, _, port = address.partition(":")
    connection = socket.create_connection((host, int(port)))
    head = (
        f"POST {LOG_IN} HTTP/1.1\r\nHost: {address}\r\nCookie: csrftoken={'x' * 32}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\nlogin="
    )
    connection.sendall(head.encode())
    return connection


@pytest.fixture(scope="module")
def web_server() -> Iterator[str]:
    """The host and port of a web server in this folder, with the static files collected."""
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"], cwd=ROOT, check=True
    )
    with servers.granian() as address:
        yield address


@pytest.mark.worker
def test_no_file_beside_the_static_ones_is_served(web_server):
    def status_of(path: str) -> int:
        web = http.client.HTTPConnection(web_server, timeout=30)
        web.request("GET", path)  # as it stands: a browser would have removed the dots
        return web.getresponse().status

    assert status_of("/static/favicon.svg") == 200
    inside = ["", ".", ".env", ".git/config", "manage.py", "css", "css/", "staticfiles.json~"]
    outside = [
        "../manage.py",
        "%2e%2e/manage.py",
        "..%2fmanage.py",
        "../../etc/passwd",
        "//etc/passwd",
        "..\\manage.py",
    ]
    statuses = {path: status_of(f"/static/{path}") for path in (*inside, *outside)}
    assert statuses == dict.fromkeys(statuses, 404)


@pytest.mark.worker
def test_what_is_too_long_or_too_much_is_refused_and_breaks_nothing(web_server):
    def status_of(path: str, headers: dict[str, str] | None = None, *, fields: int = 0) -> int:
        web = http.client.HTTPConnection(web_server, timeout=30)
        form = "&".join(f"f{number}=1" for number in range(fields)) or None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        try:
            web.request("POST" if form else "GET", path, form, kind | (headers or {}))
            return web.getresponse().status
        except (http.client.HTTPException, OSError):
            return 431  # closed without an answer, as HTTP/1.1 allows

    statuses = {
        "a long query": status_of(f"{LOG_IN}?next={'x' * 10_000}"),
        "a long address": status_of("/" + "x" * 100_000),
        "a long header": status_of(LOG_IN, {"X-Long": "x" * 100_000}),
        "a long cookie": status_of(LOG_IN, {"Cookie": f"sessionid={'x' * 100_000}"}),
        "many headers": status_of(LOG_IN, {f"X-{number}": "x" for number in range(2000)}),
        "many fields": status_of(LOG_IN, fields=1001),
        "far too many fields": status_of(LOG_IN, fields=20_000),
    }
    assert {
        what: status for what, status in statuses.items() if status not in (200, 400, 403, 404, 413, 414, 431)
    } == {}
    assert status_of("/health/alive/") == 200


@pytest.mark.worker
@pytest.mark.parametrize("body", [b"F" * 17 + b"\r\nabc", b"3\r\nabc\r\nno size\r\n"])
def test_a_body_in_malformed_parts_is_answered_400(web_server, body):
    host, _, port = web_server.partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST {LOG_IN} HTTP/1.1\r\nHost: {web_server}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert connection.recv(12) == b"HTTP/1.1 400"


@pytest.mark.worker
def test_slow_senders_stop_no_page_and_a_strangers_upload_is_refused_early(web_server):
    with ExitStack() as stack:
        slow = [stack.enter_context(slow_sender(web_server)) for _ in range(SLOW_SENDERS)]
        for _ in range(5):
            # Senders that held the threads would have none left until they go away.
            web = http.client.HTTPConnection(web_server, timeout=60)
            web.request("GET", "/health/")
            assert web.getresponse().status in (200, 503)
        web = http.client.HTTPConnection(web_server, timeout=30)
        web.putrequest("POST", LOG_IN)
        web.putheader("Content-Length", "300000000")
        web.endheaders(b"x" * 1000)
        refused = web.getresponse()
        assert (refused.status, refused.headers["Connection"]) == (413, "close")
        assert slow[0].recv(12) in (b"HTTP/1.1 429", b"HTTP/1.1 408")
