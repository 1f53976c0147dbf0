"""A file as players ask for it: whole, from somewhere on, to somewhere, or not again."""

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


def answer(path, method="GET", *, is_whole=False, **headers):
    request = RequestFactory().generic(method, "/", headers=headers)
    return ranges.range_response(request, path, ETAG, HEADERS, is_whole=is_whole)


def body(response) -> bytes:
    return response.getvalue() if response.streaming else response.content


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
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
def test_a_range_is_sent_alone(path, wanted, first, last):
    response = answer(path, Range=wanted)
    assert (response.status_code, body(response)) == (206, CONTENT[first : last + 1])
    assert dict(response.headers) == {
        "Content-Type": "video/mp4",
        "ETag": ETAG,
        "Accept-Ranges": "bytes",
        "Content-Range": f"bytes {first}-{last}/100",
    }


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_beyond_the_end_is_refused_with_the_size(path, wanted):
    response = answer(path, Range=wanted)
    assert (response.status_code, response.headers["Content-Range"], body(response)) == (416, "bytes */100", b"")


@pytest.mark.parametrize(
    "wanted",
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
def test_what_is_no_single_range_is_passed_over(path, wanted):
    response = answer(path, Range=wanted.encode().decode("latin-1"))
    assert (response.status_code, body(response)) == (200, CONTENT)
    assert response.headers["Content-Length"] == "100"


@pytest.mark.parametrize(
    ("condition", "status"),
    [(ETAG, 206), ('"v2"', 200), ('W/"v1"', 200), ("Tue, 01 Jan 2030 00:00:00 GMT", 200)],
)
def test_a_range_of_what_was_another_file_brings_all_of_this_one(path, condition, status):
    response = answer(path, Range="bytes=5-9", **{"If-Range": condition})
    assert (response.status_code, body(response)) == (status, CONTENT[5:10] if status == 206 else CONTENT)


def test_what_the_browser_has_is_not_sent_again(path):
    response = answer(path, **{"If-None-Match": ETAG})
    assert (response.status_code, response.headers["ETag"], response.content) == (304, ETAG, b"")
    assert answer(path, **{"If-None-Match": '"v2"'}).status_code == 200
    assert answer(path, **{"If-Match": '"v2"'}).status_code == 412


def test_a_part_has_a_bound_and_players_come_again_for_the_rest(path, monkeypatch):
    monkeypatch.setattr(ranges, "MOST_BYTES", 40)
    got, asked = b"", 0
    while len(got) < 100:
        response = answer(path, Range=f"bytes={len(got)}-")
        assert response.headers["Content-Range"] == f"bytes {len(got)}-{min(len(got) + 39, 99)}/100"
        got, asked = got + body(response), asked + 1
    assert (got, asked) == (CONTENT, 3)


def test_a_whole_file_comes_in_blocks_and_knows_no_ranges(path, monkeypatch):
    monkeypatch.setattr(ranges, "MOST_BYTES", 40)
    response = answer(path, is_whole=True, Range="bytes=5-9")
    assert (response.status_code, response.streaming, body(response)) == (200, True, CONTENT)
    assert (response.headers["Content-Length"], response.headers["Accept-Ranges"]) == ("100", "none")


def test_head_tells_the_size_and_sends_nothing(path):
    response = answer(path, "HEAD", Range="bytes=5-9")
    assert (response.status_code, body(response), response.headers["Content-Length"]) == (200, b"", "100")
    assert (response.headers["ETag"], response.headers["Accept-Ranges"]) == (ETAG, "bytes")


def test_a_file_that_is_not_there_is_the_callers_to_handle(tmp_path):
    with pytest.raises(FileNotFoundError):
        answer(tmp_path / "nowhere")
