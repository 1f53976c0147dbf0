"""Plays and downloads a dub's video and audio, and serves its captions and the stills of copies."""

from pathlib import PurePosixPath

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from dashboard.http.file_response import content_language, media_response
from dashboard.views.runs.lookup import get_pictured_copy, get_playable_dub
from results.exports.formats import FORMATS
from results.media import still_files
from results.media.links import Kind
from teams import audit

STILL_SECONDS = 7 * 24 * 3600


@login_required
@require_safe
def video(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _media(request, pk, "video")


@login_required
@require_safe
def audio(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _media(request, pk, "audio")


def _media(request: HttpRequest, pk: int, kind: Kind) -> HttpResponseBase:
    dub = get_playable_dub(request, pk)
    if "download" in request.GET:
        audit.record(dub.team_id, audit.Action.MEDIA_DOWNLOADED, f"{dub.run.camb_name} · {kind}")
    return media_response(request, dub, kind, is_player=True)


@login_required
@require_safe
def still(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the still of a copy, or with `small` with the size for lists."""
    copy = get_pictured_copy(request, pk)
    is_small = "small" in request.GET
    etag = f'"{PurePosixPath(copy.name).stem}{"-small" if is_small else ""}"'
    # A copy's still stays the same. A browser keeps it for the session that it was sent to.
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={STILL_SECONDS}", "Vary": "Cookie"}
    if unchanged := get_conditional_response(request, etag=etag):
        for name, value in headers.items():
            unchanged.headers[name] = value
        return unchanged
    picture = still_files.read(copy, is_small=is_small)
    if picture is None:
        raise Http404("The still's file is gone; a worker takes it again.")
    return HttpResponse(picture, content_type="image/webp", headers=headers)


@login_required
@require_safe
def captions(request: HttpRequest, pk: int) -> HttpResponse:
    dub, kind = get_playable_dub(request, pk), FORMATS["vtt"]
    return HttpResponse(kind.file(dub), content_type=kind.content_type, headers=content_language(dub))
