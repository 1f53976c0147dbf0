"""A stand-in CAMB.AI (a mock server) that speaks its HTTP contract, for the demo, the tests and the benchmarks.

`StandIn` answers like CAMB.AI, and can break the contract in every way that a test needs. Run as a program, it
serves the demo. It imports nothing of Dubroom.
"""

import argparse
import errno
import hashlib
import hmac
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote

from demo import samples, validation
from demo.http_server import BASE_PATH, Call, Handler, Reply, Server, path_parts
from demo.samples import Sign

__all__ = ["ABSENT", "MEDIA_DIR", "Behaviour", "Call", "Reply", "StandIn"]
MEDIA_DIR = Path(__file__).parent / "media"
MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm", ".m4a": "audio/mp4", ".mp3": "audio/mpeg"}
SIGNING_KEY = b"stand-in"  # fixed, so that links survive a restart of this server; it guards nothing of value
SHARED = {"Access-Control-Allow-Origin": "*"}  # a player on another origin may read the media
METHODS = {  # (first part of the path, whether more follows) to the one method that is allowed
    ("dubbing-results", False): "POST",
    ("dub-result", True): "GET",
    ("dub", True): "GET",
    ("source-languages", False): "GET",
    ("target-languages", False): "GET",
}


# How the stand-in answers for one run. A JSON value is the run's result. A callable returns a behaviour; its
# argument `sign` turns the name of a media file into a URL. A Reply replaces the whole answer.
Behaviour = object
ABSENT: Behaviour = object()  # the answer leaves this run out
RUN_NOT_FOUND = Reply(404, {"detail": "Run not found"})
TASK_NOT_FOUND = Reply(404, {"detail": "Task not found"})


class StandIn:
    """A CAMB.AI on a port of its own, served from threads between `start` and `stop` (or in a `with`).

    `keys` (the valid ones), `runs`, `tasks`, `unknown` (the behaviour of a run that is not in `runs`), `latency`
    (seconds before each API answer) and `rule` may be changed at any time. `rule` sees every call, media included,
    and may return a reply of its own; `script` sets replies for the next API calls. `on_reply` is called with each
    call just before its answer is sent. `media_ttl` is the life of a media link in seconds.
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
        self.open = self.peak_open = 0  # API calls in progress: now, and the most so far
        self.stopping = threading.Event()
        self._scripted: deque[Reply | None] = deque()
        self._lock = threading.Lock()
        self._server = Server((host, port), partial(Handler, self))
        self.host, self.port = host, self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}{BASE_PATH}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, and cut the open connections as a machine that goes down does."""
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
        """Answer the next API calls with these replies, one each, before any check; None lets a call through."""
        self._scripted.extend(replies)

    def answer(self, call: Call) -> Reply:
        """Return the reply to a call: from `rule`, from the script, or as CAMB.AI would answer."""
        if self.rule and (reply := self.rule(call)):
            return reply
        if not call.path.startswith(f"{BASE_PATH}/"):
            return self._media(call)
        with suppress(IndexError):
            if reply := self._scripted.popleft():
                return reply
        return self._api(call)

    def _api(self, call: Call) -> Reply:
        noun, name = path_parts(call.path)
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
            # CAMB.AI does not publish whether one bad id fails its whole batch. This is the harder case.
            if isinstance(result, Reply):
                return result
            if result is not ABSENT:
                results[str(run_id)] = result
        return Reply(200, results)

    def media_url(self, host: str, name: str) -> str:
        """Return a signed link to a media file that expires in `media_ttl` seconds."""
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
        """Count an API call as in progress, from its arrival to the last byte of its answer."""
        with self._lock:
            self.open += 1
            self.peak_open = max(self.peak_open, self.open)
        try:
            yield
        finally:
            with self._lock:
                self.open -= 1


def _error(status: int, detail: object, **headers: str) -> Reply:
    return Reply(status, {"detail": detail}, headers)


def _resolve(behaviour: Behaviour, sign: Sign) -> Behaviour:
    return _resolve(behaviour(sign), sign) if callable(behaviour) else behaviour


def _as_reply(result: Behaviour) -> Reply:
    """Return the answer of the single-run call, which has no way to leave a run out."""
    if isinstance(result, Reply):
        return result
    return RUN_NOT_FOUND if result is ABSENT else Reply(200, result)


def _signature(name: str, expires: str) -> str:
    return hmac.new(SIGNING_KEY, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _file_reply(path: Path, wanted: str) -> Reply:
    """Reply with the file, or with the one range of it that is requested.

    Other Range headers are ignored, as RFC 9110 allows.
    """
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


def _log(call: Call) -> None:
    path = call.path.partition("?")[0]  # the query of a media link is its signature
    if path.startswith(BASE_PATH) or call.status not in (200, 206):  # a player requests many ranges: not logged
        line = f"{time.strftime('%H:%M:%S')} {call.method} {path} {call.run_ids or ''} {call.status}\n"
        print(line, end="", flush=True)  # in one write: other threads print at the same time


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.server", description="A stand-in CAMB.AI.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--key", default="demo-key", help="the API key that it accepts")
    parser.add_argument("--media-ttl", type=float, default=3600, help="seconds until a media link expires")
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    def on_reply(call: Call) -> None:
        _log(call)
        stand_in.calls.clear()  # only tests read the calls; in a long-lived process the list would grow without end

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
