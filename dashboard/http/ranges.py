"""Serves a file of this server, whole or as the byte range that a player or a download requests (RFC 9110)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

# A player's range is handed to the web server in one piece, so that no thread waits for a full buffer. RFC 9110,
# 15.3.7 lets a server send less than was requested; players send another request for the rest. Programs that
# download do not: curl takes the first piece for the whole rest.
MAX_BYTES = 2 * 2**20
_BLOCK = 256 * 1024  # Django's blocks of 4 kB cost the web server a call each


def range_response(
    request: HttpRequest, path: Path, etag: str, headers: dict[str, str], *, is_player: bool
) -> HttpResponseBase:
    """Return the file as a 200, or the requested range as a 206; for a player, of at most MAX_BYTES.

    `etag` is a strong validator: it changes with any byte of the file. Conditional requests are answered 304 or
    412, and ranges beyond the end 416. Raises FileNotFoundError.
    """
    size = path.stat().st_size
    headers = headers | {"ETag": etag, "Accept-Ranges": "bytes"}
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        unchanged.headers["ETag"] = etag
        return unchanged
    if request.method == "HEAD":
        return HttpResponse(headers=headers | {"Content-Length": str(size)})
    requested = _requested_range(request, etag, size)
    if requested is None:
        return _streamed(path, 0, size, 200, headers)
    first, last = requested
    if first > last:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    if not is_player:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return _streamed(path, first, last - first + 1, 206, headers)
    with path.open("rb") as file:
        file.seek(first)
        piece = file.read(min(last - first + 1, MAX_BYTES))
    headers["Content-Range"] = f"bytes {first}-{first + len(piece) - 1}/{size}"
    return HttpResponse(piece, status=206, headers=headers)


def _streamed(path: Path, first: int, size: int, status: int, headers: dict[str, str]) -> HttpResponseBase:
    file = path.open("rb")
    file.seek(first)
    headers = headers | {"Content-Length": str(size)}
    return StreamingHttpResponse(_blocks(file, size), status=status, headers=headers)


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes of the file, and close it."""
    with file:
        while size and (block := file.read(min(size, _BLOCK))):
            size -= len(block)
            yield block


def _requested_range(request: HttpRequest, etag: str, size: int) -> tuple[int, int] | None:
    """Return the offsets of the first and last requested byte, or None for the whole file.

    A range outside the file comes with `first > last`. A header that is not one valid byte range is ignored, as
    RFC 9110 demands, and so is a range of other content than `etag` names (`If-Range`).
    """
    if request.method != "GET" or request.headers.get("If-Range", etag) != etag:
        return None
    found = re.fullmatch(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", request.headers.get("Range", ""), re.ASCII)
    if not found or found[1] == found[2] == "":
        return None
    if found[1] == "":
        return max(size - int(found[2]), 0), size - 1 if int(found[2]) else -1
    first, last = int(found[1]), int(found[2] or size - 1)
    if found[2] and first > last:
        return None
    return first, min(last, size - 1)
