"""Runs Django's WSGI application in threads, under a web server that speaks ASGI.

A thread is taken once the whole body of a request is here, so senders as slow as they like take none. Under a WSGI
server, the application itself waits for the body, and holds a thread for it: 36 slow bodies stopped every page.

Django's own ASGI handler gives each request a new thread, which would open a database connection for each.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from dashboard.http import load_shedding
from dashboard.http.request_body import BodyReader, RefusedBodyError

# Of these, eight may stream downloads, and four more may wait to do so: see `stream_limit`.
THREADS = 20
# Polls have threads of their own: in one queue with pages, which take ten times as long, open tabs would learn
# nothing while the server is busy. As they are few, a thousand tabs do not hold up the pages either.
POLL_THREADS = 4
# A reader that takes nothing for as long is gone, whatever its connection says.
STALL_SECONDS = 120.0
_ALIVE = "/health/alive/"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]
WsgiApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class DisconnectedError(Exception):
    """The client is gone or takes nothing, so the rest of a streamed response is not made."""


class WsgiThreads:
    """An ASGI application that answers with a WSGI application, each request in a thread for pages or for polls."""

    def __init__(self, application: WsgiApplication, reader: BodyReader) -> None:
        self._application = application
        self._reader = reader
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self._polls = ThreadPoolExecutor(POLL_THREADS, thread_name_prefix="poll")
        # Takes what needs no query, so it never hangs with the database. Hundreds of requests may be refused at the
        # same moment; one thread keeps them from the pages of others.
        self._queryless = ThreadPoolExecutor(1, thread_name_prefix="queryless")
        # Asks the database, and may hang with it; the request is answered all the same.
        self._health = ThreadPoolExecutor(1, thread_name_prefix="health")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        with SpooledTemporaryFile(max_size=256 * 1024) as body:
            try:
                await self._reader.read(environ, receive, body, self._pool)
            except RefusedBodyError as refusal:
                _refuse(environ, body, refusal)
            except ConnectionError:
                await _end_broken(send)
                return
            body.seek(0)
            environ["wsgi.input"] = body
            stream = _Stream(asyncio.get_running_loop(), receive, send)
            try:
                whole = await self._in_thread(environ, stream)
            except DisconnectedError:
                return  # without its end, the response counts as broken off: no reader takes it for a whole one
            finally:
                stream.end()
        if whole:
            await send(whole.start)
            await send({"type": "http.response.body", "body": whole.body})

    async def _in_thread(self, environ: Environ, stream: "_Stream") -> "_Whole | None":
        """Answer in a thread of the pool. A request that gets none in time is refused, though all threads hang."""
        path = environ["PATH_INFO"]
        if not ("dubroom.refused" in environ or path.endswith(_ALIVE)):
            is_health = path.endswith(load_shedding.HEALTH)
            job = self._threads_for(path).submit(self._run, environ, stream)
            answer = asyncio.wrap_future(job)
            await asyncio.wait({answer}, timeout=load_shedding.max_wait_seconds(path))
            if answer.done() or not (job.cancel() or is_health):
                return await answer
            environ = environ | {"dubroom.refused": load_shedding.OverloadError()}  # a job that hangs keeps its own
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._queryless, self._run, environ, stream)

    def _threads_for(self, path: str) -> ThreadPoolExecutor:
        if path.endswith(load_shedding.HEALTH):
            return self._health
        return self._polls if path.endswith(load_shedding.POLL) else self._pool

    def _run(self, environ: Environ, stream: "_Stream") -> "_Whole | None":
        """Return a response of one piece, which the server sends without a thread; stream any other."""
        head = _Head()
        body = self._application(environ, head)
        try:
            pieces: Iterator[bytes] = iter(body)
            first, second = next(pieces, b""), next(pieces, None)
            if second is None:
                return _Whole(head.message(environ), first)
            stream.send(head.message(environ))
            for piece in chain((first, second), pieces):
                stream.send({"type": "http.response.body", "body": piece, "more_body": True})
            stream.send({"type": "http.response.body", "body": b""})
            return None
        finally:
            if close := getattr(body, "close", None):
                close()


@dataclass
class _Whole:
    start: Message
    body: bytes


@dataclass
class _Head:
    """The `start_response` of WSGI, which keeps the status and the headers."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., None]:
        self.status = int(status.partition(" ")[0])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return _no_write

    def message(self, environ: Environ) -> Message:
        # What is left of a refused body is not read, so the connection cannot carry another request.
        is_unread = isinstance(environ.get("dubroom.refused"), RefusedBodyError)
        last = [(b"connection", b"close")] if is_unread else []
        return {"type": "http.response.start", "status": self.status, "headers": self.headers + last}


def _no_write(data: bytes) -> None:
    raise NotImplementedError("Django returns its body, and never writes it.")


class _Stream:
    """Sends messages from a thread: each waits until the client has taken most of those before it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive, send: Send) -> None:
        self._loop, self._receive, self._send = loop, receive, send
        self._gone: asyncio.Task[None] | None = None

    def send(self, message: Message) -> None:
        """Send the message. Raises DisconnectedError once the client is gone or takes nothing any more."""
        sent: Future[None] = asyncio.run_coroutine_threadsafe(self._send_or_end(message), self._loop)
        sent.result()

    async def _send_or_end(self, message: Message) -> None:
        if self._gone is None:
            self._gone = asyncio.create_task(self._until_gone())
        sending = asyncio.ensure_future(self._send(message))
        await asyncio.wait({sending, self._gone}, timeout=STALL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if self._gone.done() or not sending.done():
            sending.cancel()
            raise DisconnectedError
        await sending

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def end(self) -> None:
        """Stop watching the connection."""
        if self._gone:
            self._gone.cancel()


def environ_of(scope: Scope) -> Environ:
    """Return the WSGI environ of a request (PEP 3333), without its body."""
    server, client = scope.get("server") or ("localhost", 80), scope.get("client")
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": scope.get("root_path", ""),
        # WSGI has the bytes of a path as Latin-1 text.
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if client:
        environ["REMOTE_ADDR"] = client[0]
    for name, value in scope["headers"]:
        # `X_Forwarded_For` would pass for the `X-Forwarded-For` that the proxy has written.
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text = value.decode("latin-1")
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{text}" if key in environ else text
    return environ


def _refuse(environ: Environ, body: IO[bytes], refusal: RefusedBodyError) -> None:
    """Have Django answer in place of the page: `middleware.refused_requests` reads the status from the environ."""
    body.truncate(0)
    environ |= {"dubroom.refused": refusal, "CONTENT_LENGTH": "0"}
    for name in ("CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"):
        environ.pop(name, None)


async def _end_broken(send: Send) -> None:
    """Answer 400: the client is gone, or its body broke off or is malformed. Granian would answer 500 by itself."""
    await send({"type": "http.response.start", "status": 400, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    with suppress(asyncio.CancelledError):
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
