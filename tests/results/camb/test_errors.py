"""The errors of failed calls: which error each failure raises, and whether it concerns the key or the runs."""

import socket
from datetime import timedelta
from typing import Any

import pytest

from demo.server import Reply, StandIn
from results.camb import CambError, Client, Malformed, Refused, Unavailable
from tests.results.camb.cases import FLAT, KEY, error_of

PROPERTIES = ("concerns_key", "is_payment_required", "is_forbidden", "blames_runs")


def true_properties(error: CambError) -> set[str]:
    return {name for name in PROPERTIES if getattr(error, name)}


@pytest.mark.parametrize(
    ("status", "kind", "properties"),
    [
        (302, Unavailable, {"blames_runs"}),
        (307, Unavailable, {"blames_runs"}),
        (400, Refused, {"blames_runs"}),
        (401, Refused, {"concerns_key"}),
        (402, Refused, {"concerns_key", "is_payment_required"}),
        (403, Refused, {"is_forbidden", "blames_runs"}),
        (404, Refused, {"blames_runs"}),
        (405, Refused, set()),
        (408, Unavailable, {"blames_runs"}),
        (409, Unavailable, {"blames_runs"}),
        (410, Refused, {"blames_runs"}),
        (415, Refused, set()),
        (422, Refused, {"blames_runs"}),
        (423, Unavailable, {"blames_runs"}),
        (425, Unavailable, {"blames_runs"}),
        (429, Unavailable, {"concerns_key"}),
        (500, Unavailable, {"blames_runs"}),
        (502, Unavailable, {"blames_runs"}),
        (503, Unavailable, {"concerns_key", "blames_runs"}),
        (599, Unavailable, {"blames_runs"}),
    ],
)
def test_status_code_alone_decides_the_error_and_what_it_concerns(
    stand_in: StandIn, client: Client, status: int, kind: type, properties: set[str]
) -> None:
    for body in (FLAT, b"", b"<html>", b"\x1f\x8b", {"detail": [None, {"msg": 5}]}):
        stand_in.script(Reply(status, body))
        error = error_of(client)
        assert (type(error), error.http_status, error.retry_after) == (kind, status, None)
        assert true_properties(error) == properties


@pytest.mark.parametrize(
    ("error", "properties"),
    [
        (Unavailable("No answer."), {"blames_runs"}),
        (Unavailable("Too large.", http_status=200), {"blames_runs"}),
        (Malformed("No JSON.", http_status=200), {"blames_runs"}),
        (Refused("The key cannot be sent."), {"concerns_key"}),
    ],
)
def test_only_a_key_that_cannot_be_sent_concerns_the_key_without_a_refusal_by_camb(
    error: CambError, properties: set[str]
) -> None:
    assert true_properties(error) == properties


def test_named_wait_is_the_retry_after_and_none_without_one() -> None:
    assert Unavailable("Later.", http_status=503, retry_after=7).named_wait == timedelta(seconds=7)
    assert Unavailable("Now.", http_status=429, retry_after=0).named_wait == timedelta(0)
    assert Unavailable("Later.", http_status=503).named_wait is None


@pytest.mark.parametrize(
    ("body", "quote"),
    [
        ({"error": "No\n such thing", "status": 422}, " CAMB.AI says: “No such thing”"),
        ({"detail": "No such thing"}, " CAMB.AI says: “No such thing”"),
        ({"detail": [{"loc": ["body"], "msg": "too short"}, {"msg": "not unique"}]},
         " CAMB.AI says: “too short; not unique”"),
        ({"detail": f"x-api-key: {KEY} is unknown"}, " CAMB.AI says: “x-api-key: [key hidden] is unknown”"),
        (b"upstream\x01 fell\tover", " CAMB.AI says: “upstream fell over”"),
        (b"a" * 1000, f" CAMB.AI says: “{'a' * 200}”"),
        (("b" * 190 + KEY).encode(), f" CAMB.AI says: “{'b' * 190}[key hidde”"),
        ({"detail": "<b>No</b>"}, ""),
        (b"<html><body>Bad gateway</body></html>", ""),
        (b"\xff\xfe\x80", ""),
        (b"nul\x00", ""),
        ({"detail": {"a": 1}}, ""),
    ],
)  # fmt: skip
def test_message_of_an_error_is_quoted_as_plain_text(
    stand_in: StandIn, client: Client, body: object, quote: str
) -> None:
    stand_in.script(Reply(422, body))
    sentence = "CAMB.AI did not accept the ids. Check that each is the id of a dubbing run (HTTP 422)."
    assert str(error_of(client)) == sentence + quote


CODED = [
    lambda code: {"error": f"No {KEY}", "status": code},
    lambda code: {"error": {"message": f"No {KEY}", "code": str(code)}, "data": None},
    lambda code: {"status": "error", "statusCode": float(code), "detail": f"No {KEY}", "results": {}},
]


@pytest.mark.parametrize("code", [401, 402, 403, 404, 422, 429, 500, 503])
def test_a_code_in_the_body_of_a_200_is_the_error_of_that_code(
    stand_in: StandIn, client: Client, code: int
) -> None:
    stand_in.script(Reply(code))
    with pytest.raises(CambError) as by_status:
        client.fetch([1])
    for body in CODED if code < 500 else CODED[:2]:
        for call in (
            lambda: client.fetch([1, 2]),
            lambda: client.fetch([1]),
            lambda: client.fetch_task("a-1"),
            client.fetch_languages,
        ):
            stand_in.script(Reply(200, body(code)))
            with pytest.raises(type(by_status.value)) as caught:
                call()
            assert (caught.value.http_status, KEY in str(caught.value)) == (code, False)
            assert str(caught.value) == f"{by_status.value} CAMB.AI says: “No [key hidden]”"


def test_a_code_in_a_200_concerns_the_call_only_where_it_names_no_result_and_no_reason(
    stand_in: StandIn, client: Client
) -> None:
    refused = {"error": "Invalid API key", "status": 401}
    unknown = {"error": "Run not found", "status": 404}
    ended = {"status": 500, "exception_reason": "SOURCE_TOO_LONG"}
    body: Any
    for body in (
        {"1": FLAT, "2": unknown, "status": 401},
        {"1": unknown, "2": unknown},
        {"1": refused, "2": {}},
        {"1": ended, "2": FLAT | {"status": 401}},
        {"status": "200", "message": "401 lines"},
    ):
        stand_in.script(Reply(200, body))
        assert list(client.fetch([1, 2])) == [1, 2]
    for body in (FLAT | {"status": 401}, ended, {"status": 4010}, {"status": "ERROR", "code": 500}):
        stand_in.script(Reply(200, body))
        assert client.fetch([1])[1].run_id == 1
    for body in ({"1": refused, "2": refused}, {"2": {"status": 429}}, {"status": "PAYMENT_REQUIRED"}):
        stand_in.script(Reply(200, body))
        assert error_of(client).concerns_key


def test_error_keeps_its_status_code_when_its_body_breaks_off(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(404, b"x" * 100, truncate_at=5), Reply(500, b"x" * 100, truncate_at=5, reset=True))
    assert error_of(client).http_status == 404
    assert error_of(client).http_status == 500


def test_error_carries_the_retry_after_header(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(429, {}, {"Retry-After": "120"}), Reply(503, b"", {"Retry-After": "7"}))
    assert [error_of(client).retry_after, error_of(client).retry_after] == [120, 7]


def test_redirect_is_unavailable_and_not_followed(stand_in: StandIn, client: Client) -> None:
    with StandIn(keys=[KEY]) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            stand_in.script(Reply(status, b"", {"Location": f"{elsewhere.base_url}/dubbing-results"}))
            assert type(error_of(client)) is Unavailable
        assert elsewhere.calls == []


def test_a_redirect_to_no_address_is_told_as_a_redirect(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(None, b"HTTP/1.1 302 Found\r\nLocation: http://[::\r\nContent-Length: 0\r\n\r\n"))
    error = error_of(client)
    assert (type(error), error.http_status, error.setting) == (Unavailable, 302, "CAMB_BASE_URL")


def test_not_modified_is_unavailable_and_no_redirect(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(304, b""))
    error = error_of(client)
    assert (type(error), error.http_status, error.setting) == (Unavailable, 304, "")
    assert "redirect" not in str(error)


def test_answers_before_the_answer_are_passed_over(stand_in: StandIn, client: Client) -> None:
    body = b'{"1": {}, "2": {}}'
    before = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 3
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    stand_in.script(Reply(None, before + head + body), Reply(None, before))
    assert client.fetch([1, 2]).keys() == {1, 2}
    assert type(error_of(client)) is Unavailable


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, b"<html>Sorry</html>", {"Content-Type": "text/html"}), Malformed),
        (Reply(200, b""), Malformed),
        (Reply(204, b"", {"Content-Length": None}), Malformed),
        (Reply(200, b'{"1": {}}', truncate_at=5), Unavailable),
        (Reply(200, b'{"1": {}}', truncate_at=5, reset=True), Unavailable),
        (Reply(None, b"", reset=True), Unavailable),
        (Reply(None, b"what is HTTP?\r\n\r\n"), Unavailable),
        (Reply(200, b"no gzip", {"Content-Encoding": "gzip"}), Unavailable),
        (Reply(None, b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n"), Unavailable),
    ],
)
def test_broken_answer_raises_one_of_the_three_errors(
    stand_in: StandIn, client: Client, reply: Reply, kind: type
) -> None:
    stand_in.script(reply)
    assert type(error_of(client)) is kind
    assert client.fetch([1, 2]).keys() == {1, 2}


def test_unreachable_server_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = error_of(Client(f"http://127.0.0.1:{port}/apis", KEY))
    assert (type(error), error.http_status) == (Unavailable, None)

    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    error = error_of(Client("http://camb.example/apis", KEY))
    assert str(error) == "CAMB.AI's server at camb.example could not be reached. Dubroom tries again later."
    assert error.setting == "CAMB_BASE_URL"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    ],
)
def test_an_answer_that_is_no_http_is_unavailable(stand_in: StandIn, client: Client, head: bytes) -> None:
    stand_in.script(Reply(None, head))
    error = error_of(client)
    assert (type(error), str(error)) == (
        Unavailable,
        "The answer of CAMB.AI's server at 127.0.0.1 was incomplete. Dubroom tries again later.",
    )


def test_an_error_keeps_its_status_when_its_body_is_no_http(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(None, b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}"))
    assert error_of(client).http_status == 401


@pytest.mark.parametrize(
    "base_url", ["", "camb.example", "ftp://camb.example", "http://", "http://[::1", "http://a..b"]
)
def test_error_says_that_the_base_url_is_unusable_and_keeps_the_settings_name_for_the_log(base_url: str) -> None:
    error = error_of(Client(base_url, KEY))
    assert str(error) == (
        "This server has no usable address for CAMB.AI. Ask the administrator of this server to check its settings."
    )
    assert error.setting == "CAMB_BASE_URL"


@pytest.mark.parametrize("key", ["", " ", "two words", "line\nbreak", "schlüssel", "\u2028", "nul\x00"])
def test_key_that_no_header_can_carry_is_refused_without_a_call(stand_in: StandIn, key: str) -> None:
    with pytest.raises(Refused) as caught:
        Client(stand_in.base_url, key).fetch([1, 2])
    assert true_properties(caught.value) == {"concerns_key"}
    assert (
        str(caught.value) == "This key contains characters that a key cannot have. Paste it again under Team, Key."
    )
    assert stand_in.calls == []
