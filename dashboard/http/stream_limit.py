"""Shares the places for downloads among teams, so that slow readers leave the web server's threads to pages.

A streamed response holds a thread of the web server for as long as its reader takes. With as many slow readers as
threads, no page would be answered. Playback of media does not count: `ranges` hands each range over in one piece.

No person and no team can take every place, and the last ones are kept for teams that have none. A download that
finds no place waits for one, for a few seconds and only with a few others, as it holds a thread meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Condition
from time import monotonic
from weakref import WeakSet

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from teams.models import Team

# In each process of the web server, which has the threads of `wsgi_threads.THREADS`.
MAX_STREAMS = 8
MAX_STREAMS_PER_TEAM = 4
MAX_STREAMS_PER_PERSON = 3
PLACES_FOR_OTHER_TEAMS = 2
MAX_WAITING = 4
WAIT_SECONDS = 5.0
RECHECK_SECONDS = 0.5  # a stream that was dropped without being closed wakes nobody
RETRY_SECONDS = 30

TEAM = "dubroom.team"


class _Stream:
    """The body of one streamed response; it has a place until the server closes or drops it."""

    def __init__(self, chunks: Iterable[bytes], user_pk: int | None, team: str) -> None:
        self.chunks, self.user_pk, self.team = chunks, user_pk, team

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        with _changed:
            open_streams.discard(self)
            _changed.notify_all()


open_streams: WeakSet[_Stream] = WeakSet()
_waiting: list[_Stream] = []
_changed = Condition()


def note_team(request: HttpRequest, team: Team) -> None:
    """Note whose download this request is, where its address does not name the team."""
    request.META[TEAM] = team.slug


def limit_streams(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer 503 with `Retry-After` in place of a streamed response that finds no place."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, StreamingHttpResponse):
            return response
        stream = _Stream(response.streaming_content, request.user.pk, _team(request))  # type: ignore[arg-type]  # nothing here is async
        if not _take_place(stream):
            # The refused stream has not begun; a file that it holds open closes when it is freed.
            return _busy(request, is_own=_is_own_fault(stream))
        response.streaming_content = stream
        return response

    return middleware


def _team(request: HttpRequest) -> str:
    named = request.resolver_match.kwargs if request.resolver_match else {}
    return request.META.get(TEAM) or named.get("slug") or named.get("team") or ""


def _take_place(stream: _Stream) -> bool:
    """Give the stream a place, waiting for one if need be; return False if there is none in time."""
    with _changed:
        has_place = _is_next(stream) or (len(_waiting) < MAX_WAITING and _wait(stream))
        if has_place:
            open_streams.add(stream)
    return has_place


def _wait(stream: _Stream) -> bool:
    deadline = monotonic() + WAIT_SECONDS
    _waiting.append(stream)
    try:
        while not _is_next(stream):
            if (left := deadline - monotonic()) <= 0:
                return False
            _changed.wait(min(left, RECHECK_SECONDS))
        return True
    finally:
        _waiting.remove(stream)


def _is_next(stream: _Stream) -> bool:
    """Return whether the stream may begin, and no waiting one of a team with fewer places may."""
    places = _places_of(stream)
    return _has_room(stream) and not any(_has_room(other) and _places_of(other) < places for other in _waiting)


def _has_room(stream: _Stream) -> bool:
    free, of_team = MAX_STREAMS - len(open_streams), _places_of(stream)
    kept = PLACES_FOR_OTHER_TEAMS if of_team else 0
    return free > kept and of_team < MAX_STREAMS_PER_TEAM and not _is_own_fault(stream)


def _places_of(stream: _Stream) -> int:
    return sum(other.team == stream.team for other in open_streams)


def _is_own_fault(stream: _Stream) -> bool:
    return sum(other.user_pk == stream.user_pk for other in open_streams) >= MAX_STREAMS_PER_PERSON


def _busy(request: HttpRequest, *, is_own: bool) -> HttpResponse:
    """Return the 503 page; `is_own` blames the user's own downloads, not those of others."""
    response = render(request, "503.html", {"is_own": is_own}, status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
