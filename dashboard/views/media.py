"""Plays and downloads a dub's video and audio, and serves its captions."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from dashboard.http.file_response import content_language, media_response
from dashboard.views.runs.lookup import get_exportable_dub
from results.exports.formats import FORMATS


@login_required
@require_safe
def video(request: HttpRequest, pk: int) -> HttpResponseBase:
    return media_response(request, get_exportable_dub(request, pk), "video")


@login_required
@require_safe
def audio(request: HttpRequest, pk: int) -> HttpResponseBase:
    return media_response(request, get_exportable_dub(request, pk), "audio")


@login_required
@require_safe
def captions(request: HttpRequest, pk: int) -> HttpResponse:
    dub, kind = get_exportable_dub(request, pk), FORMATS["vtt"]
    return HttpResponse(kind.file(dub), content_type=kind.content_type, headers=content_language(dub))
