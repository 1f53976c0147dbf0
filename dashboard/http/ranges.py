"""How is a file of ours sent, whole or the part of it that a player asks for?"""

import re
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

# A part goes to the web server in one piece, so that no thread waits for a player that has enough for now and takes
# no more. RFC 9110, 15.3.7 lets a server send less than was asked for; players come again for the rest.
MOST_BYTES = 2 * 2**20


class _Blocks(FileResponse):
    block_size = 256 * 1024  # Django's 4 kB cost a call of the web server each


def range_response(
    request: HttpRequest, path: Path, etag: str, headers: dict[str, str], *, is_whole: bool = False
) -> HttpResponseBase:
    """Answer with the file, or unless it `is_whole`, with the range of it that is asked for.

    `etag` stands for its very bytes. Raises FileNotFoundError.
    """
    size = path.stat().st_size
    headers = headers | {"ETag": etag, "Accept-Ranges": "none" if is_whole else "bytes"}
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        unchanged.headers["ETag"] = etag
        return unchanged
    wanted = None if is_whole else _wanted(request, etag, size)
    if wanted is None:
        if request.method == "HEAD":
            return HttpResponse(headers=headers | {"Content-Length": str(size)})
        response = _Blocks(path.open("rb"))
        for name, value in headers.items():  # it would replace some that are there before
            response.headers[name] = value
        return response
    first, last = wanted
    if first > last:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    with path.open("rb") as file:
        file.seek(first)
        piece = file.read(min(last - first + 1, MOST_BYTES))
    headers["Content-Range"] = f"bytes {first}-{first + len(piece) - 1}/{size}"
    return HttpResponse(piece, status=206, headers=headers)


def _wanted(request: HttpRequest, etag: str, size: int) -> tuple[int, int] | None:
    """The first and the last byte asked for; None for all of it; a first beyond the last for none that there is.

    What is no single range is passed over, as RFC 9110 has it, and so is a range of what was another file.
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
