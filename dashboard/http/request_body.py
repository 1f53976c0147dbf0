"""Reads the body of a request within limits of size and time, before any thread works on the request.

A visitor who is not signed in has only forms to send, so little may come, and soon. A signed-in user may send a
file, at a slow pace. Telling them apart takes a query, so it is only done beyond a visitor's limits. Slow bodies
are counted by address: else one client could hold as many as the server has connections.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from time import monotonic
from typing import IO, Any

from dashboard.http import sender
from results.runs.paste import limits

VISITOR_BYTES = 64 * 1024
VISITOR_SECONDS = 10.0
SIGNED_IN_BYTES = limits.MAX_FILE_BYTES + 2**20  # a file, and the form around it
SLOWEST_BYTES_PER_SECOND = 8 * 1024  # of a signed-in user, once a visitor's seconds are over
SLOW_SECONDS = 1.0  # a body that takes longer is counted as slow
MAX_SLOW_PER_ADDRESS = 16

Environ = dict[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class RefusedBodyError(Exception):
    """The body is too large (413), too slow (408), or one slow body too many from its address (429)."""

    def __init__(self, status: int, *, is_visitor: bool) -> None:
        super().__init__(status)
        self.status, self.is_visitor = status, is_visitor


class BodyReader:
    """Reads the bodies of requests, and counts the slow ones of this process."""

    def __init__(self) -> None:
        self.slow: Counter[str] = Counter()

    async def read(self, environ: Environ, receive: Receive, into: IO[bytes], threads: Executor) -> None:
        """Write the request's body into the file. The threads look up whether the sender is signed in.

        Raises RefusedBodyError beyond a limit, and ConnectionError when the client goes away.
        """
        if "CONTENT_LENGTH" not in environ and "HTTP_TRANSFER_ENCODING" not in environ:
            return
        body = _Body(environ, self.slow, threads)
        try:
            await body.check_size(_declared_size(environ))
            async for message in _messages(receive, body):
                if message["type"] != "http.request":
                    raise ConnectionResetError("the client went away")
                into.write(message.get("body", b""))
                await body.arrived(into.tell())
                if not message.get("more_body"):
                    break
        finally:
            body.end()
        environ["CONTENT_LENGTH"] = str(into.tell())


async def _messages(receive: Receive, body: "_Body") -> AsyncIterator[MutableMapping[str, Any]]:
    """Yield what arrives, and report each deadline that passes meanwhile."""
    coming = asyncio.ensure_future(receive())
    try:
        while True:
            if (seconds := body.deadline - monotonic()) <= 0:
                await body.check_time()
                continue
            # A wait that times out leaves `coming` alone: cancelling it might lose what has just arrived.
            done, _ = await asyncio.wait({coming}, timeout=seconds)
            if done:
                yield coming.result()
                coming = asyncio.ensure_future(receive())
    finally:
        coming.cancel()


class _Body:
    """The limits of one body, which depend on its sender, and its place among the slow ones."""

    def __init__(self, environ: Environ, slow: Counter[str], threads: Executor) -> None:
        self._environ, self._slow, self._threads = environ, slow, threads
        self._address = sender.network(environ)
        self._is_slow = False
        self._is_signed_in: bool | None = None
        self._started, self._size = monotonic(), 0

    @property
    def deadline(self) -> float:
        """The time at which `check_time` is due next."""
        if not self._is_slow:
            return self._started + SLOW_SECONDS
        more = self._size / SLOWEST_BYTES_PER_SECOND if self._is_signed_in else 0.0
        return self._started + VISITOR_SECONDS + more

    async def arrived(self, size: int) -> None:
        """Note how much is here. Raises RefusedBodyError if that is too much."""
        self._size = size
        await self.check_size(size)

    async def check_size(self, size: int) -> None:
        """Raise RefusedBodyError if the sender may not send as many bytes."""
        if size > VISITOR_BYTES and not await self._signed_in():
            raise RefusedBodyError(413, is_visitor=True)
        if size > SIGNED_IN_BYTES:
            raise RefusedBodyError(413, is_visitor=False)

    async def check_time(self) -> None:
        """Count the body as slow at its first deadline. Raises RefusedBodyError at the last one of its sender."""
        if not self._is_slow:
            if self._slow[self._address] >= MAX_SLOW_PER_ADDRESS:
                raise RefusedBodyError(429, is_visitor=not self._is_signed_in)
            self._is_slow = True
            self._slow[self._address] += 1
        elif not await self._signed_in() or self.deadline <= monotonic():
            raise RefusedBodyError(408, is_visitor=not self._is_signed_in)

    async def _signed_in(self) -> bool:
        if self._is_signed_in is None:
            loop = asyncio.get_running_loop()
            self._is_signed_in = await loop.run_in_executor(self._threads, sender.is_signed_in, self._environ)
        return self._is_signed_in

    def end(self) -> None:
        """Give up the place among the slow bodies."""
        if self._is_slow:
            self._slow[self._address] -= 1
            if not self._slow[self._address]:
                del self._slow[self._address]


def _declared_size(environ: Environ) -> int:
    declared = environ.get("CONTENT_LENGTH", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 16 else 0
