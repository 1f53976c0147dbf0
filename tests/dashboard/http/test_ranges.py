"""A file as players request it: whole, a range from, to or between offsets, or only if it changed."""

import pytest
from django.test import RequestFactory

from dashboard.http import ranges

CONTENT = bytes(range(100))
ETAG = '"v1"'
HEADERS = {"Content-Type": "video/mp4"}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    return file


def respond(path, method="GET", *, is_player=True, **headers):
    request = RequestFactory().generic(method, "/", headers=headers)
    return ranges.range_response(request, path, ETAG, HEADERS, is_player=is_player)


def body(response) -> bytes:
    return response.getvalue() if response.streaming else response.content


@pytest.mark.parametrize(
    ("requested", "first", "last"),
    [
        ("bytes=0-", 0, 99),
        ("bytes=0-0", 0, 0),
        ("bytes=0-1", 0, 1),
        ("bytes=10-19", 10, 19),
        ("bytes=99-", 99, 99),
        ("bytes=90-1000", 90, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-1000", 0, 99),
        ("bytes= 5-6", 5, 6),
    ],
)
def test_a_requested_range_is_sent_as_206(path, requested, first, last):
    response = respond(path, Range=requested)
    assert (response.status_code, body(response)) == (206, CONTENT[first : last + 1])
    assert dict(response.headers) == {
        "Content-Type": "video/mp4",
        "ETag": ETAG,
        "Accept-Ranges": "bytes",
        "Content-Range": f"bytes {first}-{last}/100",
    }


@pytest.mark.parametrize("requested", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_beyond_the_end_is_refused_with_the_size(path, requested):
    response = respond(path, Range=requested)
    assert (response.status_code, response.headers["Content-Range"], body(response)) == (416, "bytes */100", b"")


@pytest.mark.parametrize(
    "requested",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=-1-5",
        "bytes=0-1,5-6",
        "pages=1-2",
        "bytes=٣-٤",
        "bytes=0x1-0x2",
        "bytes=1_0-2_0",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_a_header_that_is_not_one_valid_range_is_ignored(path, requested):
    response = respond(path, Range=requested.encode().decode("latin-1"))
    assert (response.status_code, body(response)) == (200, CONTENT)
    assert response.headers["Content-Length"] == "100"


@pytest.mark.parametrize(
    ("condition", "status"),
    [(ETAG, 206), ('"v2"', 200), ('W/"v1"', 200), ("Tue, 01 Jan 2030 00:00:00 GMT", 200)],
)
def test_a_range_of_other_content_gets_the_whole_file(path, condition, status):
    response = respond(path, Range="bytes=5-9", **{"If-Range": condition})
    assert (response.status_code, body(response)) == (status, CONTENT[5:10] if status == 206 else CONTENT)


def test_a_file_in_the_browsers_cache_is_not_sent_again(path):
    response = respond(path, **{"If-None-Match": ETAG})
    assert (response.status_code, response.headers["ETag"], response.content) == (304, ETAG, b"")
    assert respond(path, **{"If-None-Match": '"v2"'}).status_code == 200
    assert respond(path, **{"If-Match": '"v2"'}).status_code == 412


def test_a_long_range_is_cut_and_players_request_the_rest(path, monkeypatch):
    monkeypatch.setattr(ranges, "MAX_BYTES", 40)
    received, requests = b"", 0
    while len(received) < 100:
        response = respond(path, Range=f"bytes={len(received)}-")
        assert response.headers["Content-Range"] == f"bytes {len(received)}-{min(len(received) + 39, 99)}/100"
        received, requests = received + body(response), requests + 1
    assert (received, requests) == (CONTENT, 3)


@pytest.mark.parametrize(
    ("requested", "first", "last"), [("bytes=5-", 5, 99), ("bytes=-95", 5, 99), ("bytes=5-89", 5, 89)]
)
def test_a_download_gets_the_whole_range_that_it_requests(path, monkeypatch, requested, first, last):
    monkeypatch.setattr(ranges, "MAX_BYTES", 40)
    response = respond(path, is_player=False, Range=requested)
    assert (response.status_code, response.streaming, body(response)) == (206, True, CONTENT[first : last + 1])
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/100"
    assert response.headers["Content-Length"] == str(last - first + 1)


def test_a_whole_file_is_streamed(path, monkeypatch):
    monkeypatch.setattr(ranges, "MAX_BYTES", 40)
    for is_player in (True, False):
        response = respond(path, is_player=is_player)
        assert (response.status_code, response.streaming, body(response)) == (200, True, CONTENT)
        assert (response.headers["Content-Length"], response.headers["Accept-Ranges"]) == ("100", "bytes")


def test_head_gives_the_size_without_a_body(path):
    response = respond(path, "HEAD", Range="bytes=5-9")
    assert (response.status_code, body(response), response.headers["Content-Length"]) == (200, b"", "100")
    assert (response.headers["ETag"], response.headers["Accept-Ranges"]) == (ETAG, "bytes")


def test_a_missing_file_raises_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        respond(tmp_path / "nowhere")
