"""The API's operations on runs: list, add, change, refresh, archive, restore and tag.

The name of each view is its operation id in openapi.json, and must not change.
"""

import logging
import zlib
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from django.forms import BaseForm
from django.http import Http404, HttpResponse
from django.views.decorators.http import conditional_page
from ninja import Query, Router
from ninja.decorators import decorate_view
from ninja.errors import HttpError
from ninja.responses import Status as Answer
from pydantic import BaseModel, Field, model_validator

from dashboard.api import schemas
from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug, api_root
from dashboard.api.problems import documented
from dashboard.api.run_filter import Name, RunFilter, RunSelection, either
from dashboard.api.schemas import CambId, Id, OneOf, Text
from dashboard.forms.run import LanguageForm, RunsForm, TagsForm, TitleForm
from dashboard.pages.run_list import status_counts
from dashboard.pages.run_query import (
    MAX_TEXT,
    get_page,
)
from dashboard.units import size_in_words
from results import tags
from results.dubs import languages as dub_languages
from results.models import ApiKey, Language, RawAnswer, Run, RunQuerySet, TeamVersion
from results.runs import archive
from results.runs.add import PastedRuns, add_pasted, known_runs
from results.runs.paste import limits, verdicts
from results.runs.request import refresh_obstacle, request_refresh, request_refresh_many
from results.runs.time_unit import choose_time_unit
from results.transcripts import languages
from teams import audit
from teams.access import can_write, require_change, require_export
from teams.models import Membership

logger = logging.getLogger(__name__)

router = Router(tags=["Runs"])


# --- Filters and selections --------------------------------------------------------------------------


class RunListParameters(RunFilter, QueryParameters):
    """The filters, the order and the page of a list of runs."""

    order: Literal["newest", "oldest"] = Field("newest", description="By the time at which runs were added.")
    camb_run_id: list[Id] = Field([], max_length=100, description="Only runs with these CAMB.AI run ids.")
    changed_since: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="Only runs that changed after this `version`. Runs that were removed are not among them, and "
        "those that were archived only with the status `archived`. A `version` that the team has not reached, as "
        "after its database was restored from a backup, counts as 0.",
    )
    cursor: int = Field(0, ge=0, lt=2**63, description="`next` of the previous page.")
    limit: int = Field(50, ge=1, le=100, description="The number of runs on a page.")

    def narrowed(self, runs: RunQuerySet, version: int) -> RunQuerySet:
        """Return those of the runs that match the filters which the page does not have; `version` is the team's."""
        if self.camb_run_id:
            runs = runs.filter(camb_run_id__in=self.camb_run_id)
        return runs.filter(version__gt=self.changed_since) if 0 < self.changed_since <= version else runs


def _run(request: ScriptRequest, pk: int) -> Run:
    run = schemas.with_dubs(Run.objects.present().filter(team=request.team)).filter(pk=pk).first()
    if run is None:
        raise Http404
    return run


# --- Reading -----------------------------------------------------------------------------------------

UNCHANGED: dict[int, Any] = {304: None}


@router.get("", response={200: schemas.TeamOut} | documented(), url_name="team", tags=["Team"])
def team(request: ScriptRequest, team: TeamSlug) -> schemas.TeamOut:
    """Get the team, the rights of the token, and the number of runs by status."""
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


# The ETag is a hash of the whole answer: next_check_at, for one, changes without a new version.
@router.get("/runs", response={200: schemas.RunListOut} | UNCHANGED | documented(422))
@decorate_view(conditional_page)
def list_runs(request: ScriptRequest, team: TeamSlug, data: Query[RunListParameters]) -> schemas.RunListOut:
    """List runs, page by page. Send the ETag of an answer as If-None-Match: an unchanged list answers 304."""
    version = TeamVersion.current(request.team.pk)
    order = "oldest" if data.order == "oldest" else ""
    query = replace(data.list_query, order=order, after=data.cursor)
    runs = data.narrowed(Run.objects.filter(team=request.team), version)
    page = get_page(schemas.with_dubs(runs), query, data.limit)
    root = api_root(request)
    return schemas.RunListOut(
        runs=[schemas.run_out(request, run, root) for run in page.runs],
        next=page.runs[-1].pk if page.after else None,
        # A run that changes while its page was read already is behind the version before the first page alone.
        version=None if data.cursor else version,
    )


@router.get("/runs/{int:run}", response={200: schemas.RunOut} | UNCHANGED | documented())
@decorate_view(conditional_page)
def one_run(request: ScriptRequest, team: TeamSlug, run: int) -> schemas.RunOut:
    """Get one run with its dubs. The ETag works as for the list."""
    return schemas.run_out(request, _run(request, run), api_root(request))


@router.get("/runs/{int:run}/answer", response={200: dict[str, Any]} | documented())
def run_answer(request: ScriptRequest, team: TeamSlug, run: int) -> HttpResponse:
    """Get CAMB.AI's newest answer about a run, as it was stored. For owners, managers and members."""
    found = _run(request, run)
    require_change(request.auth.membership)
    require_export(request.auth.membership)
    stored = RawAnswer.objects.filter(run=found).first()
    if stored is None:
        raise Http404
    logger.info("Raw answer about run %s exported by user %s", run, request.user.pk)
    audit.record(request.team, audit.Action.EXPORTED, f"{found.camb_name} · raw answer")
    return HttpResponse(zlib.decompress(stored.body), content_type="application/json")


# --- Changing ----------------------------------------------------------------------------------------


class RunChange(BaseModel, extra="forbid"):
    """What to change about a run; a field that is left out stays as it is."""

    title: Text = Field(default_factory=str, description=f"At most {Run.MAX_TITLE} characters.")
    time_unit: Annotated[str, OneOf((*Run.TimeUnit.values, ""))] = Field(
        default="", description="The unit of CAMB.AI's times in this run's answer; empty leaves it to Dubroom."
    )

    @model_validator(mode="after")
    def _has_a_field(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what to change")
        return self


@router.patch("/runs/{int:run}", response={200: schemas.RunOut} | documented(400, 413, 422))
def change_run(request: ScriptRequest, team: TeamSlug, run: int, data: RunChange) -> schemas.RunOut:
    """Change a run's title, or the unit in which its times are read."""
    found = _run(request, run)
    if "title" in data.model_fields_set:
        form = TitleForm({"title": data.title}, instance=found)
        _cleaned(form, "title")
        form.save()
    if "time_unit" in data.model_fields_set:
        choose_time_unit(found, data.time_unit)
    return schemas.run_out(request, _run(request, run), api_root(request))


class NewRuns(BaseModel):
    """Either `ids`, or a `text` as pasted on the Add runs page: a message, links, a CSV with languages."""

    model_config = either("ids", "text")
    ids: list[CambId] = Field(
        default_factory=list,
        max_length=limits.MAX_IDS,
        description=f"Ids of CAMB.AI's runs or dubbing tasks, at most {limits.MAX_IDS:,}.",
    )
    text: str = Field(
        default_factory=str,
        max_length=limits.MAX_BYTES,
        description=(f"At most {size_in_words(limits.MAX_BYTES)} in UTF-8, with at most {limits.MAX_IDS:,} ids."),
    )
    tags: list[Name] = Field(
        [], max_length=limits.MAX_TAGS, description="Tags for every run of the request, known ones too."
    )
    language: Text = Field(
        "",
        max_length=MAX_TEXT,
        description=(
            "The language of the dubs: a tag such as `pt-br`, a name, or a number of CAMB.AI. It is for every run "
            "that has none in the `text`, and a dub gets it where CAMB.AI names no language."
        ),
    )

    @model_validator(mode="after")
    def _has_one_field(self) -> Self:
        if ("ids" in self.model_fields_set) == ("text" in self.model_fields_set):
            raise ValueError("give either ids or a text")
        return self

    @property
    def pasted(self) -> str:
        """The text to parse for ids."""
        return self.text if "text" in self.model_fields_set else "\n".join(self.ids)


class TaggedSelection(RunSelection):
    """A selection of runs, and the tags to add to them or to remove from them."""

    tags: list[Name] = Field(min_length=1, max_length=limits.MAX_TAGS)


class LanguageOfSelection(RunSelection):
    """A selection of runs, and the language of their dubs."""

    language: Text = Field(
        max_length=100,
        description="A tag or a name, such as `pt-br` or `Japanese`. Empty: the language is chosen automatically.",
    )


class AddedLine(BaseModel):
    """An id of the request, with its run."""

    written: str = Field(description="The id as it was sent.")
    id: int = Field(description="The run's id in Dubroom.")
    camb_run_id: int | None = Field(description="CAMB.AI's run id; null while only the task is known.")
    camb_task_id: str | None = Field(description="CAMB.AI's task id, if it is known.")
    note: str = Field(description="How the id, its title, tags or language were read, if not as they were sent.")


class RefusedLine(BaseModel):
    """A part of the request that added no run."""

    written: str = Field(description="The part as it was sent.")
    reason: str = Field(description="Why it added no run.")


class AddedOut(BaseModel):
    """The result for every id of the request."""

    added: list[AddedLine] = Field(description="New runs and tasks.")
    known: list[AddedLine] = Field(description="Runs that the team already had.")
    archived: list[AddedLine] = Field(description="Runs that the team already had, and has archived.")
    restored: list[AddedLine] = Field(description="Runs that had been removed, and are restored.")
    repeated: list[RefusedLine] = Field(description="Repetitions of an earlier id of the request.")
    refused: list[RefusedLine] = Field(description="Parts that look like an id but are not valid.")
    words: int = Field(description="The number of words, which were ignored.")


class RefreshOut(BaseModel):
    """The state of a requested refresh."""

    detail: str = Field(description="Whether CAMB.AI is asked now, or was asked just before.")


def _cleaned(form: BaseForm, field: str) -> Any:
    """Return a field of the page's own form. Raises HttpError (422) with the sentences that the page would show."""
    if not form.is_valid():
        raise HttpError(422, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return form.cleaned_data[field]


def _names(names: list[str]) -> list[str]:
    """Return the tags as the page's form cleans them: an item with commas is several tags."""
    cleaned: list[str] = _cleaned(TagsForm({"tags": ",".join(names)}), "tags")
    return cleaned


def _language_tag(name: str) -> str:
    """Return the tag of the language with this name. Raises HttpError (422) if there is none."""
    tag = languages.read(name, dict(Language.objects.values_list("camb_id", "tag"))) if name else ""
    if name and not tag:
        raise HttpError(422, languages.not_known(name))
    return tag


@router.post("/runs", response={200: AddedOut} | documented(400, 413, 422))
def add_runs(request: ScriptRequest, team: TeamSlug, data: NewRuns) -> AddedOut:
    """Add runs or tasks by id.

    A run that the team already has gets the tags, and the title and language that it lacks.
    """
    pasted = _cleaned(RunsForm({"text": data.pasted}), "pasted")
    if pasted.question:  # the ids of a whole table would be missing, of which a script would not know
        raise HttpError(422, f"{pasted.question} Nothing was added.")
    tag = _language_tag(data.language)
    lines = [line.with_language(tag) for line in pasted.lines]
    if data.tags:
        names = tuple(_names(data.tags))
        lines = [replace(line, tags=tuple(dict.fromkeys((*line.tags, *names)))) for line in lines]
    found = PastedRuns.of(request.team, lines)
    if not found.lines:
        raise HttpError(422, "This contains no run id, so nothing was added.")
    add_pasted(request.team, found.lines, request.user)
    runs = known_runs(request.team, found.lines)

    def with_runs(lines: list[verdicts.PastedId]) -> list[AddedLine]:
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
        added=with_runs([*found.new, *found.tasks]),
        known=with_runs(found.known),
        archived=with_runs(found.archived),
        restored=with_runs(found.removed),
        repeated=[RefusedLine(written=line.written, reason=line.note) for line in found.repeated],
        refused=[RefusedLine(written=line.written, reason=line.note) for line in (*found.bad, *found.no_ids)],
        words=len(found.words),
    )


@router.post("/runs/{int:run}/refresh", response={202: RefreshOut} | documented(409, 503))
def refresh_run(request: ScriptRequest, team: TeamSlug, run: int) -> Answer[RefreshOut]:
    """Refresh this run ahead of all others, as soon as the key's limits allow."""
    found = _run(request, run)
    if request_refresh(found):
        return Answer(202, RefreshOut(detail="The run is being refreshed. Look again in a few seconds."))
    if obstacle := refresh_obstacle(request.team, found):
        raise HttpError(409, obstacle)
    return Answer(202, RefreshOut(detail="This run is already being refreshed, or was a moment ago."))


@router.post("/runs/refresh", response={202: schemas.CountOut} | documented(400, 409, 413, 422, 503))
def refresh_runs(request: ScriptRequest, team: TeamSlug, data: RunSelection) -> Answer[schemas.CountOut]:
    """Refresh many runs, as soon as the key's limits allow."""
    if not ApiKey.objects.filter(team=request.team).exists():
        raise HttpError(409, refresh_obstacle(request.team))
    return Answer(202, schemas.CountOut(count=request_refresh_many(data.runs_of(request.team), request.team)))


@router.post("/runs/language", response={200: schemas.CountOut} | documented(400, 413, 422))
def set_language(request: ScriptRequest, team: TeamSlug, data: LanguageOfSelection) -> schemas.CountOut:
    """Set the language of the only dub that each run has or gets. Runs with several dubs stay as they are."""
    tag = _cleaned(LanguageForm({"language": data.language}), "language")
    runs = data.runs_of(request.team)
    count = runs.count()
    _words, left_out = dub_languages.set_languages(request.team, runs, tag)
    return schemas.CountOut(count=count - left_out)


@router.post("/runs/language/confirm", response={200: schemas.CountOut} | documented(400, 413, 422))
def confirm_languages(request: ScriptRequest, team: TeamSlug, data: RunSelection) -> schemas.CountOut:
    """Confirm the guessed languages of runs; the count is that of their dubs."""
    _words, count = dub_languages.confirm_guesses(request.team, data.runs_of(request.team))
    return schemas.CountOut(count=count)


@router.post("/runs/archive", response={200: schemas.CountOut} | documented(400, 413, 422))
def archive_runs(request: ScriptRequest, team: TeamSlug, data: RunSelection) -> schemas.CountOut:
    """Archive runs: they leave the list and the search, and are no longer checked."""
    return schemas.CountOut(count=archive.archive_runs(request.team, data.runs_of(request.team).pks()))


@router.post("/runs/restore", response={200: schemas.CountOut} | documented(400, 413, 422))
def restore_runs(request: ScriptRequest, team: TeamSlug, data: RunSelection) -> schemas.CountOut:
    """Restore archived runs."""
    return schemas.CountOut(count=archive.unarchive_runs(request.team, data.runs_of(request.team).pks()))


@router.post("/runs/tag", response={200: schemas.CountOut} | documented(400, 413, 422))
def tag_runs(request: ScriptRequest, team: TeamSlug, data: TaggedSelection) -> schemas.CountOut:
    """Add tags to runs."""
    names = _names(data.tags)
    return schemas.CountOut(
        count=tags.add_tags(request.team, dict.fromkeys(data.runs_of(request.team).pks(), names))
    )


@router.post("/runs/untag", response={200: schemas.CountOut} | documented(400, 413, 422))
def untag_runs(request: ScriptRequest, team: TeamSlug, data: TaggedSelection) -> schemas.CountOut:
    """Remove tags from runs."""
    return schemas.CountOut(
        count=tags.remove_tags(request.team, data.runs_of(request.team).pks(), _names(data.tags))
    )
