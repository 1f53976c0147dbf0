"""How many downloads may be under way at once, so that slow ones leave threads to everybody else?

An answer that is streamed keeps a thread of the web server for as long as its reader takes: with as many slow
readers as threads, nobody would get a page. Media that plays is no such answer: `ranges` gives it away in pieces.
A reader who takes nothing at all is hung up on.
"""

import os
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from threading import Lock
from weakref import WeakSet

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

# In a process of the web server, which has 16 threads.
MAX_STREAMS = 8
MAX_STREAMS_PER_PERSON = 4
RETRY_SECONDS = 30
STALLED_SECONDS = 60

_lock = Lock()


class _Held:
    """What is streamed to somebody; it counts until the server closes or forgets it."""

    def __init__(self, pieces: Iterable[bytes], whose: int | None) -> None:
        self.pieces, self.whose = pieces, whose

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def close(self) -> None:
        with _lock:
            open_streams.discard(self)


open_streams: WeakSet[_Held] = WeakSet()


def limit_streams(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Let no more downloads begin than may be under way; who comes then is told to come again."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        hang_up_on_stalled(request.META["SERVER_PORT"])
        response = get_response(request)
        if not isinstance(response, StreamingHttpResponse):
            return response
        held = _Held(response.streaming_content, request.user.pk)  # type: ignore[arg-type]  # nothing here is async
        with _lock:
            own = sum(other.whose == held.whose for other in open_streams)
            has_room = len(open_streams) < MAX_STREAMS and own < MAX_STREAMS_PER_PERSON
            if has_room:
                open_streams.add(held)
        if not has_room:
            # The answer has not begun, and whatever it holds open ends with it.
            return _busy(request, is_own=own >= MAX_STREAMS_PER_PERSON)
        response.streaming_content = held
        return response

    return middleware


@cache
def hang_up_on_stalled(port: str) -> None:
    """Have the kernel end every connection to our port of which nothing is taken for STALLED_SECONDS.

    The server then closes the answer. It leaves us no word in how it listens, so its sockets are looked for among
    all that is open in this process; what comes later has it from the one that listens. Linux alone knows how.
    """
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            # Of all else, the second file number that is made for a look would never be closed.
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                _hang_up(number, port)


def _hang_up(number: int, port: str) -> None:
    with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as one:
        # Of other kinds there is no port, or no name at all.
        if [str(part) for part in one.getsockname()[1:2]] == [port]:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_SECONDS * 1000)


def _busy(request: HttpRequest, *, is_own: bool) -> HttpResponse:
    answer = render(request, "503.html", {"is_own": is_own}, status=503)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer
