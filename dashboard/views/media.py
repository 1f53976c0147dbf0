"""Plays and downloads a dub's video and audio, and serves its captions and the stills of copies."""

import logging
from pathlib import PurePosixPath

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from dashboard.http.file_response import content_language, media_check, media_response
from dashboard.views.runs.lookup import get_pictured_copy, get_playable_dub
from results.exports.formats import FORMATS
from results.media import copies, still_files
from results.media.links import Kind
from results.models import MediaCopy
from teams import audit

logger = logging.getLogger(__name__)

STILL_SECONDS = 7 * 24 * 3600
# A signed URL is good for an hour.
SIGNED_SECONDS = 30 * 60


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
    if what := request.GET.get("check"):
        return media_check(request, dub, kind, renew=what == "renew")
    if "download" in request.GET:
        audit.record(dub.team_id, audit.Action.MEDIA_DOWNLOADED, f"{dub.run.camb_name} · {kind}")
    return media_response(request, dub, kind, is_player=True)


@login_required
@require_safe
def still(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the still of a copy, or with `small` with the size for lists.

    A bucket is not read here: a list has dozens of stills, and a slow bucket would hold every thread.
    """
    copy = get_pictured_copy(request, pk)
    is_small = "small" in request.GET
    etag = f'"{PurePosixPath(copy.name).stem}{"-small" if is_small else ""}"'
    # A copy's still stays the same. A browser keeps it for the session that it was sent to.
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={STILL_SECONDS}", "Vary": "Cookie"}
    if unchanged := get_conditional_response(request, etag=etag):
        for name, value in headers.items():
            unchanged.headers[name] = value
        return unchanged
    if copies.local_path(copy) is None:
        return _still_elsewhere(copy, is_small=is_small)
    try:
        picture = still_files.read(copy, is_small=is_small)
    except OSError as error:
        logger.warning("The still of copy %s cannot be read: %s", copy.pk, error)
        return _later()
    if picture is None:
        raise Http404("The still's file is gone; a worker takes it again.")
    return HttpResponse(picture, content_type="image/webp", headers=headers)


def _still_elsewhere(copy: MediaCopy, *, is_small: bool) -> HttpResponse:
    url = still_files.signed_url(copy, is_small=is_small)
    if url is None:
        return _later()
    headers = {
        "Cache-Control": f"private, max-age={SIGNED_SECONDS}",
        "Vary": "Cookie",
        "Referrer-Policy": "no-referrer",
    }
    return HttpResponseRedirect(url, headers=headers)


def _later() -> HttpResponse:
    return HttpResponse(status=503, headers={"Retry-After": "30"})


@login_required
@require_safe
def captions(request: HttpRequest, pk: int) -> HttpResponse:
    dub, kind = get_playable_dub(request, pk), FORMATS["vtt"]
    return HttpResponse(kind.file(dub), content_type=kind.content_type, headers=content_language(dub))
