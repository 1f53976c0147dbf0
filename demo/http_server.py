"""The HTTP server under the stand-in CAMB.AI: it reads requests, and writes replies with or without faults.

It is built on `http.server` and not on a framework, because a framework hides the sockets that the tests of
truncated, dripping and reset answers need.
"""

import json
import os
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

BASE_PATH = "/apis"
BODY_LIMIT = 1_000_000  # bytes


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, with the faults that a test injects.

    `body` is bytes (sent as they are), an iterator of bytes (streamed, never held in memory), or anything else
    (sent as JSON). `headers` replace the usual ones; a value of None leaves that one out. With `status=None`
    there is no status line and no header: the body is all that the client gets. `delay` seconds pass before
    the first byte (`math.inf`: it never comes), `drip` seconds after each byte of the body. The connection ends
    after `truncate_at` bytes of the body, and with `reset` it ends in a TCP reset.
    """

    status: int | None = 200
    body: object = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    truncate_at: int | None = None
    reset: bool = False


@dataclass
class Call:
    """One request as it was received; `status` stays None until an answer with a status is sent."""

    method: str
    path: str
    headers: Message
    body: bytes
    at: float  # of time.monotonic
    status: int | None = None

    @property
    def key(self) -> str | None:
        return self.headers.get("x-api-key")

    @property
    def run_ids(self) -> Any:
        """The requested ids, valid or not; None if the call requests no runs."""
        noun, name = path_parts(self.path)
        if noun == "dub-result":
            return [int(name)] if re.fullmatch(r"-?[0-9]{1,4000}", name) else [name]
        with suppress(ValueError, RecursionError, TypeError, KeyError):
            return json.loads(self.body)["run_ids"]
        return None


def path_parts(path: str) -> tuple[str, str]:
    """Split an API path: `/apis/dub/8f14?x=y` is ("dub", "8f14")."""
    noun, _, name = path.partition("?")[0].removeprefix(f"{BASE_PATH}/").partition("/")
    return noun, name


class Application(Protocol):
    """The object that answers the calls; `demo.server.StandIn` is the one implementation."""

    calls: list[Call]
    latency: float  # seconds before each API answer
    on_reply: Callable[[Call], None] | None
    stopping: threading.Event

    def answer(self, call: Call) -> Reply: ...

    def counting(self) -> AbstractContextManager[None]: ...


class Server(ThreadingHTTPServer):
    """A server that knows its open connections, so that stopping ends them too."""

    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.connections.discard(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in self.connections.copy():
            with suppress(OSError):  # the client closed it first
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that hangs up is no error
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Serves one connection: each request becomes a `Call`, and the application's `Reply` is written."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    error_content_type = "application/json"
    error_message_format = '{"detail": "%(explain)s"}'

    def __init__(self, application: Application, *args: Any) -> None:
        self.application = application
        super().__init__(*args)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method is answered, a wrong one with 405
            return self.respond
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: `on_reply` is the log."""

    def respond(self) -> None:
        body = self._read_body()
        if body is None:
            return
        application = self.application
        call = Call(self.command, self.path, self.headers, body, time.monotonic())
        application.calls.append(call)
        try:
            if call.path.startswith(f"{BASE_PATH}/"):
                with application.counting():
                    self._wait(application.latency)
                    self._send(call, application.answer(call))
            else:
                self._send(call, application.answer(call))
        except ConnectionError:  # the client hung up, or the server is stopping
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """Return the body; or None, after sending an error, if its length is unknown or too large."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif not re.fullmatch(r"[0-9]{1,18}", length):
            self.send_error(HTTPStatus.BAD_REQUEST)
        elif int(length) > BODY_LIMIT:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            return self.rfile.read(int(length))
        return None

    def _send(self, call: Call, reply: Reply) -> None:
        self._wait(reply.delay)
        call.status = reply.status
        if self.application.on_reply:
            self.application.on_reply(call)
        headers, pieces = _on_the_wire(reply)
        if headers.get("Connection") == "close":
            self.close_connection = True
        head = b""
        if reply.status is not None:
            phrase = self.responses.get(reply.status, ("",))[0]
            lines = (f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
            head = f"HTTP/1.1 {reply.status} {phrase}\r\n{''.join(lines)}\r\n".encode("latin-1")
        if call.method == "HEAD":
            pieces = iter(())
        self.wfile.write(head + next(pieces, b""))  # in one packet
        self._wait(reply.drip)
        for piece in pieces:
            self.wfile.write(piece)
            self._wait(reply.drip)
        if reply.reset:
            self._reset()

    def _wait(self, seconds: float) -> None:
        if seconds and self.application.stopping.wait(min(seconds, threading.TIMEOUT_MAX)):
            raise ConnectionAbortedError

    def _reset(self) -> None:
        # A linger time of zero makes close() send RST, but only if no FIN was sent and nothing else holds the
        # socket.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())


def _on_the_wire(reply: Reply) -> tuple[dict[str, str | None], Iterator[bytes]]:
    """Return the headers of a reply, and its body in the pieces that are written one by one."""
    usual = {"Content-Type": "application/json"}
    given = {name.title(): value for name, value in reply.headers.items()}
    if isinstance(reply.body, Iterator):
        pieces = reply.body
        if "Content-Length" not in given:
            usual["Transfer-Encoding"] = "chunked"
            pieces = _chunks(reply.body)
    else:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        usual["Content-Length"] = str(len(body))
        body = body[: reply.truncate_at]
        pieces = (body[at : at + 1] for at in range(len(body))) if reply.drip else iter([body])
    has_other_length = reply.truncate_at is not None or given.keys() & {"Content-Length", "Transfer-Encoding"}
    if has_other_length or reply.reset or reply.status is None:
        usual["Connection"] = "close"
    return usual | given, pieces


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"
