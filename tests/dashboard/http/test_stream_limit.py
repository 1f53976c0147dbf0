"""Limits on concurrent downloads: who is refused, and when a slot is free again."""

import gc
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from django.core.signals import request_finished
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from dashboard.http import stream_limit, wsgi_threads
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_dub, make_member, make_run
from tests.waiting import until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _refused_at_once(monkeypatch):
    """Have a download without a place refused at once, unless a test gives it time."""
    monkeypatch.setattr(stream_limit, "WAIT_SECONDS", 0)


@pytest.fixture
def only(monkeypatch):
    """Leave as many places, which any team may take."""

    def only(places: int) -> None:
        monkeypatch.setattr(stream_limit, "MAX_STREAMS", places)
        monkeypatch.setattr(stream_limit, "PLACES_FOR_OTHER_TEAMS", 0)

    return only


@pytest.fixture
def export(team):
    """Start a download of the team's runs with the given client, and read none of it."""
    make_dub(make_run(team), ["Hola"])
    return lambda client: client.get(reverse("runs-export-selection", args=[team.slug]))


@pytest.fixture
def new_member(team):
    def new_member() -> Client:
        return signed_in(make_member(team))

    return new_member


@pytest.fixture
def stream(rf, team):
    """Pass a streamed response through the middleware, without a test client that holds on to the response."""
    answer = stream_limit.limit_streams(lambda request: StreamingHttpResponse([b"a", b"b"]))
    request = rf.get("/")
    request.user, request.session = make_member(team), {}
    return lambda: answer(request)


def test_downloads_and_those_that_wait_leave_threads_of_the_web_server_to_pages():
    taken = stream_limit.MAX_STREAMS + stream_limit.MAX_WAITING
    assert wsgi_threads.THREADS - taken >= 8


def test_a_download_beyond_the_limit_is_refused_until_later(new_member, export, only):
    only(2)
    first, second = export(new_member()), export(new_member())
    third = export(new_member())
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 503)
    assert third.headers["Retry-After"] == "30"
    assert "busy with other downloads" in third.content.decode()
    assert third.headers["Cache-Control"] == "no-store, private"


def test_pages_are_answered_while_downloads_are_refused(new_member, export, team, only):
    only(0)
    assert export(new_member()).status_code == 503
    assert new_member().get(reverse("runs-list", args=[team.slug])).status_code == 200


def test_one_person_cannot_take_every_slot(new_member, export, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS_PER_PERSON", 1)
    one = new_member()
    first, second = export(one), export(one)
    assert (first.status_code, second.status_code, export(new_member()).status_code) == (200, 503, 200)
    assert "Several of your downloads" in second.content.decode()


def test_a_download_read_to_its_end_frees_its_slot(new_member, export, only):
    only(1)
    first = export(new_member())
    assert export(new_member()).status_code == 503
    first.getvalue()
    assert export(new_member()).status_code == 200


def test_a_download_closed_early_frees_its_slot(stream, only, monkeypatch):
    """The web server closes the response when it finds the connection gone."""
    only(1)
    monkeypatch.setattr(request_finished, "send", lambda **_: None)  # its receivers close the test's database
    first = stream()
    held = list(stream_limit.open_streams)  # else its slot would end with its last reference
    assert stream().status_code == 503
    first.close()
    assert (len(held), stream().status_code) == (1, 200)


def test_a_response_that_was_never_closed_frees_its_slot(stream, only):
    """A server that drops a response without closing it must not take a slot away until the next restart."""
    only(1)
    unclosed = stream()
    assert (unclosed.status_code, stream().status_code) == (200, 503)
    del unclosed
    gc.collect()
    assert stream().status_code == 200


# --- Teams share the places --------------------------------------------------------------------------


def started(*teams: str) -> list[bool]:
    """Ask for a download of each of these teams in turn, each by another person; return who got a place."""
    streams = [stream_limit._Stream([], next(PEOPLE), team) for team in teams]
    HELD.extend(streams)
    return [stream_limit._take_place(stream) for stream in streams]


HELD: list[stream_limit._Stream] = []
PEOPLE = count(1)


@pytest.fixture(autouse=True)
def _nothing_held():
    yield
    HELD.clear()


def test_a_team_has_half_of_the_places_at_most():
    assert started(*["one"] * 5) == [True] * 4 + [False]


def test_two_teams_leave_places_for_two_others():
    assert started("one", "one", "one", "one", "two", "two", "two") == [True] * 6 + [False]
    assert started("three", "four", "five") == [True, True, False]


def test_a_download_that_waits_begins_when_another_ends(only, monkeypatch):
    only(1)
    monkeypatch.setattr(stream_limit, "WAIT_SECONDS", 20)
    assert started("one") == [True]
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(started, "two")
        until(lambda: stream_limit._waiting)
        HELD[0].close()
        assert waiting.result() == [True]
    assert stream_limit._waiting == []


def test_the_team_with_fewer_places_begins_first(only, monkeypatch):
    only(2)
    monkeypatch.setattr(stream_limit, "WAIT_SECONDS", 20)
    assert started("one", "two") == [True, True]
    with ThreadPoolExecutor() as threads:
        earlier = threads.submit(started, "one")
        until(lambda: len(stream_limit._waiting) == 1)
        later = threads.submit(started, "three")
        until(lambda: len(stream_limit._waiting) == 2)
        HELD[1].close()
        assert later.result() == [True]
        assert not earlier.done()
        HELD[0].close()
        assert earlier.result() == [True]


def test_only_a_few_downloads_wait_as_each_holds_a_thread(only, monkeypatch):
    only(1)
    monkeypatch.setattr(stream_limit, "WAIT_SECONDS", 20)
    monkeypatch.setattr(stream_limit, "MAX_WAITING", 1)
    assert started("one") == [True]
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(started, "two")
        until(lambda: stream_limit._waiting)
        assert started("three") == [False]
        HELD[0].close()
        assert waiting.result() == [True]


def test_a_download_counts_for_the_team_of_its_address(export, new_member, team):
    first = export(new_member())
    [stream] = stream_limit.open_streams
    assert (first.status_code, stream.team) == (200, team.slug)


def test_a_download_counts_for_the_team_that_its_view_has_noted(rf, team):
    request = rf.get("/")
    request.user = make_member(team)
    stream_limit.note_team(request, team)
    response = stream_limit.limit_streams(lambda _: StreamingHttpResponse([b"a"]))(request)
    [stream] = stream_limit.open_streams
    assert (response.status_code, stream.team) == (200, team.slug)
