"""Plays and downloads a dub's video and audio, and serves its captions."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from dashboard.http.file_response import media_response
from dashboard.views.runs.lookup import get_exportable_dub
from results.exports import vtt


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
    dub = get_exportable_dub(request, pk)
    return HttpResponse(vtt.render(dub.cues.all()), content_type="text/vtt; charset=utf-8")
