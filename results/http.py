"""An HTTP transport with a total deadline, for servers that send their answer byte by byte."""

import io
import math
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.client import HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class DeadlineAdapter(HTTPAdapter):
    """Ends every answer, from the status line to the last byte, at `deadline` (seconds of the monotonic clock).

    A socket's own time-out starts anew with every byte: with `timeout=(2, 3)` a server that sent one byte a second
    kept `requests` busy for 310 seconds. Each read therefore gets only the time that is left. A read after the
    deadline raises TimeoutError, which `requests` passes on as one of its own errors.
    """

    deadline = math.inf

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = partial(self._connect, type(pool).ConnectionCls)
        return pool

    def _connect(self, make: Callable[..., Any], **kwargs: Any) -> Any:
        connection = make(**kwargs)
        connection.response_class = partial(_DeadlineResponse, self)
        return connection


class _DeadlineResponse(HTTPResponse):
    """A response that reads its status line, headers and body through a `_DeadlineReader`."""

    def __init__(self, adapter: DeadlineAdapter, sock: socket.socket, **kwargs: Any) -> None:
        super().__init__(sock, **kwargs)
        # http.client reads everything through `fp`, a buffer over the bare socket.
        self.fp = io.BufferedReader(_DeadlineReader(adapter, sock, self.fp.detach()))

    def begin(self) -> None:
        """Read the status and headers of the answer; http.client takes a 102 or 103 before it for the answer."""
        super().begin()
        while self.status in (HTTPStatus.PROCESSING, HTTPStatus.EARLY_HINTS):
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _DeadlineReader(io.RawIOBase):
    """A raw stream that shortens the socket's time-out to the time left before the adapter's deadline."""

    def __init__(self, adapter: DeadlineAdapter, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._adapter = adapter
        self._sock = sock
        self._raw = raw
        self._socket_seconds = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left = self._adapter.deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        # Otherwise the socket's own time-out is right, and setting it again would only yield to other threads.
        if left < self._socket_seconds:
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
