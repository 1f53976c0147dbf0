import gzip

import pytest
from django.http import HttpResponse

from dashboard.middleware import CompressedPages

PAGE = b"<p>" + b"line " * 200


@pytest.mark.parametrize(
    ("response", "is_compressed"),
    [
        (HttpResponse(PAGE), True),
        (HttpResponse(PAGE, content_type="video/mp4", status=206), False),
        (HttpResponse(PAGE, content_type="application/zip"), False),
    ],
)
def test_pages_are_compressed_and_media_and_archives_are_not(rf, response, is_compressed):
    request = rf.get("/", HTTP_ACCEPT_ENCODING="gzip")
    answer = CompressedPages(lambda _: response)(request)
    assert isinstance(answer, HttpResponse)
    assert answer.get("Content-Encoding", "") == ("gzip" if is_compressed else "")
    assert (gzip.decompress(answer.content) if is_compressed else answer.content) == PAGE
