"""What may a script take along of a dub: its transcript in any format, its video, its audio?"""

import logging
from typing import Annotated

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Router
from pydantic import AfterValidator

from dashboard.api.auth import ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from dashboard.http.file_response import media_response, transcript_response
from results.exports.formats import FORMATS
from results.models import Dub

logger = logging.getLogger(__name__)

router = Router(tags=["Dubs"])


def _known(format: str) -> str:
    if format not in FORMATS:
        raise ValueError(f"choose one of {', '.join(FORMATS)}")
    return format


Format = Annotated[str, AfterValidator(_known), Path(description="What it is written as.", enum=list(FORMATS))]


def _dub(request: ScriptRequest, pk: int) -> Dub:
    dub = Dub.objects.select_related("run").filter(team=request.team, pk=pk).first()
    if dub is None:
        raise Http404
    return dub


# What answers besides JSON, for the description of the API.
_KINDS = dict.fromkeys(format.content_type.partition(";")[0] for format in FORMATS.values())
_FILE = {"responses": {200: {"description": "The file", "content": {kind: {} for kind in _KINDS}}}}
_MEDIA = {
    "responses": {
        200: {"description": "The file, where the team keeps a copy", "content": {"video/*": {}, "audio/*": {}}},
        206: {"description": "A part of it"},
        302: {"description": "CAMB.AI's link, renewed if it had ended; it ends again, so do not keep it"},
        416: {"description": "It has no such part"},
    }
}


@router.get(
    "/dubs/{int:dub}/transcript.{format}",
    response=documented(422),
    openapi_extra=_FILE,
    description=f"The transcript as a file: {', '.join(FORMATS)}.",
)
def transcript(request: ScriptRequest, team: TeamSlug, dub: int, format: Format) -> HttpResponse:
    logger.info("Dub %s exported as %s by user %s, by token", dub, format, request.user.pk)
    return transcript_response(_dub(request, dub), FORMATS[format])


@router.get("/dubs/{int:dub}/video", response=documented(502), openapi_extra=_MEDIA)
def video(request: ScriptRequest, team: TeamSlug, dub: int) -> HttpResponseBase:
    """The video: CAMB.AI's, or the team's copy of it."""
    return media_response(request, _dub(request, dub), "video")


@router.get("/dubs/{int:dub}/audio", response=documented(502), openapi_extra=_MEDIA)
def audio(request: ScriptRequest, team: TeamSlug, dub: int) -> HttpResponseBase:
    """The audio, as the video."""
    return media_response(request, _dub(request, dub), "audio")
