"""Limits on concurrent downloads: who is refused, and when a slot is free again."""

import gc
import re
from pathlib import Path

import pytest
from django.core.signals import request_finished
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from dashboard.http import stream_limit
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_dub, make_member, make_run

pytestmark = pytest.mark.django_db

PROCFILE = Path(__file__).parents[3] / "Procfile"


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


def test_downloads_leave_half_of_the_web_servers_threads_to_pages():
    threads = re.search(r"--blocking-threads (\d+)", PROCFILE.read_text())
    assert threads is not None
    assert int(threads[1]) / 2 >= stream_limit.MAX_STREAMS


def test_a_download_beyond_the_limit_is_refused_until_later(new_member, export, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 2)
    first, second = export(new_member()), export(new_member())
    third = export(new_member())
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 503)
    assert third.headers["Retry-After"] == "30"
    assert "busy with other downloads" in third.content.decode()
    assert third.headers["Cache-Control"] == "no-store, private"


def test_pages_are_answered_while_downloads_are_refused(new_member, export, team, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 0)
    assert export(new_member()).status_code == 503
    assert new_member().get(reverse("runs-list", args=[team.slug])).status_code == 200


def test_one_person_cannot_take_every_slot(new_member, export, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS_PER_PERSON", 1)
    one = new_member()
    first, second = export(one), export(one)
    assert (first.status_code, second.status_code, export(new_member()).status_code) == (200, 503, 200)
    assert "Several of your downloads" in second.content.decode()


def test_a_download_read_to_its_end_frees_its_slot(new_member, export, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 1)
    first = export(new_member())
    assert export(new_member()).status_code == 503
    first.getvalue()
    assert export(new_member()).status_code == 200


def test_a_download_closed_early_frees_its_slot(stream, monkeypatch):
    """The web server closes the response when it finds the connection gone."""
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 1)
    monkeypatch.setattr(request_finished, "send", lambda **_: None)  # its receivers close the test's database
    first = stream()
    held = list(stream_limit.open_streams)  # else its slot would end with its last reference
    assert stream().status_code == 503
    first.close()
    assert (len(held), stream().status_code) == (1, 200)


def test_a_response_that_was_never_closed_frees_its_slot(stream, monkeypatch):
    """A server that drops a response without closing it must not take a slot away until the next restart."""
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 1)
    unclosed = stream()
    assert (unclosed.status_code, stream().status_code) == (200, 503)
    del unclosed
    gc.collect()
    assert stream().status_code == 200
