"""How does an answer end in time when its bytes drip in one by one?"""

import io
import math
import socket
from collections.abc import Callable
from functools import partial
from http.client import HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class DeadlineAdapter(HTTPAdapter):
    """An HTTP transport whose answers, from the status line to the last byte, end at `deadline` (monotonic).

    A socket's own time-out starts anew with every byte: with `timeout=(2, 3)` a server that sent one byte a second
    kept `requests` busy for 310 seconds. So each read is given only the time that is left.
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
    def __init__(self, adapter: DeadlineAdapter, sock: socket.socket, **kwargs: Any) -> None:
        super().__init__(sock, **kwargs)
        # http.client reads all it reads through `fp`, a buffer over the bare socket.
        self.fp = io.BufferedReader(_DeadlineReader(adapter, sock, self.fp.detach()))


class _DeadlineReader(io.RawIOBase):
    def __init__(self, adapter: DeadlineAdapter, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._adapter = adapter
        self._sock = sock
        self._raw = raw
        self._patience = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left = self._adapter.deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        if left < self._patience:  # else the socket's own is right, and setting it would give up a turn to run
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
