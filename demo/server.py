"""What does CAMB.AI answer? A stand-in that speaks its HTTP contract, for the first look, tests and benchmarks.

Built on `http.server` and not on a framework, because a framework hides the sockets that the tests of
truncated, dripping and reset answers need. It imports nothing of Dubroom.
"""

import argparse
import errno
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote

from demo import samples, validation
from demo.samples import Sign

BASE_PATH = "/apis"
MEDIA_DIR = Path(__file__).parent / "media"
MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm", ".m4a": "audio/mp4", ".mp3": "audio/mpeg"}
SIGNING_KEY = b"stand-in"  # fixed, so that links outlive a restart of this server; it guards nothing of value
SHARED = {"Access-Control-Allow-Origin": "*"}  # a player on another origin may read the media
BODY_LIMIT = 1_000_000
METHODS = {  # (first part of the path, is something after it) to the one method that it takes
    ("dubbing-results", False): "POST",
    ("dub-result", True): "GET",
    ("dub", True): "GET",
    ("source-languages", False): "GET",
    ("target-languages", False): "GET",
}


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, down to its faults.

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
    """One request as it came in; `status` stays None until it is answered with one."""

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
        """What was asked for, however wrong; None for other calls."""
        noun, name = _parts(self.path)
        if noun == "dub-result":
            return [int(name)] if re.fullmatch(r"-?[0-9]{1,4000}", name) else [name]
        with suppress(ValueError, RecursionError, TypeError, KeyError):
            return json.loads(self.body)["run_ids"]
        return None


# What a run does when it is asked for: a JSON value is its result, a callable returns one of these (and is given
# `sign`, which turns the name of a media file into a URL), and a Reply takes the place of the whole answer.
Behaviour = object
ABSENT: Behaviour = object()  # the answer comes without this run
RUN_NOT_FOUND = Reply(404, {"detail": "Run not found"})
TASK_NOT_FOUND = Reply(404, {"detail": "Task not found"})


class StandIn:
    """A CAMB.AI on a port of its own, served from threads between `start` and `stop` (or in a `with`).

    `keys` (the valid ones), `runs`, `tasks`, `unknown` (the behaviour of a run that is not in `runs`), `latency`
    (seconds before each API answer) and `rule` may be changed at any time. `rule` sees every call, media too, and
    may answer it in its own way; `script` does so for the next API calls. `on_reply` is told of each call when its
    answer is about to be sent.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        keys: Iterable[str] = ("demo-key",),
        media_ttl: float = 3600,
        latency: float = 0.0,
        clock: Callable[[], float] = time.time,
        on_reply: Callable[[Call], None] | None = None,
    ) -> None:
        self.keys = set(keys)
        self.media_ttl = media_ttl
        self.latency = latency
        self.clock = clock
        self.on_reply = on_reply
        self.runs: dict[int, Behaviour] = dict(samples.sample_runs(clock))
        self.tasks: dict[str, Behaviour] = {}
        self.unknown: Behaviour = RUN_NOT_FOUND
        self.rule: Callable[[Call], Reply | None] | None = None
        self.calls: list[Call] = []
        self.open = self.peak_open = 0  # API calls being answered: now, and at most so far
        self.stopping = threading.Event()
        self._scripted: deque[Reply | None] = deque()
        self._lock = threading.Lock()
        self._server = _Server((host, port), partial(_Handler, self))
        self.host, self.port = host, self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}{BASE_PATH}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Also cuts the connections that are open, as a machine that goes down does."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def script(self, *replies: Reply | None) -> None:
        """The next API calls get these, one each, before any check; None lets a call through."""
        self._scripted.extend(replies)

    def answer(self, call: Call) -> Reply:
        if self.rule and (reply := self.rule(call)):
            return reply
        if not call.path.startswith(f"{BASE_PATH}/"):
            return self._media(call)
        with suppress(IndexError):
            if reply := self._scripted.popleft():
                return reply
        return self._api(call)

    def _api(self, call: Call) -> Reply:
        noun, name = _parts(call.path)
        method = METHODS.get((noun, bool(name)))
        if method is None or "/" in name:
            return _error(404, "Not Found")
        if call.method != method:
            return _error(405, "Method Not Allowed", Allow=method)
        if call.key not in self.keys:
            return Reply(401, {"error": "Invalid API key", "status": 401})
        sign = partial(self.media_url, call.headers.get("Host", f"{self.host}:{self.port}"))
        try:
            match noun:
                case "dubbing-results":
                    return self._results(validation.run_ids(call.body, call.headers.get("Content-Type", "")), sign)
                case "dub-result":
                    run_id = validation.path_run_id(unquote(name))
                    return _as_reply(_resolve(self.runs.get(run_id, self.unknown), sign))
                case "dub":
                    return _as_reply(_resolve(self.tasks.get(unquote(name), TASK_NOT_FOUND), sign))
                case _:
                    return Reply(200, samples.LANGUAGES)
        except validation.Refused as refusal:
            return _error(refusal.status, refusal.detail)

    def _results(self, run_ids: list[int], sign: Sign) -> Reply:
        results = {}
        for run_id in run_ids:
            result = _resolve(self.runs.get(run_id, self.unknown), sign)
            if isinstance(result, Reply):  # whether one bad id fails its batch is unpublished: the harder case
                return result
            if result is not ABSENT:
                results[str(run_id)] = result
        return Reply(200, results)

    def media_url(self, host: str, name: str) -> str:
        """A link to a media file that ends `media_ttl` seconds from now."""
        expires = str(int(self.clock() + self.media_ttl))
        return f"http://{host}/media/{name}?Expires={expires}&Signature={_signature(name, expires)}"

    def _media(self, call: Call) -> Reply:
        path, _, query = call.path.partition("?")
        file = {f"/media/{file.name}": file for file in MEDIA_DIR.iterdir()}.get(path)
        if file is None:
            return _error(404, "Not Found")
        if call.method not in ("GET", "HEAD"):
            return _error(405, "Method Not Allowed", Allow="GET, HEAD")
        given = parse_qs(query)
        expires, signature = (given.get(name, [""])[-1] for name in ("Expires", "Signature"))
        if not hmac.compare_digest(signature.encode(), _signature(file.name, expires).encode()):
            return _error(403, "The signature does not match")
        if self.clock() >= int(expires):
            return _error(403, "The link has expired")
        return _file_reply(file, call.headers.get("Range", ""))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Around an API call, from its arrival to the last byte of its answer."""
        with self._lock:
            self.open += 1
            self.peak_open = max(self.peak_open, self.open)
        try:
            yield
        finally:
            with self._lock:
                self.open -= 1


def _parts(path: str) -> tuple[str, str]:
    """`/apis/dub/8f14?x=y` is ("dub", "8f14")."""
    noun, _, name = path.partition("?")[0].removeprefix(f"{BASE_PATH}/").partition("/")
    return noun, name


def _error(status: int, detail: object, **headers: str) -> Reply:
    return Reply(status, {"detail": detail}, headers)


def _resolve(behaviour: Behaviour, sign: Sign) -> Behaviour:
    return _resolve(behaviour(sign), sign) if callable(behaviour) else behaviour


def _as_reply(result: Behaviour) -> Reply:
    """What the single call says of a run: it has no way to leave one out."""
    if isinstance(result, Reply):
        return result
    return RUN_NOT_FOUND if result is ABSENT else Reply(200, result)


def _signature(name: str, expires: str) -> str:
    return hmac.new(SIGNING_KEY, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _file_reply(path: Path, wanted: str) -> Reply:
    """The file, or the one range of it that is wanted; RFC 9110 lets us ignore every other Range header."""
    size = path.stat().st_size
    headers = {"Content-Type": MEDIA_TYPES[path.suffix], "Accept-Ranges": "bytes"} | SHARED
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted, re.ASCII)
    if not match or match[1] + match[2] == "" or (match[1] and match[2] and int(match[1]) > int(match[2])):
        return Reply(200, path.read_bytes(), headers)
    first = int(match[1]) if match[1] else max(size - int(match[2]), 0)
    last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
    if first >= size:
        return _error(416, "Range Not Satisfiable", **SHARED, **{"Content-Range": f"bytes */{size}"})
    with path.open("rb") as file:
        file.seek(first)
        return Reply(206, file.read(last - first + 1), headers | {"Content-Range": f"bytes {first}-{last}/{size}"})


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping ends them too."""

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
            with suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that hangs up is no error
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    error_content_type = "application/json"
    error_message_format = '{"detail": "%(explain)s"}'

    def __init__(self, stand_in: StandIn, *args: Any) -> None:
        self.stand_in = stand_in
        super().__init__(*args)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method is answered, a wrong one with 405
            return self.respond
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:
        """`on_reply` is the log."""

    def respond(self) -> None:
        body = self._read_body()
        if body is None:
            return
        stand_in = self.stand_in
        call = Call(self.command, self.path, self.headers, body, time.monotonic())
        stand_in.calls.append(call)
        try:
            if call.path.startswith(f"{BASE_PATH}/"):
                with stand_in.counting():
                    self._wait(stand_in.latency)
                    self._send(call, stand_in.answer(call))
            else:
                self._send(call, stand_in.answer(call))
        except ConnectionError:  # the client hung up, or we are stopping
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """None, and an answer sent, if the body has no length that we take."""
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
        if self.stand_in.on_reply:
            self.stand_in.on_reply(call)
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
        if seconds and self.stand_in.stopping.wait(min(seconds, threading.TIMEOUT_MAX)):
            raise ConnectionAbortedError

    def _reset(self) -> None:
        # Lingering for no time makes close() send RST, but only if nothing has sent FIN or holds the socket still.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())


def _on_the_wire(reply: Reply) -> tuple[dict[str, str | None], Iterator[bytes]]:
    """The headers of a reply, and its body in the pieces that are written one by one."""
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
    odd_length = reply.truncate_at is not None or given.keys() & {"Content-Length", "Transfer-Encoding"}
    if odd_length or reply.reset or reply.status is None:
        usual["Connection"] = "close"
    return usual | given, pieces


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _log(call: Call) -> None:
    path = call.path.partition("?")[0]  # the query of a media link is its signature
    if path.startswith(BASE_PATH) or call.status not in (200, 206):  # a player asks for very many ranges
        line = f"{time.strftime('%H:%M:%S')} {call.method} {path} {call.run_ids or ''} {call.status}\n"
        print(line, end="", flush=True)  # in one piece: others write at the same time


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.server", description="A stand-in CAMB.AI.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--key", default="demo-key", help="the API key that it accepts")
    parser.add_argument("--media-ttl", type=float, default=3600, help="seconds that a media link lives")
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    def on_reply(call: Call) -> None:
        _log(call)
        stand_in.calls.clear()  # kept for tests; here they would grow for as long as it runs

    try:
        stand_in = StandIn(
            options.host, options.port, keys=[options.key], media_ttl=options.media_ttl, on_reply=on_reply
        )
    except (OSError, OverflowError) as error:
        reason = "it is in use" if getattr(error, "errno", None) == errno.EADDRINUSE else str(error).rstrip(".")
        print(f"Cannot listen on {options.host} port {options.port}: {reason}.", file=sys.stderr)
        return 1
    with stand_in:
        print(f"Stand-in CAMB.AI on {stand_in.base_url}", flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
