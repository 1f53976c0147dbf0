"""Slow downloads do not take the site away from everybody else."""

import os
import socket
import tempfile

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.http import stream_limit
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_dub, make_member, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def export(team):
    """Ask for the team's runs as somebody, and not read on."""
    make_dub(make_run(team), ["Hola"])
    return lambda client: client.get(reverse("runs-export-selection", args=[team.slug]))


@pytest.fixture
def somebody(team):
    def somebody() -> Client:
        return signed_in(make_member(team))

    return somebody


def test_beyond_so_many_one_is_told_to_come_again(somebody, export, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 2)
    first, second = export(somebody()), export(somebody())
    third = export(somebody())
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 503)
    assert third.headers["Retry-After"] == "30"
    assert "busy with the downloads of others" in third.content.decode()
    assert third.headers["Cache-Control"] == "no-store, private"


def test_pages_come_whatever_is_downloaded(somebody, export, team, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 0)
    assert export(somebody()).status_code == 503
    assert somebody().get(reverse("runs-list", args=[team.slug])).status_code == 200


def test_nobody_takes_all_of_them(somebody, export, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS_PER_PERSON", 1)
    one = somebody()
    first, second = export(one), export(one)
    assert (first.status_code, second.status_code, export(somebody()).status_code) == (200, 503, 200)
    assert "Several of your downloads" in second.content.decode()


def test_the_next_may_begin_once_one_has_ended(somebody, export, monkeypatch):
    monkeypatch.setattr(stream_limit, "MAX_STREAMS", 1)
    first = export(somebody())
    assert export(somebody()).status_code == 503
    first.getvalue()
    assert export(somebody()).status_code == 200


def test_a_connection_of_which_nothing_is_taken_is_ended(client):
    pair = socket.socketpair()  # there are sockets of other kinds too
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as other:
        port = listener.getsockname()[1]
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as before:
            client.get("/accounts/login/", SERVER_PORT=str(port))
            with socket.create_connection(listener.getsockname()), listener.accept()[0] as later:
                ends = [
                    one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for one in (before, later, other)
                ]
    for one in pair:
        one.close()
    assert ends == [60_000, 60_000, 0]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux can end it")
def test_looking_for_the_connections_leaves_nothing_open():
    with tempfile.TemporaryFile(), socket.create_server(("127.0.0.1", 0)) as listener:
        before = os.listdir("/proc/self/fd")
        stream_limit.hang_up_on_stalled(str(listener.getsockname()[1]))
        assert os.listdir("/proc/self/fd") == before


def test_one_that_the_server_forgot_does_not_count(rf, monkeypatch):
    kept = stream_limit._Held([], 1)
    stream_limit.open_streams.add(kept)
    stream_limit.open_streams.add(stream_limit._Held([], 2))
    assert [held.whose for held in stream_limit.open_streams] == [1]
