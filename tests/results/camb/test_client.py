"""The client's calls over real HTTP: what is sent, how much is read, and how long a call may take."""

import gzip
import json
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from demo.server import ABSENT, Reply, StandIn
from results.camb import Client, DubAnswer, LanguageAnswer, Malformed, RunAnswer, TaskAnswer, Unavailable
from results.camb.bulk import MAX_RUN_ID
from results.camb.client import _retry_after
from tests.results.camb.cases import CUES, FLAT, FLAT_DUB, KEY, MP3, MP4, error_of, line, make_client

# Requests and answers


def test_two_to_five_runs_are_one_bulk_call(stand_in: StandIn, client: Client) -> None:
    for run_ids in ([1, 2], [7, 6, 5, 4, 3]):
        answers = client.fetch(run_ids)
        assert {run_id: answer.dubs[0].audio_url for run_id, answer in answers.items()} == {
            run_id: f"https://cdn.example/{run_id}.mp3" for run_id in run_ids
        }
    assert [(call.method, call.path, call.key) for call in stand_in.calls] == [
        ("POST", "/apis/dubbing-results", KEY)
    ] * 2
    assert [json.loads(call.body) for call in stand_in.calls] == [{"run_ids": [1, 2]}, {"run_ids": [7, 6, 5, 4, 3]}]


def test_one_run_is_fetched_by_the_single_call(stand_in: StandIn, client: Client) -> None:
    stand_in.runs = {MAX_RUN_ID: FLAT}
    assert client.fetch([MAX_RUN_ID])[MAX_RUN_ID].dubs == (FLAT_DUB,)
    assert [(call.method, call.path) for call in stand_in.calls] == [("GET", f"/apis/dub-result/{MAX_RUN_ID}")]


@pytest.mark.parametrize("run_ids", [[], [1, 2, 3, 4, 5, 6], [1, 1], [0], [-1, 2], [2**63, 1]])
def test_invalid_run_ids_raise_without_a_call(stand_in: StandIn, client: Client, run_ids: list[int]) -> None:
    with pytest.raises(ValueError, match="run"):
        client.fetch(run_ids)
    assert stand_in.calls == []


def test_malformed_run_does_not_spoil_the_others_of_its_batch(stand_in: StandIn, client: Client) -> None:
    stand_in.runs = {1: FLAT, 2: ABSENT, 3: ["unforeseen"], 4: {"es-es": FLAT}, 5: {"status": "ERROR"}}
    answers = client.fetch([1, 2, 3, 4, 5])
    assert answers[1].dubs == (FLAT_DUB,)
    assert answers[2] == RunAnswer(2, (), "", (), b"null", is_absent=True)
    assert answers[3].is_empty
    assert answers[4].dubs == (DubAnswer("es-es", MP4, MP3, CUES),)
    assert answers[5].failure == "ERROR"


def test_runs_that_were_not_requested_are_ignored(stand_in: StandIn, client: Client) -> None:
    stand_in.script(Reply(200, {"1": FLAT, "3": FLAT, "02": FLAT}))
    answers = client.fetch([1, 2])
    assert list(answers) == [1, 2]
    assert answers[2].is_empty


def test_bulk_answer_may_be_a_list_of_results_that_name_their_runs(stand_in: StandIn, client: Client) -> None:
    spanish, french = ({"run_id": 2, "language": tag} | FLAT for tag in ("es-es", "fr-fr"))
    stand_in.script(Reply(200, [{"run_id": "1"} | FLAT, spanish, {"runId": 9} | FLAT, french]))
    answers = client.fetch([1, 2, 3])
    assert list(answers) == [1, 2, 3]
    assert [len(answer.dubs) for answer in answers.values()] == [1, 2, 0]
    assert answers[3].is_absent


def test_a_list_in_a_wrapper_is_read_as_one_without(stand_in: StandIn, client: Client) -> None:
    spanish, french = ({"run_id": 2, "language": tag} | FLAT for tag in ("es-es", "fr-fr"))
    stand_in.script(Reply(200, {"data": [{"runId": 1.0} | FLAT, spanish, french, {"run_id": None}, 5]}))
    answers = client.fetch([1, 2, 3])
    assert [[dub.language for dub in answer.dubs] for answer in answers.values()] == [[""], ["es-es", "fr-fr"], []]
    assert answers[3].is_absent


@pytest.mark.parametrize("body", [[], "x", 5, None, [FLAT], [5]])
def test_bulk_answer_that_is_no_object_is_malformed(stand_in: StandIn, client: Client, body: Any) -> None:
    stand_in.script(Reply(200, body))
    with pytest.raises(Malformed):
        client.fetch([1, 2])


@pytest.mark.parametrize("body", [{}, {"message": "hm"}, {"9": {}}])
def test_bulk_answer_that_names_none_of_the_runs_leaves_each_absent(
    stand_in: StandIn, client: Client, body: Any
) -> None:
    stand_in.script(Reply(200, body))
    assert [(answer.is_absent, answer.is_empty) for answer in client.fetch([1, 2]).values()] == [(True, True)] * 2


def test_answer_about_one_run_may_be_empty_but_not_a_list(stand_in: StandIn, client: Client) -> None:
    bodies: list[Any] = [None, {}, "PENDING"]
    for body in bodies:
        stand_in.script(Reply(200, body))
        assert client.fetch([1])[1].is_empty
    stand_in.script(Reply(200, []))
    with pytest.raises(Malformed):
        client.fetch([1])


@pytest.mark.parametrize(
    ("body", "task"),
    [
        ({"status": "success", "run_id": 1344}, TaskAnswer("SUCCESS", 1344, "", "")),
        ({"status": "PENDING", "run_id": None, "exception_reason": "NONE"}, TaskAnswer("PENDING", None, "", "")),
        (
            {"status": "ERROR", "exception_reason": "source_not_found", "message": {"code": 4}},
            TaskAnswer("ERROR", None, "SOURCE_NOT_FOUND", '{"code": 4}'),
        ),
        ({"run_id": "1344", "message": f"key {KEY}"}, TaskAnswer("", 1344, "", "key [key hidden]")),
        ({"status": 5, "run_id": 2**63}, TaskAnswer("5", None, "", "")),
        ({"run_id": True}, TaskAnswer("", None, "", "")),
        ({"run_id": 1344.0}, TaskAnswer("", 1344, "", "")),
        ({"run_id": 1344.5}, TaskAnswer("", None, "", "")),
        # Between floats of this size lie several ids, so which run is meant would be a guess.
        ({"run_id": 2.0**60}, TaskAnswer("", None, "", "")),
    ],
)
def test_task_answer_names_the_state_and_the_run(
    stand_in: StandIn, client: Client, body: object, task: TaskAnswer
) -> None:
    stand_in.tasks["a-1_B"] = body
    assert client.fetch_task("a-1_B") == task


@pytest.mark.parametrize("task_id", ["", "..", "a/b", "a?b", "é", "a" * 201, "a\n"])
def test_malformed_task_id_raises_without_a_call(stand_in: StandIn, client: Client, task_id: str) -> None:
    with pytest.raises(ValueError, match="task id"):
        client.fetch_task(task_id)
    assert stand_in.calls == []


def test_languages_of_both_lists_are_merged(stand_in: StandIn, client: Client) -> None:
    english = {"id": 1, "language": "English", "short_name": "en-us"}
    malformed: list[Any] = [None, 5, {"id": "x"}, {"id": 2**31}]
    stand_in.script(
        Reply(200, [english, *malformed]),
        Reply(200, [{"id": 54, "language": "Español", "short_name": "es-es"}, english | {"language": "Other"}]),
    )
    assert client.fetch_languages() == [
        LanguageAnswer(1, "English", "en-us"),
        LanguageAnswer(54, "Español", "es-es"),
    ]


# Retry-After


def test_retry_after_is_parsed_in_both_forms_and_capped() -> None:
    now = datetime.now(UTC)
    seconds = {
        "1": 1,
        " 120 ": 120,
        "0": 0,
        "1000000000": 900,
        "9" * 5_000: 900,
        format_datetime(now - timedelta(hours=1), usegmt=True): 0,
        format_datetime(now + timedelta(hours=1), usegmt=True): 900,
        format_datetime((now + timedelta(hours=1)).replace(tzinfo=None)): 900,
        "": None,
        "-5": None,
        "1.5": None,
        "soon": None,
        "Mon, 99 Foo 2026 00:00:00 GMT": None,
    }
    assert {header: _retry_after(header) for header in seconds} == seconds
    assert _retry_after(None) is None
    in_a_minute = _retry_after(format_datetime(now + timedelta(seconds=60), usegmt=True))
    assert in_a_minute is not None
    assert 50 <= in_a_minute <= 60


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"\A\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ .{0,6}\Z"))
def test_any_retry_after_header_gives_seconds_or_none(header: str) -> None:
    assert _retry_after(header) in (None, *range(901))


# Limits of size and time


def test_json_is_read_under_any_content_type(stand_in: StandIn, client: Client) -> None:
    body = json.dumps({"1": FLAT, "2": None}).encode()
    stand_in.script(
        Reply(200, body, {"Content-Type": "text/plain; charset=latin-1"}),
        Reply(200, b"\xef\xbb\xbf" + body, {"Content-Type": None}),
        Reply(200, gzip.compress(body), {"Content-Encoding": "gzip"}),
        Reply(200, iter([body[:7], body[7:]])),
    )
    assert [client.fetch([1, 2])[1].dubs for _ in range(4)] == [(FLAT_DUB,)] * 4


@pytest.mark.parametrize("packing", ["plain", "gzip"])
def test_oversized_answer_is_cut_off_without_filling_memory(stand_in: StandIn, packing: str) -> None:
    zeros = b"0" * 2**20
    pieces: Iterator[bytes] = repeat(zeros)  # endless
    if packing == "gzip":
        pieces = iter([gzip.compress(zeros * 64)])
    stand_in.script(Reply(200, pieces, {"Content-Encoding": "gzip"} if packing == "gzip" else {}))
    with make_client(stand_in, max_bytes=2**20) as client:
        tracemalloc.start()
        try:
            error = error_of(client)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert str(error) == "CAMB.AI's answer is larger than 1 MB and was not read. Dubroom tries again later."
    assert peak < 8 * 2**20


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b" " * 1000, drip=0.1),
        Reply(500, b" " * 1000, drip=0.1),
        Reply(200, iter([b" "] * 1000), drip=0.1),
        Reply(None, HEAD + b"x: y\r\n" * 80, drip=0.1),
        Reply(None, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 1000, drip=0.1),
        Reply(200, delay=60),
        Reply(200, iter([b"{", b""]), drip=60),
    ],
    ids=["body", "error", "chunks", "headers", "chunk size", "silence", "stall"],
)
def test_slow_answer_is_cut_at_the_deadline(stand_in: StandIn, reply: Reply) -> None:
    stand_in.script(reply)
    with make_client(stand_in, read_seconds=30, total_seconds=0.3) as client:
        started = monotonic()
        error = error_of(client)
        assert monotonic() - started < 30  # without the deadline each would take at least a minute
    assert type(error) is Unavailable
    if error.http_status is None:
        assert str(error) == "CAMB.AI's server at 127.0.0.1 did not answer in time. Dubroom tries again later."


def test_silent_server_is_given_up_after_the_read_timeout(stand_in: StandIn) -> None:
    stand_in.script(Reply(200, delay=60))
    with make_client(stand_in, read_seconds=0.2) as client:
        started = monotonic()
        assert "did not answer in time" in str(error_of(client))
        assert monotonic() - started < 30


def test_slow_answer_does_not_shorten_the_deadline_of_the_next(stand_in: StandIn) -> None:
    stand_in.script(Reply(200, b"x" * 1000, drip=0.1))
    stand_in.runs[1] = FLAT
    with make_client(stand_in, total_seconds=0.3) as client:
        assert type(error_of(client, 1)) is Unavailable
        client._total_seconds = 60
        assert client.fetch([1])[1].dubs == (FLAT_DUB,)


# The key, the proxy and the certificate


def test_echoed_key_is_masked(stand_in: StandIn, client: Client) -> None:
    escaped = json.dumps(KEY).replace("/", "\\/").replace("s", "\\u0073")
    first = f'{{"video_url": "https://cdn.example/{KEY}", "audio_url": "{MP3}", {escaped}: {escaped}}}'
    body = f'{{"1": {first}, "2": {escaped}}}'
    stand_in.script(Reply(200, body.encode()))
    answers = client.fetch([1, 2])
    assert KEY not in repr(answers)
    assert answers[1].dubs == (DubAnswer("", "", MP3, ()),)
    assert json.loads(answers[1].raw)["[key hidden]"] == "[key hidden]"
    assert answers[2].notes == ("CAMB.AI says only “[key hidden]”.",)


def test_short_key_is_not_masked_in_a_transcript(stand_in: StandIn) -> None:
    stand_in.keys.add("demo")
    stand_in.runs[1] = {"transcript": [line(text="A demo for democrats")]}
    with Client(stand_in.base_url, "demo") as client:
        assert client.fetch([1])[1].dubs[0].cues[0].text == "A demo for democrats"


def test_proxy_gets_no_netrc_password_and_is_not_used_for_this_machine(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{stand_in.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    stand_in.rule = lambda call: Reply(200, FLAT)
    for base_url in ("http://camb.example/apis", stand_in.base_url):
        with Client(base_url, KEY) as client:
            assert client.fetch([1])[1].dubs == (FLAT_DUB,)
    assert [call.path for call in stand_in.calls] == ["http://camb.example/apis/dub-result/1", "/apis/dub-result/1"]
    assert [call.headers["Authorization"] for call in stand_in.calls] == [None, None]


def test_untrusted_certificate_is_rejected_before_the_key_is_sent(tmp_path: Path) -> None:
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = make_tls(tmp_path).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        error = error_of(Client(f"https://127.0.0.1:{server.server_port}/apis", KEY))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert type(error) is Unavailable
    assert str(error) == (
        "CAMB.AI's server at 127.0.0.1 has no certificate that can be trusted. Dubroom tries again later."
    )
    assert received == []


def make_tls(folder: Path) -> ssl.SSLContext:
    """Return a server's TLS context with a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    both = folder / "both.pem"
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context
