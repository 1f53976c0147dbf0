"""Limits concurrent downloads, so that slow readers leave the web server's threads to pages.

A streamed response holds a thread of the web server for as long as its reader takes. With as many slow readers as
threads, no page would be answered. Playback of media does not count: `ranges` hands each range over in one piece.

A reader that stops reading keeps its slot until the connection ends. The web server has no write time-out, and a
stream cannot time itself out: its iterator is not called while the reader takes nothing. A slow stream is not cut
short either: a chunked response that breaks off ends as a complete one does, and the browser would save half an
archive. A reverse proxy in front is the place for a write time-out.
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from weakref import WeakSet

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

# In each process of the web server: half of its 16 threads.
MAX_STREAMS = 8
MAX_STREAMS_PER_PERSON = 4
RETRY_SECONDS = 30

_lock = Lock()


class _Stream:
    """The body of one streamed response; counted until the server closes or drops it."""

    def __init__(self, chunks: Iterable[bytes], user_pk: int | None) -> None:
        self.chunks, self.user_pk = chunks, user_pk

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        with _lock:
            open_streams.discard(self)


open_streams: WeakSet[_Stream] = WeakSet()


def limit_streams(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer 503 with `Retry-After` in place of a streamed response beyond the limits."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, StreamingHttpResponse):
            return response
        stream = _Stream(response.streaming_content, request.user.pk)  # type: ignore[arg-type]  # nothing here is async
        with _lock:
            own = sum(other.user_pk == stream.user_pk for other in open_streams)
            has_room = len(open_streams) < MAX_STREAMS and own < MAX_STREAMS_PER_PERSON
            if has_room:
                open_streams.add(stream)
        if not has_room:
            # The refused stream has not begun; a file that it holds open closes when it is freed.
            return _busy(request, is_own=own >= MAX_STREAMS_PER_PERSON)
        response.streaming_content = stream
        return response

    return middleware


def _busy(request: HttpRequest, *, is_own: bool) -> HttpResponse:
    """Return the 503 page; `is_own` blames the user's own downloads, not those of others."""
    response = render(request, "503.html", {"is_own": is_own}, status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
