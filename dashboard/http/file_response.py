"""Builds responses that carry files: transcripts in any format and dubs' media, under the names browsers save."""

import logging
import re
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePath, PurePosixPath
from urllib.parse import quote, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from dashboard.http import ranges, stream_limit
from results.exports import names
from results.exports.formats import Format
from results.media import copies, download, links
from results.models import Dub, MediaCopy
from results.transcripts import languages

logger = logging.getLogger(__name__)


def media_response(
    request: HttpRequest, dub: Dub, kind: links.Kind, *, is_player: bool = False
) -> HttpResponseBase:
    """Return the dub's media: our copy if there is one, else a redirect to its live link at CAMB.AI's host.

    With `?download` the file is an attachment: our copy, or the live link's file passed through this server. With
    `?renew`, which the player adds after an error, the link is renewed if our copy's file is missing here.
    `is_player`: a long range of our copy may be cut, as the rest is requested afterwards.
    Where neither can be played, the response is a 502 with a sentence that the player shows.
    """
    stream_limit.note_team(request, dub.team)
    copy = copies.playable_copy(dub, kind)
    response = _from_copy(request, copy, dub, is_player=is_player) if copy else None
    try:
        if response is None and "download" in request.GET:
            response = _proxied_download(dub, kind)
        elif response is None:
            response = HttpResponseRedirect(links.playable_url(dub, kind, renew="renew" in request.GET))
    except (links.NoPlayableLinkError, download.DownloadError) as error:
        response = HttpResponse(str(error), status=502, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    # The media's host must not learn the address of a transcript.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def media_check(request: HttpRequest, dub: Dub, kind: links.Kind, *, renew: bool) -> HttpResponse:
    """Return 204 if the media can be played, or a 502 with the sentence that the player shows after an error.

    With `renew` a link that CAMB.AI no longer serves is renewed first; else the beginning of the file is requested.
    """
    stream_limit.note_team(request, dub.team)
    copy = copies.playable_copy(dub, kind)
    try:
        if not (copy and copies.has_file(copy)):
            url = links.playable_url(dub, kind, renew=renew)
            if not renew:
                with download.open_download(url, trusted=copies.trusted_hosts(dub.team_id)) as file:
                    if why := links.refusal(file.url):
                        raise links.NoPlayableLinkError(why)
    except (links.NoPlayableLinkError, download.DownloadError) as error:
        return HttpResponse(str(error), status=502, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


def _proxied_download(dub: Dub, kind: links.Kind) -> HttpResponseBase:
    """Stream the file through this server, which names it readably and keeps its signed link from the browser.

    Raises NoPlayableLinkError or DownloadError.
    """
    file, trusted = ExitStack(), copies.trusted_hosts(dub.team_id)
    try:
        part = file.enter_context(download.open_download(links.live_url(dub, kind), trusted=trusted))
    except download.LinkGoneError:
        part = file.enter_context(download.open_download(links.live_url(dub, kind, renew=True), trusted=trusted))

    def pieces() -> Iterator[bytes]:
        with file:
            yield from part.pieces

    name = media_file_name(dub, kind)
    headers = attachment_headers(name)
    if part.size is not None:
        headers["Content-Length"] = str(part.size)
    return StreamingHttpResponse(pieces(), content_type="application/octet-stream", headers=headers)


def media_file_name(dub: Dub, kind: links.Kind) -> str:
    """Return the name for a download of the dub's media, with the extension of its link."""
    link = dub.video_url if kind == "video" else dub.audio_url
    extension = PurePosixPath(urlsplit(link).path).suffix.lower()
    is_plausible = re.fullmatch(r"\.[a-z0-9]{2,4}", extension)
    fallback = {"video": ".mp4", "audio": ".m4a"}[kind]
    return names.stem(dub.run, dub.language) + (extension if is_plausible else fallback)


def _from_copy(request: HttpRequest, copy: MediaCopy, dub: Dub, *, is_player: bool) -> HttpResponseBase | None:
    """Return our copy, or a redirect to a storage elsewhere; None when the copy's file cannot be had."""
    if "renew" in request.GET:
        # The player met an error. If the file is there, a second request is all the player needs.
        return HttpResponseRedirect(request.path) if copies.has_file(copy) else None
    is_download = "download" in request.GET
    name = names.stem(dub.run, dub.language) + PurePath(copy.name).suffix
    headers = {
        "Content-Type": copy.content_type,
        "Content-Disposition": _disposition(name, is_attachment=is_download),
    }
    path = copies.local_path(copy)
    if path is None:
        url = copies.signed_url(copy.name, copy.content_type, headers["Content-Disposition"])
        return HttpResponseRedirect(url) if url else None
    try:
        etag = f'"{PurePath(copy.name).stem}"'
        return ranges.range_response(request, path, etag, headers, is_player=is_player and not is_download)
    except OSError as error:
        logger.warning("The file of copy %s cannot be read: %s", copy.pk, error)
        return None


def transcript_response(dub: Dub, kind: Format, *, with_marks: bool = True) -> HttpResponse:
    """Return the dub's transcript as a download in this format."""
    return download_response(kind, kind.file(dub, with_marks=with_marks), dub)


def download_response(kind: Format, content: bytes, *dubs: Dub) -> HttpResponse:
    """Return the content as a download named after these dubs of a run."""
    name = f"{names.stem(dubs[0].run, *(dub.language for dub in dubs))}.{kind.extension}"
    headers = attachment_headers(name) | content_language(*dubs)
    return HttpResponse(content, content_type=kind.content_type, headers=headers)


def content_language(*dubs: Dub) -> dict[str, str]:
    """Return the header that names the languages of these dubs; `und` stands for an unknown one."""
    return {"Content-Language": ", ".join(languages.html_tag(dub.language) for dub in dubs)}


def attachment_headers(name: str) -> dict[str, str]:
    """Return the header that makes a browser save the response under this name."""
    return {"Content-Disposition": _disposition(name, is_attachment=True)}


def _disposition(name: str, *, is_attachment: bool) -> str:
    """Return the header's value for a name in any script, as RFC 6266 defines it in its appendix D.

    What is beyond ASCII comes a second time, as programs such as curl know only `filename`: there it is left out,
    and the run's id and the language stay.
    """
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = content_disposition_header(is_attachment, " ".join(letters.split()).lstrip(" .-~")) or ""
    return plain if name.isascii() else f"{plain}; filename*=utf-8''{quote(name)}"
