"""Tests that the stand-in keeps CAMB.AI's contract, and can break the contract in every way that a test needs."""

import json
import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from camb.client import CambAI
from camb.core.api_error import ApiError

from benchmarks.upstream import tally
from demo.server import ABSENT, Call, Reply, StandIn

JSON = "application/json"
KEY = {"x-api-key": "demo-key"}


@pytest.fixture
def camb(stand_in: StandIn) -> StandIn:
    """The stand-in with seven ready runs, 1 to 7, instead of those of the demo."""
    stand_in.runs = {n: {"audio_url": f"https://example.com/{n}.mp3", "transcript": []} for n in range(1, 8)}
    return stand_in


@pytest.fixture
def client(camb: StandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=camb.base_url, headers=KEY, timeout=60) as client:
        yield client


@pytest.fixture
def sdk(camb: StandIn) -> CambAI:
    return CambAI(api_key="demo-key", base_url=camb.base_url, timeout=60)


def ask(client: httpx.Client, *run_ids: object) -> httpx.Response:
    return client.post("/dubbing-results", json={"run_ids": run_ids})


# The official SDK


def test_sdk_reads_results_in_bulk(sdk: CambAI, camb: StandIn):
    camb.runs[2] = {"es-es": {"audio_url": "https://example.com/es.mp3", "transcript": []}}

    results = sdk.dub.get_dubbed_runs_results(run_ids=[1, 2])

    assert results["1"].audio_url == "https://example.com/1.mp3"
    assert results["2"]["es-es"].audio_url == "https://example.com/es.mp3"
    assert [call.run_ids for call in camb.calls] == [[1, 2]]


def test_sdk_reads_one_run(sdk: CambAI):
    assert sdk.dub.get_dubbed_run_info(3).audio_url == "https://example.com/3.mp3"


def test_sdk_follows_a_task(sdk: CambAI, camb: StandIn):
    camb.tasks["8f14-e45f"] = {"status": "SUCCESS", "run_id": 3}

    task = sdk.dub.get_dubbing_status("8f14-e45f")

    assert (task.status, task.run_id) == ("SUCCESS", 3)


def test_sdk_lists_languages(sdk: CambAI):
    languages = {language.id: language.short_name for language in sdk.languages.get_target_languages()}

    assert {n: languages[n] for n in (1, 54, 76, 31, 88, 81, 111, 139)} == {
        1: "en-us", 54: "es-es", 76: "fr-fr", 31: "de-de", 88: "ja-jp", 81: "hi-in", 111: "pt-br", 139: "zh-cn"
    }  # fmt: skip
    assert languages == {language.id: language.short_name for language in sdk.languages.get_source_languages()}


def test_benchmarks_count_lists_of_languages_apart_from_the_calls_of_a_sweep(client, camb: StandIn):
    for path in ("/source-languages", "/target-languages", "/dub-result/1"):
        client.get(path)
    client.post("/dubbing-results", json={"run_ids": [1, 2]})
    counted = tally(camb)
    assert (counted["bulk"], counted["single"], counted["lists"]) == (1, 1, 2)


def test_sdk_reports_a_wrong_key(camb: StandIn):
    with pytest.raises(ApiError) as caught:
        CambAI(api_key="wrong", base_url=camb.base_url).dub.get_dubbed_run_info(1)

    assert (caught.value.status_code, caught.value.body) == (401, {"error": "Invalid API key", "status": 401})


# Refused requests


@pytest.mark.parametrize(
    ("run_ids", "kind", "loc", "msg"),
    [
        ([1], "too_short", [], "List should have at least 2 items after validation, not 1"),
        ([], "too_short", [], "List should have at least 2 items after validation, not 0"),
        ([1, 2, 3, 4, 5, 6], "too_long", [], "List should have at most 5 items after validation, not 6"),
        ([1, 0], "greater_than", [1], "Input should be greater than 0"),
        ([-1, 2], "greater_than", [0], "Input should be greater than 0"),
        ([1, None], "int_type", [1], "Input should be a valid integer"),
        ([1, True], "int_type", [1], "Input should be a valid integer"),
        ([1, -2.0], "greater_than", [1], "Input should be greater than 0"),
        ([1, 1.0], "value_error", [], "Value error, run_ids must be unique"),
        ([1, 2.5], "int_from_float", [1], "Input should be a valid integer, got a number with a fractional part"),
        (
            [1, "2"],
            "int_parsing",
            [1],
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        ([1, 1], "value_error", [], "Value error, run_ids must be unique"),
        ("1,2", "list_type", [], "Input should be a valid list"),
    ],
)
def test_run_ids_outside_the_schema_are_422(client, run_ids, kind, loc, msg):
    response = client.post("/dubbing-results", json={"run_ids": run_ids})

    assert response.status_code == 422
    (error,) = response.json()["detail"]
    ctx = error.pop("ctx", {})
    given = run_ids[loc[0]] if loc else run_ids
    assert error == {"type": kind, "loc": ["body", "run_ids", *loc], "msg": msg, "input": given}
    assert ctx == {
        "too_short": {"field_type": "List", "min_length": 2, "actual_length": len(run_ids)},
        "too_long": {"field_type": "List", "max_length": 5, "actual_length": len(run_ids)},
        "greater_than": {"gt": 0},
        "value_error": {"error": {}},
    }.get(kind, {})


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 422, [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]),
        (b"{}", 422, [{"type": "missing", "loc": ["body", "run_ids"], "msg": "Field required", "input": {}}]),
        (
            b"[1,2]",
            422,
            [
                {
                    "type": "model_attributes_type",
                    "loc": ["body"],
                    "msg": "Input should be a valid dictionary or object to extract fields from",
                    "input": [1, 2],
                }
            ],
        ),
        (
            b'{"run_ids": [1,}',
            422,
            [
                {
                    "type": "json_invalid",
                    "loc": ["body", 15],
                    "msg": "JSON decode error",
                    "input": {},
                    "ctx": {"error": "Expecting value"},
                }
            ],
        ),
        (b'{"run_ids": [1, NaN]}', 400, "There was an error parsing the body"),
        (b'{"run_ids": [1, 1e999]}', 400, "There was an error parsing the body"),
        (b'{"run_ids": [1, ' + b"9" * 5000 + b"]}", 400, "There was an error parsing the body"),
        (b"[" * 100_000, 400, "There was an error parsing the body"),
        (b'"\xff"', 400, "There was an error parsing the body"),
    ],
)
def test_malformed_bodies_are_refused(client, body, status, detail):
    response = client.post("/dubbing-results", content=body, headers={"content-type": JSON})

    assert (response.status_code, response.json()) == (status, {"detail": detail})


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}])
def test_a_missing_or_wrong_key_is_401(camb, headers):
    response = httpx.post(f"{camb.base_url}/dubbing-results", json={"run_ids": [1, 2]}, headers=headers)

    assert (response.status_code, response.json()) == (401, {"error": "Invalid API key", "status": 401})


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/dubbing-results", 405, "POST"),
        ("DELETE", "/dub-result/1", 405, "GET"),
        ("BREW", "/source-languages", 405, "GET"),
        ("POST", "/dubbing-results/1", 404, None),
        ("GET", "/dub-result", 404, None),
        ("GET", "/nothing", 404, None),
        ("GET", "/dub-result/99", 404, None),
        ("GET", "/dub/no-such-task", 404, None),
        ("GET", "/dub-result/one", 422, None),
    ],
)
def test_wrong_paths_and_methods_are_refused_as_json(client, method, path, status, allow):
    response = client.request(method, path)

    assert (response.status_code, response.headers.get("allow")) == (status, allow)
    assert list(response.json()) == ["detail"]


def test_a_connection_serves_many_calls(camb: StandIn):
    with socket.create_connection((camb.host, camb.port)) as wire:
        request = b"POST /apis/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        wire.sendall(request * 2)
        received = b""
        while received.count(b"HTTP/1.1 404 Not Found") < 2:
            received += wire.recv(4096) or pytest.fail("the connection was closed")


# Runs


def test_results_are_keyed_by_the_requested_ids(client):
    response = client.post("/dubbing-results", content=b'{"run_ids": [3, 1.0]}', headers={"content-type": JSON})

    assert response.json() == {
        "3": {"audio_url": "https://example.com/3.mp3", "transcript": []},
        "1": {"audio_url": "https://example.com/1.mp3", "transcript": []},
    }


def test_calls_record_the_requested_ids_even_if_invalid(client, camb):
    ask(client, 1, "x")
    client.post("/dubbing-results", content=b"[")
    client.get("/dub-result/7")
    client.get("/source-languages", headers={"x-api-key": "other"})

    assert [(call.method, call.path, call.key, call.run_ids, call.status) for call in camb.calls] == [
        ("POST", "/apis/dubbing-results", "demo-key", [1, "x"], 422),
        ("POST", "/apis/dubbing-results", "demo-key", None, 422),
        ("GET", "/apis/dub-result/7", "demo-key", [7], 200),
        ("GET", "/apis/source-languages", "other", None, 401),
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: x", 400),
        ("Content-Length: 1000001", 413),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_a_body_of_unknown_or_excessive_length_is_refused(camb, headers, status):
    with socket.create_connection((camb.host, camb.port)) as wire:
        wire.sendall(f"POST /apis/dubbing-results HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
        head, _, body = wire.makefile("rb").read().partition(b"\r\n\r\n")

    assert head.split()[1] == str(status).encode()
    assert list(json.loads(body)) == ["detail"]


def test_an_unknown_run_fails_its_whole_batch(client, camb):
    assert ask(client, 1, 99).status_code == 404

    camb.unknown = ABSENT
    assert list(ask(client, 1, 99).json()) == ["1"]


def test_a_run_may_be_a_callable_or_a_reply(client, camb):
    states = iter([None, {"status": "ERROR"}])
    camb.runs[1] = lambda sign: next(states)
    camb.runs[2] = Reply(403, {"detail": "Forbidden"})

    assert ask(client, 1, 3).json()["1"] is None
    assert ask(client, 1, 3).json()["1"] == {"status": "ERROR"}
    assert ask(client, 3, 2).status_code == 403


# Media


@pytest.fixture
def clip(camb: StandIn, client: httpx.Client, monkeypatch, tmp_path) -> str:
    monkeypatch.setattr("demo.server.MEDIA_DIR", tmp_path)
    (tmp_path / "clip.mp4").write_bytes(bytes(range(100)))
    camb.runs[1] = lambda sign: {"audio_url": sign("clip.mp4"), "transcript": []}
    return str(ask(client, 1, 2).json()["1"]["audio_url"])


def test_media_links_have_the_host_of_the_request_and_an_expiry(clip, camb, clock):
    url = urlsplit(clip)

    assert (url.netloc, url.path) == (f"127.0.0.1:{camb.port}", "/media/clip.mp4")
    assert parse_qs(url.query)["Expires"] == [str(int(clock.now) + 3600)]


def test_media_is_served_whole_with_its_type(clip):
    response = httpx.get(clip)

    assert (response.status_code, response.content) == (200, bytes(range(100)))
    assert response.headers == {
        "content-type": "video/mp4",
        "content-length": "100",
        "accept-ranges": "bytes",
        "access-control-allow-origin": "*",
    }
    head = httpx.head(clip)
    assert (head.status_code, head.content, head.headers) == (200, b"", response.headers)


@pytest.mark.parametrize(
    ("wanted", "status", "first", "last", "content_range"),
    [
        ("bytes=0-9", 206, 0, 9, "bytes 0-9/100"),
        ("bytes=90-", 206, 90, 99, "bytes 90-99/100"),
        ("bytes=90-500", 206, 90, 99, "bytes 90-99/100"),
        ("bytes=-5", 206, 95, 99, "bytes 95-99/100"),
        ("bytes=-500", 206, 0, 99, "bytes 0-99/100"),
        ("bytes=9-0", 200, 0, 99, None),
        ("bytes=0-1,5-6", 200, 0, 99, None),
        ("bytes=-", 200, 0, 99, None),
        ("lines=0-1", 200, 0, 99, None),
    ],
)
def test_one_range_of_media_is_served_and_other_range_headers_are_ignored(
    clip, wanted, status, first, last, content_range
):
    response = httpx.get(clip, headers={"range": wanted})

    assert (response.status_code, response.headers.get("content-range")) == (status, content_range)
    assert response.content == bytes(range(first, last + 1))


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(clip, wanted):
    response = httpx.get(clip, headers={"range": wanted})

    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */100")


def test_media_links_expire(clip, clock):
    clock.now += 3599
    assert httpx.get(clip).status_code == 200
    clock.now += 1
    assert httpx.get(clip).status_code == 403


def test_altered_or_unsigned_media_links_are_403(clip):
    assert httpx.get(clip.replace("Expires=1", "Expires=2")).status_code == 403
    assert httpx.get(clip.replace("Signature=", "Signature=0")).status_code == 403
    assert httpx.get(clip.split("?")[0]).status_code == 403


def test_only_media_is_served(camb, clip):
    root = f"http://127.0.0.1:{camb.port}"

    assert httpx.get(clip.replace("clip", "none")).status_code == 404
    assert httpx.get(f"{root}/media/..%2fserver.py").status_code == 404
    assert httpx.get(f"{root}/media/").status_code == 404
    assert httpx.get(f"{root}/media/{'long' * 1000}.mp4").status_code == 404
    assert httpx.get(root).status_code == 404
    assert httpx.post(clip).status_code == 405


# Injected faults


def test_scripted_replies_are_sent_once_each_before_the_usual_answers(client, camb):
    camb.script(
        Reply(200, b"<h1>Gateway</h1>", {"Content-Type": "text/html"}), None, Reply(429, {}, {"Retry-After": "7"})
    )

    answers = [ask(client, 1, 2) for _ in range(4)]

    assert [(a.status_code, a.headers["content-type"]) for a in answers] == [
        (200, "text/html"),
        (200, "application/json"),
        (429, "application/json"),
        (200, "application/json"),
    ]
    assert answers[2].headers["retry-after"] == "7"
    assert [call.status for call in camb.calls] == [200, 200, 429, 200]


def test_a_rule_may_answer_the_calls_of_one_key(client, camb):
    camb.keys = {"demo-key", "other"}
    camb.rule = lambda call: Reply(402) if call.key == "other" else None

    assert ask(client, 1, 2).status_code == 200
    assert client.get("/dub-result/1", headers={"x-api-key": "other"}).status_code == 402


def test_raw_bodies_are_sent_as_they_are(client, camb):
    raw = b'{"1": {"text": "\\u0000\\ud800", "start": NaN}}'
    camb.script(Reply(200, raw))

    assert ask(client, 1, 2).content == raw


def test_a_truncated_answer_promises_more_than_it_sends(client, camb):
    camb.script(Reply(200, b"0123456789", truncate_at=4))

    with pytest.raises(httpx.RemoteProtocolError, match="received 4 bytes, expected 10"):
        ask(client, 1, 2)
    assert ask(client, 1, 2).status_code == 200


def test_a_reset_answer_breaks_off(client, camb):
    camb.script(Reply(200, b"0123456789", truncate_at=4, reset=True))

    with pytest.raises(httpx.ReadError):
        ask(client, 1, 2)


def test_a_connection_may_be_closed_without_a_status_line(client, camb):
    camb.script(Reply(None), Reply(None, b"SSH-2.0-OpenSSH\r\n\r\n"))

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(client, 1, 2)
    with pytest.raises(httpx.RemoteProtocolError, match="illegal status line"):
        ask(client, 1, 2)


def test_stopping_does_not_wait_for_an_answer_that_never_arrives():
    arrived = threading.Event()
    with StandIn() as camb:
        camb.rule = lambda call: arrived.set()
        camb.script(Reply(delay=math.inf))
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{camb.base_url}/dub-result/1", timeout=httpx.Timeout(60, read=0.05))
        assert arrived.wait(60)
    assert [call.status for call in camb.calls] == [None]


def test_a_body_may_drip(client, camb):
    camb.script(Reply(200, b"0123456789", drip=0.01))
    started = time.monotonic()

    assert ask(client, 1, 2).content == b"0123456789"
    assert time.monotonic() - started >= 0.09


def test_a_huge_body_is_streamed(client, camb):
    camb.script(Reply(200, repeat(b" " * 65536, 800)), Reply(200, repeat(b"x", 3), {"Content-Length": "3"}))

    assert len(ask(client, 1, 2).content) == 800 * 65536
    assert ask(client, 1, 2).content == b"xxx"


def test_usual_headers_can_be_replaced_or_left_out(client, camb):
    camb.script(Reply(307, headers={"Location": "http://127.0.0.2/", "Content-Type": None}))

    response = ask(client, 1, 2)

    assert (response.status_code, response.headers["location"]) == (307, "http://127.0.0.2/")
    assert "content-type" not in response.headers


# Load


def test_calls_run_concurrently_and_their_peak_is_counted(camb):
    barrier = threading.Barrier(32)

    def wait_for_all(call: Call) -> None:
        barrier.wait(60)

    camb.rule = wait_for_all
    with ThreadPoolExecutor(32) as pool, httpx.Client(headers=KEY, limits=httpx.Limits(), timeout=60) as client:
        answers = list(pool.map(client.get, [f"{camb.base_url}/dub-result/1"] * 32))

    assert [answer.status_code for answer in answers] == [200] * 32
    assert camb.peak_open == 32


def test_stopping_cuts_open_connections(client, camb):
    assert ask(client, 1, 2).status_code == 200

    camb.stop()

    with pytest.raises(httpx.TransportError):
        ask(client, 1, 2)


# The program


def start_program(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo.server", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_program_serves_until_it_is_terminated():
    program = start_program("--port", 0, "--key", "secret-key")
    assert program.stdout
    base_url = program.stdout.readline().split()[-1]
    assert httpx.get(f"{base_url}/source-languages", headers={"x-api-key": "secret-key"}).status_code == 200

    program.terminate()
    out, err = program.communicate(timeout=10)

    assert (program.returncode, err) == (0, "")
    assert [line.split()[1:] for line in out.splitlines()] == [["GET", "/apis/source-languages", "200"]]


def test_program_says_that_its_port_is_in_use(camb):
    program = start_program("--port", camb.port)
    out, err = program.communicate(timeout=10)

    assert (program.returncode, out) == (1, "")
    assert err == f"Cannot listen on 127.0.0.1 port {camb.port}: it is in use.\n"
