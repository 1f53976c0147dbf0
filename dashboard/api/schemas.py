"""The API's answers for teams, runs, dubs and search hits, and the functions that build them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal

from django.db.models import Prefetch
from django.http import HttpRequest
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import core_schema

from dashboard.pages.search_hits import cue_url
from results import models
from results.models import RunQuerySet
from results.notifications import sentences
from results.search.service import Hit
from results.transcripts import dub_checks, languages, review
from teams.models import Membership


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("this time is not within the years 1 to 9999 of UTC") from None


def _no_boolean(value: object) -> object:
    # Python and pydantic take true for 1.
    if isinstance(value, bool):
        raise ValueError("this takes a number, not true or false")
    return value


NO_BOOLEAN = BeforeValidator(_no_boolean)


# A union would name each of its types as a place in the request, such as `body.ids.0.int`.
def _camb_id(value: object) -> str:
    if not isinstance(_no_boolean(value), int | str):
        raise ValueError("this takes a run id or a task id, as a number or in quotes")
    return str(value)


@dataclass(frozen=True)
class OneOf:
    """Marks a text as one of these words."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.literal_schema(list(self.words))


def _storable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("this text must not contain control characters")
    return text


# Databases and XML do not take all of them, nor half a surrogate pair. No title, name or filter has any.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
Text = Annotated[str, AfterValidator(_storable)]
# An id as CAMB.AI gives it, of a run or a task, as text.
CambId = Annotated[
    str, BeforeValidator(_camb_id), WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]})
]
# A positive integer that fits a database column.
Id = Annotated[int, Field(ge=1, lt=2**63), NO_BOOLEAN]
# The number of a line.
Position = Annotated[int, Field(ge=1, lt=2**31), NO_BOOLEAN]
# A time that fits a database column; without an offset it is in UTC.
Time = Annotated[datetime, AfterValidator(_in_utc)]
Status = models.Run.Status
LanguageSource = models.LanguageSource


def _titled(title: str, kinds: type[Enum]) -> WithJsonSchema:
    # Two classes of the same name would share one schema in openapi.json, where a name is all that counts.
    return WithJsonSchema({"title": title, "type": "string", "enum": [kind.value for kind in kinds]})


CheckKind = Annotated[review.Kind, _titled("CheckKind", review.Kind)]
EventKind = Annotated[models.Event.Kind, _titled("EventKind", models.Event.Kind)]


class DubOut(BaseModel):
    """A run's output in one language. Its addresses need the token too."""

    id: int
    language: str = Field(description="A language tag such as `es-es`; empty if nothing names the language.")
    language_name: str = Field(description="The language's name.")
    language_source: LanguageSource | None = Field(
        description=(
            "Where the language comes from, the strongest first: a person, CAMB.AI, the list that the run was "
            "added with, or a guess from the text. Null without a language."
        )
    )
    text_language: str = Field(
        description="The tag of the language that the text is in; empty if that is uncertain."
    )
    foreign_lines: list[tuple[int, int, str]] = Field(
        description="Stretches of lines in another language: first position, last position, tag."
    )
    duration_ms: int
    cue_count: int = Field(description="The number of lines in the transcript.")
    transcript: str | None = Field(
        description="The address of the transcript as JSON; other endings give other formats. Null if none."
    )
    video: str | None = Field(description="The address of the video; null if there is none.")
    audio: str | None = Field(description="The address of the audio; null if there is none.")


class RunOut(BaseModel):
    """A run that the team tracks, with its dubs."""

    id: int = Field(description="The run's id in Dubroom, as in its addresses.")
    camb_run_id: int | None = Field(description="CAMB.AI's run id; null while only the task is known.")
    camb_task_id: str | None = Field(description="CAMB.AI's task id, if it is known.")
    title: str
    source: int | None = Field(description="The id of the source that it shares with other runs; null if alone.")
    tags: list[str]
    status: Status
    reason: str = Field(description="Why the run failed or was not found, and the next step.")
    notes: list[str] = Field(description="Irregularities in CAMB.AI's answer.")
    is_finished: bool = Field(description="Whether automatic checks have ended. A refresh can still be requested.")
    languages: list[str] = Field(description="The language tag of each dub.")
    duration_ms: int = Field(description="The length of the longest dub.")
    check_count: int = Field(description="The number of open review checks in all transcripts.")
    cue_count: int = Field(description="The number of lines in the longest transcript.")
    dubs: list[DubOut]
    added_by: str | None = Field(description="The name or email address of the person who added the run.")
    added_by_id: int | None = Field(
        description="The person's id, for the filter `who`; null if the account is gone."
    )
    added_at: datetime
    changed_at: datetime | None = Field(description="When an answer of CAMB.AI last changed the run.")
    checked_at: datetime | None = Field(description="When CAMB.AI was last asked.")
    next_check_at: datetime | None = Field(description="When CAMB.AI is asked next; null if checks have ended.")
    time_unit: models.Run.TimeUnit | Literal[""] = Field(
        description="The unit of CAMB.AI's times that a person chose; empty if Dubroom decides."
    )
    archived_at: datetime | None = Field(description="Null unless the run is archived.")
    version: int = Field(description="The team's `version` at the run's last change; see `changed_since`.")
    page: str = Field(description="The address of the run's page in the browser.")


class RunListOut(BaseModel):
    """A page of runs."""

    runs: list[RunOut]
    next: int | None = Field(description="The `cursor` of the next page; null on the last page.")
    version: int | None = Field(
        description="The team's `version` on the first page, null after it. Once all pages are read, pass it as "
        "`changed_since` to get only later changes."
    )


class TeamOut(BaseModel):
    """The team of the token."""

    slug: str = Field(description="The team's name in addresses.")
    name: str
    role: Membership.Role = Field(description="The role of the token's person in the team.")
    can_write: bool = Field(description="Whether this token may change anything.")
    runs: dict[str, int] = Field(description="The number of runs by status, and of archived runs.")
    trouble: str = Field(description="Why CAMB.AI cannot be asked now; empty if it can.")
    version: int = Field(description="A counter that grows with every change of a run.")


class DubCheckOut(BaseModel):
    """A review check of a line: a reason to look at it."""

    position: int = Field(description="The line's number in the transcript, from 1.")
    kind: CheckKind
    words: str = Field(description="What is wrong, by how much, and what the limit is.")
    is_dismissed: bool
    reason: str = Field(description="Why a person dismissed it; empty if no one did.")


class DubCheckListOut(BaseModel):
    """The review checks of a dub, and the team's limits for its language."""

    speed: int = Field(description="The limit for lines in the dub's language, in characters a second.")
    is_speed_of_team: bool = Field(description="False if `speed` is that of the guide for subtitles.")
    overlap_ms: int = Field(description="An overlap with the next line beyond this gets a review check.")
    gap_ms: int = Field(description="A gap after a line beyond this gets a review check.")
    checks: list[DubCheckOut]


class HitOut(BaseModel):
    """A line of a transcript that matches the search."""

    run: int = Field(description="The run's id in Dubroom.")
    camb_run_id: int | None = Field(description="CAMB.AI's run id.")
    title: str = Field(description="The run's title.")
    dub: int = Field(description="The dub's id.")
    language: str = Field(description="The dub's language tag.")
    position: int = Field(description="The line's number in the transcript, from 1.")
    start_ms: int
    end_ms: int
    speaker: str
    text: str
    marks: list[tuple[int, int]] = Field(
        description="Start and end of each match in `text`, in Unicode code points; the end is exclusive."
    )
    page: str = Field(description="The address of the line in the run's page.")
    said: "HitOut | None" = Field(
        description="Of a search with `in:`, the line of another dub in which the words were found; else null."
    )


class HitListOut(BaseModel):
    """A page of search hits."""

    hits: list[HitOut]
    next: str | None = Field(description="The `cursor` of the next page; null on the last page.")
    count: int | None = Field(description="The number of hits on all pages; null after the first page.")
    is_exact: bool = Field(description="False if there may be more than `count` hits.")
    hint: str = Field(description="What in `q` was not understood.")
    suggestion: str = Field(
        description="`q` with similar words of transcripts, or else of runs' titles; empty if anything was found."
    )


class CountOut(BaseModel):
    """The result of a change of many runs."""

    count: int = Field(description="The number of runs that were changed.")


def with_dubs(runs: RunQuerySet) -> RunQuerySet:
    """Return the runs with everything that `run_out` reads: the number of queries does not grow with the runs."""
    dubs = models.Dub.objects.order_by("pk").defer("cues_hash", "is_alert_checked")
    return runs.select_related("added_by").prefetch_related("tags", Prefetch("dubs", dubs))


def run_out(request: HttpRequest, run: models.Run, root: str) -> RunOut:
    """Return the run; `root` is the team's address in the API."""
    return RunOut(
        id=run.pk,
        camb_run_id=run.camb_run_id,
        camb_task_id=run.camb_task_id or None,
        title=run.title,
        source=run.source_id,
        tags=run.tag_names,
        status=Status(run.status),
        reason=run.reason,
        notes=run.notes,
        is_finished=run.due_at is None,
        languages=run.languages,
        duration_ms=run.duration_ms,
        cue_count=run.cue_count,
        check_count=run.check_count,
        dubs=[dub_out(dub, root) for dub in run.dubs.all()],
        added_by=str(run.added_by) if run.added_by else None,
        added_by_id=run.added_by_id,
        added_at=run.created_at,
        changed_at=run.changed_at,
        checked_at=run.checked_at,
        next_check_at=run.due_at,
        time_unit=models.Run.TimeUnit(run.time_unit) if run.time_unit else "",
        archived_at=run.archived_at,
        version=run.version,
        page=request.build_absolute_uri(sentences.run_path(run.pk)),
    )


def check_list_out(dub: models.Dub) -> DubCheckListOut:
    """Return the dub's review checks in the order of its lines, with the limits by which they were made."""
    cues = list(dub.cues.all())
    limits = dub_checks.limits_of_dub(dub)
    found = zip(cues, dub_checks.checks_of(dub, cues, limits), strict=True)
    return DubCheckListOut(
        speed=limits.speed,
        is_speed_of_team=limits.limits.is_own(limits.tag),
        overlap_ms=limits.limits.overlap_ms,
        gap_ms=limits.limits.gap_ms,
        checks=[_check_out(cue.position, each) for cue, checks in found for each in checks],
    )


def _check_out(position: int, found: dub_checks.DubCheck) -> DubCheckOut:
    return DubCheckOut(
        position=position,
        kind=found.check.kind,
        words=str(found.check),
        is_dismissed=found.dismissed is not None,
        reason=found.dismissed.reason if found.dismissed else "",
    )


def dub_out(dub: models.Dub, root: str) -> DubOut:
    """Return the dub; `root` is the team's address in the API."""
    address = f"{root}/dubs/{dub.pk}"
    return DubOut(
        id=dub.pk,
        language=dub.language,
        language_name=languages.name(dub.language),
        language_source=LanguageSource(dub.language_source) if dub.language_source else None,
        text_language=dub.text_language,
        foreign_lines=dub.foreign_lines or [],
        duration_ms=dub.duration_ms,
        cue_count=dub.cue_count,
        transcript=f"{address}/transcript.json" if dub.cue_count else None,
        video=f"{address}/video" if dub.video_url else None,
        audio=f"{address}/audio" if dub.audio_url else None,
    )


def hit_out(request: HttpRequest, hit: Hit) -> HitOut:
    """Return a search hit."""
    cue = hit.cue
    return HitOut(
        run=cue.run_id,
        camb_run_id=cue.run.camb_run_id,
        title=cue.run.title,
        dub=cue.dub_id,
        language=cue.dub.language,
        position=cue.position,
        start_ms=cue.start_ms,
        end_ms=cue.end_ms,
        speaker=cue.speaker,
        text=cue.text,
        marks=hit.marks,
        page=request.build_absolute_uri(cue_url(cue)),
        said=hit_out(request, hit.said) if hit.said else None,
    )
