"""The API's operations on sources: list, read, join runs, and take one out.

The name of each view is its operation id in openapi.json, and must not change.
"""

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest
from ninja import Query, Router
from ninja.errors import HttpError
from ninja.responses import Status as Answer
from pydantic import BaseModel, Field, field_validator

from dashboard.api import schemas
from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug, api_root
from dashboard.api.problems import documented
from dashboard.api.schemas import Id, Text
from results.models import Dub, Run, Source
from results.runs.source import MAX_RUNS, TooManyRunsError, join_runs, take_apart
from results.transcripts import languages
from results.transcripts.languages import MAX_LANGUAGE_TAG

router = Router(tags=["Sources"])


class SourceOut(BaseModel):
    """One original, with the runs that are dubs of it. A run on its own has no source."""

    id: int
    title: str
    languages: list[str] = Field(description="The language tags of all its dubs, each once.")
    runs: list[schemas.RunOut] = Field(description="Its runs with their dubs, archived ones too.")


class SourceListOut(BaseModel):
    """A page of sources."""

    sources: list[SourceOut]
    next: int | None = Field(description="The `cursor` of the next page; null on the last page.")


class SourceListParameters(QueryParameters):
    """The filter and the page of a list of sources, the newest source first."""

    missing: Text = Field(
        "",
        max_length=MAX_LANGUAGE_TAG,
        description="Only sources without a dub in this language, given by its tag: `es` means `es-mx` too.",
    )
    cursor: int = Field(0, ge=0, lt=2**63, description="`next` of the previous page.")
    limit: int = Field(20, ge=1, le=50, description="The number of sources on a page.")

    @field_validator("missing")
    @classmethod
    def _is_tag(cls, tag: str) -> str:
        # Every source is without a dub in a language that there is not.
        if tag and not languages.is_tag(tag):
            raise ValueError("this takes a language tag, such as es or pt-br")
        return tag


class NewSource(BaseModel, extra="forbid"):
    """Runs that are dubs of one original. Ids of runs of other teams are ignored."""

    runs: list[Id] = Field(min_length=2, max_length=MAX_RUNS, description="The `id` of each run.")
    title: Text = Field(
        "",
        max_length=Source.MAX_TITLE,
        description="The title; by default that of the source of these runs, or of a run without its language.",
    )


def _sources(request: ScriptRequest) -> QuerySet[Source]:
    runs = schemas.with_dubs(Run.objects.present().filter(team=request.team)).order_by("pk")
    return Source.objects.filter(team=request.team).prefetch_related(Prefetch("runs", runs))


def _source(request: ScriptRequest, pk: int) -> Source:
    source = _sources(request).filter(pk=pk).first()
    if source is None:
        raise Http404
    return source


def _source_out(request: HttpRequest, source: Source, root: str) -> SourceOut:
    runs = [schemas.run_out(request, run, root) for run in source.runs.all()]
    tags = dict.fromkeys(dub.language for run in runs for dub in run.dubs if dub.language)
    return SourceOut(id=source.pk, title=source.title, languages=list(tags), runs=runs)


@router.get("/sources", response={200: SourceListOut} | documented(422))
def list_sources(request: ScriptRequest, team: TeamSlug, data: Query[SourceListParameters]) -> SourceListOut:
    """List the sources with their runs, dubs and languages, page by page."""
    sources = _sources(request)
    if data.cursor:
        sources = sources.filter(pk__lt=data.cursor)
    if data.missing:
        in_language = Q(language=data.missing) | Q(language__startswith=f"{data.missing}-")
        dubs = Dub.objects.present().filter(in_language, team=request.team, run__source=OuterRef("pk"))
        sources = sources.filter(~Exists(dubs))
    found = list(sources.order_by("-pk")[: data.limit + 1])
    is_more, found = len(found) > data.limit, found[: data.limit]
    root = api_root(request)
    return SourceListOut(
        sources=[_source_out(request, source, root) for source in found], next=found[-1].pk if is_more else None
    )


@router.get("/sources/{int:source}", response={200: SourceOut} | documented())
def one_source(request: ScriptRequest, team: TeamSlug, source: int) -> SourceOut:
    """Get one source with its runs, dubs and languages."""
    return _source_out(request, _source(request, source), api_root(request))


@router.post("/sources", response={200: SourceOut} | documented(400, 413, 422))
def join_source(request: ScriptRequest, team: TeamSlug, data: NewSource) -> SourceOut:
    """Join runs as one source. Runs that have a source bring all its runs along."""
    try:
        source = join_runs(request.team, data.runs, data.title.strip())
    except TooManyRunsError as error:
        raise HttpError(422, str(error)) from error
    if source is None:
        raise HttpError(422, "A source needs two runs of the team, so nothing was joined.")
    return _source_out(request, _source(request, source.pk), api_root(request))


@router.delete("/sources/{int:source}/runs/{int:run}", response={204: None} | documented())
def leave_source(request: ScriptRequest, team: TeamSlug, source: int, run: int) -> Answer[None]:
    """Take a run out of a source. A source left with one run is deleted."""
    # By the key: SQLite raises OverflowError where a relation is compared with a number beyond 64 bits.
    found = Run.objects.present().filter(team=request.team, source__pk=source, pk=run).first()
    if found is None:
        raise Http404
    take_apart(found)
    return Answer(204, None)
