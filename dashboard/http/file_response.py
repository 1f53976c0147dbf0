"""Answers with files: a transcript in any format, a dub's media, and the names under which browsers save them."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePath, PurePosixPath
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from dashboard.http import ranges
from results.exports import names
from results.exports.formats import Format
from results.media import copies, download, links
from results.models import Dub, MediaCopy


def media_response(request: HttpRequest, dub: Dub, kind: links.Kind) -> HttpResponseBase:
    """Play our copy, or lead the player to where the media is now; a download comes through us in either case.

    What stands in the way is a sentence that the player shows.
    """
    copy = copies.playable_copy(dub, kind)
    response = _from_copy(request, copy, dub) if copy else None
    try:
        if response is None and "download" in request.GET:
            response = _passed_on(dub, kind)
        elif response is None:
            response = HttpResponseRedirect(_live(dub, kind, renew="renew" in request.GET))
    except (links.NoPlayableLinkError, download.DownloadError) as trouble:
        response = HttpResponse(str(trouble), status=502, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    # The address of a transcript is nobody's business at the media's host.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _passed_on(dub: Dub, kind: links.Kind) -> HttpResponseBase:
    """Send the file through us: only so is it saved under a readable name, and its link stays unseen."""
    file, trusted = ExitStack(), copies.trusted_hosts(dub.team_id)
    try:
        part = file.enter_context(download.open_download(_live(dub, kind), trusted=trusted))
    except download.LinkGoneError:
        part = file.enter_context(download.open_download(_live(dub, kind, renew=True), trusted=trusted))

    def pieces() -> Iterator[bytes]:
        with file:
            yield from part.pieces

    name = media_file_name(dub, kind)
    headers = {"Content-Disposition": content_disposition_header(True, name) or ""}
    if part.size is not None:
        headers["Content-Length"] = str(part.size)
    return StreamingHttpResponse(pieces(), content_type="application/octet-stream", headers=headers)


def _live(dub: Dub, kind: links.Kind, *, renew: bool = False) -> str:
    return links.playable_url(dub, kind, renew=renew)


def media_file_name(dub: Dub, kind: links.Kind) -> str:
    """What a download of it is called, by the link's own ending."""
    link = dub.video_url if kind == "video" else dub.audio_url
    ending = PurePosixPath(urlsplit(link).path).suffix.lower()
    is_one = re.fullmatch(r"\.[a-z0-9]{2,4}", ending)
    return names.stem(dub.run, dub.language) + (ending if is_one else {"video": ".mp4", "audio": ".m4a"}[kind])


def _from_copy(request: HttpRequest, copy: MediaCopy, dub: Dub) -> HttpResponseBase | None:
    """Answer with our copy, or lead to it where it lies elsewhere; None when its file has gone."""
    if "renew" in request.GET:
        # The player met an error. If the file is there, the player only has to come again.
        return HttpResponseRedirect(request.path) if copies.is_file_there(copy) else None
    is_download = "download" in request.GET
    name = names.stem(dub.run, dub.language) + PurePath(copy.name).suffix
    headers = {
        "Content-Type": copy.content_type,
        "Content-Disposition": content_disposition_header(is_download, name) or "",
    }
    try:
        path = copies.local_path(copy)
        if path is None:
            return HttpResponseRedirect(copies.signed_url(copy, headers["Content-Disposition"]))
        etag = f'"{PurePath(copy.name).stem}"'
        return ranges.range_response(request, path, etag, headers, is_whole=is_download)
    except FileNotFoundError:
        copies.is_file_there(copy)
        return None


def transcript_response(dub: Dub, kind: Format) -> HttpResponse:
    return download_response(kind, kind.file(dub), names.stem(dub.run, dub.language))


def download_response(kind: Format, content: bytes, stem: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=kind.content_type, headers=attachment_headers(f"{stem}.{kind.extension}")
    )


def attachment_headers(name: str) -> dict[str, str]:
    """Have the browser save it under this name, written for any script as RFC 6266 has it."""
    return {"Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or ""}
