"""What may a script do with runs: list them, add some, ask about them, tag and archive them?"""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from django.forms import Form
from django.http import Http404, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.cache import get_conditional_response
from ninja import Query, Router
from ninja.errors import HttpError
from ninja.responses import Status as Answer
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dashboard.api import schemas
from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from dashboard.api.schemas import Id
from dashboard.forms import RunsForm, TagsForm
from dashboard.pages.run_list import MAX_SELECTED, MAX_TAG_FILTERS, RunListQuery, get_page, status_counts
from results import tags
from results.models import ApiKey, Run, RunQuerySet, Tag, TeamVersion
from results.runs import archive as archive_
from results.runs import pasted_ids
from results.runs.add import PastedRuns, add_pasted, known_runs
from results.runs.pasted_ids import MAX_TAGS
from results.runs.request import refresh_obstacle, request_refresh, request_refresh_many
from teams.access import can_write
from teams.models import Membership

router = Router(tags=["Runs"])

Status = Run.Status
Name = Annotated[str, Field(min_length=1, max_length=Tag.LONGEST)]


# --- Which runs are meant ----------------------------------------------------------------------------


class RunFilter(BaseModel, extra="forbid"):
    """As the list of runs is narrowed in its page."""

    q: str = Field("", max_length=200, description="In the title, or how the id begins.")
    status: Status | Literal["archived", ""] = Field("", description="Without one, all that are not archived.")
    tag: list[Name] = Field([], max_length=MAX_TAG_FILTERS, description="Under each of these.")

    @property
    def wanted(self) -> RunListQuery:
        """Read by whoever reads the page's address."""
        query = QueryDict(mutable=True)
        query["q"], query["status"] = self.q, str(self.status)
        query.setlist("tag", list(self.tag))
        return RunListQuery.read(query)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        # What the page passes over as odd would here stand for all runs.
        if bool(self.q) != bool(self.wanted.q) or len(self.tag) != len(self.wanted.tag):
            raise ValueError("q and tag must have something in them that can be looked for")
        return self


class RunListParameters(RunFilter, QueryParameters):
    order: Literal["newest", "oldest"] = "newest"
    camb_run_id: list[Id] = Field([], max_length=100, description="Only these of CAMB.AI's ids.")
    changed_since: int = Field(0, ge=0, lt=2**63, description="Only what changed after this `version`.")
    cursor: int = Field(0, ge=0, lt=2**63, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=100)

    def narrowed(self, runs: RunQuerySet) -> RunQuerySet:
        if self.camb_run_id:
            runs = runs.filter(camb_run_id__in=self.camb_run_id)
        return runs.filter(version__gt=self.changed_since) if self.changed_since else runs


def _either(one: str, other: str) -> ConfigDict:
    """For a body that must have one of these fields and not the other, as its description says too."""
    return ConfigDict(extra="forbid", json_schema_extra={"oneOf": [{"required": [one]}, {"required": [other]}]})


class RunSelection(BaseModel):
    """Either `runs` by their ids, or all `where` a filter lets by; of another team's ids none is meant."""

    model_config = _either("runs", "where")
    runs: list[Id] = Field(default_factory=list, max_length=MAX_SELECTED)
    where: RunFilter = Field(
        default_factory=RunFilter.model_construct, description="`{}`: every run that is not archived."
    )

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if ("runs" in self.model_fields_set) == ("where" in self.model_fields_set):
            raise ValueError("say which runs are meant: either runs or where")
        return self

    def among(self, request: ScriptRequest) -> RunQuerySet:
        runs = Run.objects.filter(team=request.team)
        is_filter = "where" in self.model_fields_set
        return self.where.wanted.matching(runs) if is_filter else runs.filter(pk__in=self.runs)


def _run(request: ScriptRequest, pk: int) -> Run:
    run = schemas.with_dubs(Run.objects.filter(team=request.team)).filter(pk=pk).first()
    if run is None:
        raise Http404
    return run


def _root(request: ScriptRequest) -> str:
    return request.build_absolute_uri(reverse("api:team", kwargs={"team": request.team.slug}))


# --- Looking -----------------------------------------------------------------------------------------

UNCHANGED: dict[int, Any] = {304: None}


def _unchanged(request: ScriptRequest, response: HttpResponse, version: int) -> HttpResponse | None:
    """304 for a script that has this version already; nothing else is read then."""
    response.headers["ETag"] = etag = f'W/"{version}"'
    same = get_conditional_response(request, etag)
    if same is not None:
        same.headers["ETag"] = etag
    return same


@router.get("", response={200: schemas.TeamOut} | documented(), url_name="team", tags=["Team"])
def team(request: ScriptRequest, team: TeamSlug) -> schemas.TeamOut:
    """What the token opens, and how far the team's runs are."""
    version = TeamVersion.current(request.team.pk)
    return schemas.TeamOut(
        slug=request.team.slug,
        name=request.team.name,
        role=Membership.Role(request.auth.membership.role),
        can_write=can_write(request.auth),
        runs=status_counts(Run.objects.filter(team=request.team)),
        trouble=refresh_obstacle(request.team),
        version=version,
    )


@router.get("/runs", response={200: schemas.RunListOut} | UNCHANGED | documented(422))
def list_runs(
    request: ScriptRequest, team: TeamSlug, asked: Query[RunListParameters], response: HttpResponse
) -> schemas.RunListOut | HttpResponse:
    """The runs, a page at a time; 304 for who sends the ETag of a list that has not changed as If-None-Match."""
    version = TeamVersion.current(request.team.pk)
    if same := _unchanged(request, response, version):
        return same
    wanted = replace(asked.wanted, order="oldest" if asked.order == "oldest" else "", after=asked.cursor)
    runs = asked.narrowed(Run.objects.filter(team=request.team))
    page = get_page(schemas.with_dubs(runs), wanted, asked.limit)
    root = _root(request)
    return schemas.RunListOut(
        runs=[schemas.run_out(request, run, root) for run in page.runs],
        next=page.runs[-1].pk if page.after else None,
        version=version,
    )


@router.get("/runs/{int:run}", response={200: schemas.RunOut} | UNCHANGED | documented())
def one_run(
    request: ScriptRequest, team: TeamSlug, run: int, response: HttpResponse
) -> schemas.RunOut | HttpResponse:
    """One run with its dubs."""
    version = TeamVersion.current(request.team.pk)
    return _unchanged(request, response, version) or schemas.run_out(request, _run(request, run), _root(request))


# --- Changing ----------------------------------------------------------------------------------------


class NewRuns(BaseModel):
    """Either `ids`, or a `text` as one pastes it in the page: a message, a CSV with titles and tags, links."""

    model_config = _either("ids", "text")
    ids: list[int | str] = Field(
        default_factory=list, max_length=pasted_ids.MAX_IDS, description="Of runs or of tasks."
    )
    text: str = Field(default_factory=str, max_length=pasted_ids.MAX_BYTES)
    tags: list[Name] = Field([], max_length=MAX_TAGS, description="All of them are filed under these.")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if ("ids" in self.model_fields_set) == ("text" in self.model_fields_set):
            raise ValueError("give either ids or a text")
        return self

    @property
    def written(self) -> str:
        return self.text if "text" in self.model_fields_set else "\n".join(map(str, self.ids))


class TaggedSelection(RunSelection):
    tags: list[Name] = Field(min_length=1, max_length=MAX_TAGS)


class AddedLine(BaseModel):
    """What was read as an id; the run is `id` here."""

    written: str
    id: int
    camb_run_id: int | None
    camb_task_id: str | None
    note: str


class RefusedLine(BaseModel):
    written: str
    reason: str


class AddedOut(BaseModel):
    added: list[AddedLine]
    known: list[AddedLine] = Field(description="Here already.")
    archived: list[AddedLine] = Field(description="Here already, and put aside.")
    repeated: list[RefusedLine]
    refused: list[RefusedLine] = Field(description="What looks like an id and is none.")
    words: int = Field(description="How many words were passed over.")


class RefreshOut(BaseModel):
    detail: str


def _cleaned(form: Form, field: str) -> Any:
    """What the page's own form reads. Raises HttpError with the sentence that the page would show."""
    if not form.is_valid():
        raise HttpError(422, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return form.cleaned_data[field]


def _names(names: list[str]) -> list[str]:
    names_: list[str] = _cleaned(TagsForm({"tags": ",".join(names)}), "tags")
    return names_


@router.post("/runs", response={200: AddedOut} | documented(400, 403, 413, 422))
def add_runs(request: ScriptRequest, team: TeamSlug, asked: NewRuns) -> AddedOut:
    """Track runs or tasks: as in the page, ids that are here already stay as they are, and get the tags."""
    lines = _cleaned(RunsForm({"text": asked.written}), "lines")
    if asked.tags:
        names = tuple(_names(asked.tags))
        lines = [replace(line, tags=tuple(dict.fromkeys((*line.tags, *names)))) for line in lines]
    found = PastedRuns.of(request.team, lines)
    if not found.lines:
        raise HttpError(422, "There is no run id in this yet, so nothing was added.")
    add_pasted(request.team, found.lines, request.user)
    runs = known_runs(request.team, found.lines)

    def told(lines: list[pasted_ids.PastedId]) -> list[AddedLine]:
        return [
            AddedLine(
                written=line.written,
                id=run.pk,
                camb_run_id=run.camb_run_id,
                camb_task_id=run.camb_task_id or None,
                note=line.note,
            )
            for line in lines
            if (run := runs.get(line.found))
        ]

    return AddedOut(
        added=told([*found.new, *found.tasks]),
        known=told(found.known),
        archived=told(found.archived),
        repeated=[RefusedLine(written=line.written, reason=line.note) for line in found.repeated],
        refused=[RefusedLine(written=line.written, reason=line.note) for line in found.odd],
        words=len(found.words),
    )


@router.post("/runs/{int:run}/refresh", response={202: RefreshOut} | documented(403, 409))
def refresh_run(request: ScriptRequest, team: TeamSlug, run: int) -> Answer[RefreshOut]:
    """Have CAMB.AI asked about this run before all others, as soon as the key's limits allow."""
    found = _run(request, run)
    if request_refresh(found):
        return Answer(202, RefreshOut(detail="CAMB.AI is being asked. Look again in a few seconds."))
    if obstacle := refresh_obstacle(request.team, found):
        raise HttpError(409, obstacle)
    return Answer(202, RefreshOut(detail="CAMB.AI is being asked already, or was a moment ago."))


@router.post("/runs/refresh", response={202: schemas.CountOut} | documented(400, 403, 409, 413, 422))
def refresh_runs(request: ScriptRequest, team: TeamSlug, asked: RunSelection) -> Answer[schemas.CountOut]:
    """Have CAMB.AI asked about many runs, as soon as the key's limits allow."""
    if not ApiKey.objects.filter(team=request.team).exists():
        raise HttpError(409, refresh_obstacle(request.team))
    return Answer(202, schemas.CountOut(count=request_refresh_many(asked.among(request), request.team)))


@router.post("/runs/archive", response={200: schemas.CountOut} | documented(400, 403, 413, 422))
def archive_runs(request: ScriptRequest, team: TeamSlug, asked: RunSelection) -> schemas.CountOut:
    """Put runs aside: they leave the list and the search, and are not asked about."""
    return schemas.CountOut(count=archive_.archive_runs(request.team, asked.among(request).pks()))


@router.post("/runs/restore", response={200: schemas.CountOut} | documented(400, 403, 413, 422))
def restore_runs(request: ScriptRequest, team: TeamSlug, asked: RunSelection) -> schemas.CountOut:
    """Take archived runs back."""
    return schemas.CountOut(count=archive_.restore_runs(request.team, asked.among(request).pks()))


@router.post("/runs/tag", response={200: schemas.CountOut} | documented(400, 403, 413, 422))
def tag_runs(request: ScriptRequest, team: TeamSlug, asked: TaggedSelection) -> schemas.CountOut:
    """Put runs under tags."""
    names = _names(asked.tags)
    return schemas.CountOut(count=tags.add_tags(request.team, dict.fromkeys(asked.among(request).pks(), names)))


@router.post("/runs/untag", response={200: schemas.CountOut} | documented(400, 403, 413, 422))
def untag_runs(request: ScriptRequest, team: TeamSlug, asked: TaggedSelection) -> schemas.CountOut:
    """Take runs from under tags."""
    return schemas.CountOut(count=tags.remove_tags(request.team, asked.among(request).pks(), _names(asked.tags)))
