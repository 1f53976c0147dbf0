"""API operations on a dub: its transcript in any export format, its video and its audio."""

import logging
from typing import Annotated

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from ninja import Path, Query, Router
from ninja.errors import HttpError
from pydantic import BaseModel, Field

from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from dashboard.api.schemas import DubCheckListOut, DubOut, OneOf, Text, check_list_out, dub_out
from dashboard.forms.run import LanguageForm
from dashboard.http.file_response import media_response, transcript_response
from results.dubs import languages as dub_languages
from results.exports.formats import FORMATS
from results.media.links import Kind
from results.models import Dub
from teams import audit
from teams.access import require_export

logger = logging.getLogger(__name__)

router = Router(tags=["Dubs"])


FormatKey = Annotated[str, OneOf(tuple(FORMATS)), Path(alias="format", description="The file format.")]


def _dub(request: ScriptRequest, pk: int) -> Dub:
    """Return the dub with its run. Raises Http404 when the token's team has no such dub."""
    dub = Dub.objects.present().select_related("run").filter(team=request.team, pk=pk).first()
    if dub is None:
        raise Http404
    return dub


def _exportable_dub(request: ScriptRequest, pk: int) -> Dub:
    """Return the dub with its run.

    Raises Http404 when the token's team has no such dub, and PermissionDenied when the role may not export.
    """
    dub = _dub(request, pk)
    require_export(request.auth.membership)
    return dub


class DubChange(BaseModel, extra="forbid"):
    """What to change of a dub."""

    language: Text = Field(
        max_length=100,
        description="A tag or a name, such as `pt-br` or `Japanese`. Empty: the language is chosen automatically.",
    )


@router.patch("/dubs/{int:dub}", response={200: DubOut} | documented(400, 413, 422))
def change_dub(request: ScriptRequest, team: TeamSlug, dub: int, data: DubChange) -> DubOut:
    """Set the dub's language. No refresh undoes it."""
    found = _dub(request, dub)
    form = LanguageForm({"language": data.language})
    if not form.is_valid():
        raise HttpError(422, str(form.errors["language"][0]))
    dub_languages.set_language(found.run, found, form.cleaned_data["language"])
    found.refresh_from_db()
    root = request.build_absolute_uri(reverse("api:team", kwargs={"team": request.team.slug}))
    return dub_out(found, root)


# Responses other than JSON, for the OpenAPI description.
_KINDS = dict.fromkeys(each.content_type.partition(";")[0] for each in FORMATS.values())
_FILE = {"responses": {200: {"description": "The file", "content": {kind: {} for kind in _KINDS}}}}
_MEDIA = {
    "responses": {
        200: {"description": "The file, where the team keeps a copy", "content": {"video/*": {}, "audio/*": {}}},
        206: {"description": "The requested range of the file"},
        302: {"description": "CAMB.AI's link, renewed if it had expired; it expires again, so do not store it"},
        416: {"description": "The requested range lies outside the file"},
    }
}


class TranscriptParameters(QueryParameters):
    direction_marks: bool = Field(
        True,
        description=(
            "In subtitles and texts of a right-to-left language, put invisible Unicode marks around each line, so "
            "that players lay it out right to left even if it begins with a Latin word. `false` leaves them out."
        ),
    )


@router.get(
    "/dubs/{int:dub}/transcript.{format}",
    response=documented(422),
    openapi_extra=_FILE,
    description=f"The transcript as a file: {', '.join(FORMATS)}.",
)
def transcript(
    request: ScriptRequest, team: TeamSlug, dub: int, key: FormatKey, data: Query[TranscriptParameters]
) -> HttpResponse:
    found = _exportable_dub(request, dub)
    logger.info("Dub %s exported as %s by user %s, by token", dub, key, request.user.pk)
    audit.record(request.team, audit.Action.EXPORTED, f"{found.run.camb_name} · transcript, {key}")
    return transcript_response(found, FORMATS[key], with_marks=data.direction_marks)


@router.get("/dubs/{int:dub}/checks", response={200: DubCheckListOut} | documented())
def list_dub_checks(request: ScriptRequest, team: TeamSlug, dub: int) -> DubCheckListOut:
    """The dub's review checks by the limits of the team, dismissed ones too."""
    return check_list_out(_exportable_dub(request, dub))


@router.get("/dubs/{int:dub}/video", response=documented(502), openapi_extra=_MEDIA)
def video(request: ScriptRequest, team: TeamSlug, dub: int) -> HttpResponseBase:
    """The video: the team's copy of it, or CAMB.AI's."""
    return _download(request, dub, "video")


@router.get("/dubs/{int:dub}/audio", response=documented(502), openapi_extra=_MEDIA)
def audio(request: ScriptRequest, team: TeamSlug, dub: int) -> HttpResponseBase:
    """The audio: the team's copy of it, or CAMB.AI's."""
    return _download(request, dub, "audio")


def _download(request: ScriptRequest, dub: int, kind: Kind) -> HttpResponseBase:
    found = _exportable_dub(request, dub)
    audit.record(request.team, audit.Action.MEDIA_DOWNLOADED, f"{found.run.camb_name} · {kind}")
    return media_response(request, found, kind)
