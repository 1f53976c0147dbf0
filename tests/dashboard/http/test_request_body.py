"""Bodies of requests: how large and how slow they may be, from whom, and how a refusal is answered."""

import asyncio
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.http import request_body, sender
from dashboard.http.request_body import BodyReader, RefusedBodyError
from results.runs.paste import limits
from teams.models import AccessToken
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_member, make_team
from tests.waiting import run_apart

MOMENT_S = 0.02
Pieces = list[bytes | float]


@pytest.fixture
def reader() -> BodyReader:
    return BodyReader()


@pytest.fixture
def _brief(monkeypatch):
    """Shorten every limit of time, so that one pause of MOMENT_S is slow, and ten are too slow for a visitor."""
    monkeypatch.setattr(request_body, "SLOW_SECONDS", MOMENT_S / 2)
    monkeypatch.setattr(request_body, "VISITOR_SECONDS", MOMENT_S * 10)


@pytest.fixture
def is_signed_in(monkeypatch) -> Callable[[bool], list[dict[str, Any]]]:
    """Answer whether a sender is signed in, and return the list of what was asked about."""

    def set_answer(answer: bool) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def is_signed_in(environ: dict[str, Any]) -> bool:
            asked.append(environ)
            return answer

        monkeypatch.setattr(sender, "is_signed_in", is_signed_in)
        return asked

    return set_answer


def read_body(reader: BodyReader, pieces: Pieces, **environ: str) -> bytes:
    """Read a body that arrives in these pieces; numbers are pauses in seconds."""
    return run_apart(read_slowly(reader, pieces, **environ))


async def read_slowly(reader: BodyReader, pieces: Pieces, **environ: str) -> bytes:
    coming = iter(pieces)

    async def receive() -> dict[str, Any]:
        for piece in coming:
            if isinstance(piece, bytes):
                return {"type": "http.request", "body": piece, "more_body": True}
            await asyncio.sleep(piece)
        return {"type": "http.request", "body": b"", "more_body": False}

    sent = {"REMOTE_ADDR": "192.0.2.1", "HTTP_TRANSFER_ENCODING": "chunked"} | environ
    with tempfile.TemporaryFile() as into, ThreadPoolExecutor() as threads:
        await reader.read(sent, receive, into, threads)
        into.seek(0)
        body = into.read()
    assert sent["CONTENT_LENGTH"] == str(len(body))
    return body


def refusal(reader: BodyReader, pieces: Pieces, **environ: str) -> tuple[int, bool]:
    """Return the status of the refusal, and whether it is one of a visitor."""
    with pytest.raises(RefusedBodyError) as error:
        read_body(reader, pieces, **environ)
    return error.value.status, error.value.is_visitor


# --- Size --------------------------------------------------------------------------------------------


def test_a_visitor_may_send_a_form_and_is_not_looked_up(reader, is_signed_in):
    asked = is_signed_in(False)
    form = b"x" * request_body.VISITOR_BYTES
    assert (read_body(reader, [form[:9], form[9:]]), asked) == (form, [])


def test_a_visitors_large_body_is_refused_before_a_byte_of_it_is_read(reader, is_signed_in):
    is_signed_in(False)

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    with ThreadPoolExecutor() as threads, tempfile.TemporaryFile() as into:
        environ = {"CONTENT_LENGTH": "300000000", "REMOTE_ADDR": "192.0.2.1"}
        with pytest.raises(RefusedBodyError):
            run_apart(reader.read(environ, receive, into, threads))
        assert into.tell() == 0


def test_a_visitors_body_of_unknown_length_is_cut_at_the_same_size(reader, is_signed_in):
    is_signed_in(False)
    assert refusal(reader, [b"x" * request_body.VISITOR_BYTES, b"x"]) == (413, True)


def test_a_signed_in_user_may_send_the_largest_file_and_no_more(reader, is_signed_in):
    asked = is_signed_in(True)
    file = b"x" * limits.MAX_FILE_BYTES
    assert len(read_body(reader, [file, b"x" * 1000])) == len(file) + 1000
    assert len(asked) == 1
    assert refusal(reader, [file, b"x" * (2**20 + 1)]) == (413, False)


# --- Time --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_brief")
def test_a_visitors_slow_body_is_refused(reader, is_signed_in):
    is_signed_in(False)
    assert refusal(reader, [b"x", MOMENT_S] * 100) == (408, True)
    assert reader.slow == {}


@pytest.mark.usefixtures("_brief")
def test_a_signed_in_user_may_be_slow_while_enough_arrives(reader, is_signed_in, monkeypatch):
    is_signed_in(True)
    monkeypatch.setattr(request_body, "SLOWEST_BYTES_PER_SECOND", 1)
    assert len(read_body(reader, [b"x" * 10, MOMENT_S] * 15)) == 150
    monkeypatch.setattr(request_body, "SLOWEST_BYTES_PER_SECOND", 10**9)
    assert refusal(reader, [b"x" * 10, MOMENT_S] * 100) == (408, False)


@pytest.mark.usefixtures("_brief")
def test_an_address_has_a_few_slow_bodies_and_others_theirs(reader, is_signed_in, monkeypatch):
    is_signed_in(False)
    monkeypatch.setattr(request_body, "MAX_SLOW_PER_ADDRESS", 2)
    slow: Pieces = [MOMENT_S * 3, b"x"]

    async def together() -> list[Any]:
        first = [read_slowly(reader, slow) for _ in range(3)]
        other = read_slowly(reader, slow, REMOTE_ADDR="192.0.2.2")
        prompt = read_slowly(reader, [b"form"])
        return await asyncio.gather(*first, other, prompt, return_exceptions=True)

    ends = [getattr(end, "status", end) for end in run_apart(together())]
    assert ends == [b"x", b"x", 429, b"x", b"form"]
    assert reader.slow == {}


def test_a_client_that_goes_away_is_no_request(reader):
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with ThreadPoolExecutor() as threads, tempfile.TemporaryFile() as into, pytest.raises(ConnectionError):
        run_apart(reader.read({"CONTENT_LENGTH": "5"}, receive, into, threads))


# --- The sender --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_behind_proxy", "forwarded", "network"),
    [
        (False, "203.0.113.9", "192.0.2.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (True, "forged", "forged"),
        (True, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_the_connections_or_the_one_that_the_proxy_wrote(
    settings, is_behind_proxy, forwarded, network
):
    settings.IS_BEHIND_PROXY = is_behind_proxy
    assert sender.network({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded}) == network


@pytest.mark.django_db
def test_a_living_session_or_token_is_signed_in_and_nothing_else(client):
    membership = make_member(make_team("Dub")).memberships.get()
    cookie = f"sessionid={signed_in(membership.user).cookies['sessionid'].value}"
    token, secret = AccessToken.objects.issue(membership, "Nightly", can_write=True)

    def is_signed_in(**environ: str) -> bool:
        return sender.is_signed_in({"REQUEST_METHOD": "POST"} | environ)

    assert is_signed_in(HTTP_COOKIE=cookie)
    assert is_signed_in(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert not is_signed_in()
    assert not is_signed_in(HTTP_COOKIE="sessionid=forged0123456789")
    assert not is_signed_in(HTTP_AUTHORIZATION="Bearer dubroom_forged", HTTP_COOKIE=cookie)
    AccessToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(days=1))
    assert not is_signed_in(HTTP_AUTHORIZATION=f"Bearer {secret}")
    membership.user.set_password("another password")
    membership.user.save()
    assert not is_signed_in(HTTP_COOKIE=cookie)


def test_without_a_database_the_page_that_says_so_is_what_answers(monkeypatch):
    def fail(secret: str) -> None:
        raise OperationalError

    monkeypatch.setattr(AccessToken.objects, "opened_by", fail)
    assert sender.is_signed_in({"HTTP_AUTHORIZATION": "Bearer dubroom_x"})


# --- The answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "is_visitor", "sentence"),
    [
        (408, True, "It took too long to send, so nothing was changed."),
        (413, True, "It is too large to send without an account, so nothing was changed. Log in,"),
        (413, False, "Go back and send it in parts of up to 5 MB."),
        (429, True, "Your network has too many uploads under way, so nothing was changed."),
    ],
)
def test_a_refused_body_is_answered_by_a_page_and_by_the_api(status, is_visitor, sentence):
    refused: dict[str, Any] = {"dubroom.refused": RefusedBodyError(status, is_visitor=is_visitor)}
    page = Client(**refused).post(reverse("account_login"))
    assert (page.status_code, sentence in text_of(page)) == (status, True)
    assert page.headers.get("Retry-After") == ("60" if status == 429 else None)
    problem = Client(**refused).post("/api/v1/t/dub/runs")
    assert (problem.status_code, problem.headers["Content-Type"]) == (status, "application/problem+json")
    assert problem.json()["detail"].endswith(".")
