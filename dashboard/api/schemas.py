"""What do runs, dubs and hits look like to a script?"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated

from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from pydantic import BaseModel, Field

from dashboard.pages.search_hits import cue_url
from results import models
from results.models import RunQuerySet
from results.search.service import Hit as Found
from results.transcripts import languages
from teams.models import Membership

# What a database takes.
Id = Annotated[int, Field(ge=1, lt=2**63)]
Status = models.Run.Status


class DubOut(BaseModel):
    """A run's output in one language. Its addresses want the token too; null: there is none."""

    id: int
    language: str = Field(description="A tag such as `es-es`; empty where CAMB.AI named none.")
    language_name: str
    duration_ms: int
    cue_count: int
    transcript: str | None = Field(description="As JSON; other endings give other formats.")
    video: str | None
    audio: str | None


class RunOut(BaseModel):
    id: int = Field(description="Dubroom's own, and the one in addresses.")
    camb_run_id: int | None = Field(description="CAMB.AI's; null while only a task is known.")
    camb_task_id: str | None
    title: str
    tags: list[str]
    status: Status
    reason: str = Field(description="Why it failed or was not found, and the next step.")
    notes: list[str] = Field(description="What was odd in CAMB.AI's answer.")
    is_finished: bool = Field(description="CAMB.AI is not asked about it again by itself.")
    languages: list[str]
    duration_ms: int
    cue_count: int
    dubs: list[DubOut]
    added_by: str | None
    added_at: datetime
    changed_at: datetime | None = Field(description="When an answer last changed something.")
    checked_at: datetime | None
    next_check_at: datetime | None
    archived_at: datetime | None
    version: int = Field(description="The team's when this run last changed; see `changed_since`.")
    page: str = Field(description="The run's page, for people.")


class RunListOut(BaseModel):
    runs: list[RunOut]
    next: int | None = Field(description="The `cursor` of the next page; null: this is the last.")
    version: int = Field(description="The team's now: ask for what comes with `changed_since`.")


class TeamOut(BaseModel):
    slug: str
    name: str
    role: Membership.Role = Field(description="What you are in it.")
    can_write: bool = Field(description="Whether this token may change something.")
    runs: dict[str, int] = Field(description="How many there are by status, and how many are archived.")
    trouble: str = Field(description="Why CAMB.AI is not asked at the moment; empty when it is.")
    version: int = Field(description="Grows with every change of a run.")


class HitOut(BaseModel):
    """A line that was found."""

    run: int
    camb_run_id: int | None
    title: str
    dub: int
    language: str
    position: int
    start_ms: int
    end_ms: int
    speaker: str
    text: str
    marks: list[tuple[int, int]] = Field(
        description="From where to where it says what was looked for, counted in Unicode code points."
    )
    page: str = Field(description="The moment in the run's page, for people.")


class HitListOut(BaseModel):
    hits: list[HitOut]
    next: str | None = Field(description="The `cursor` of the next page; null: this is the last.")
    count: int | None = Field(description="Of the whole search; told with its first page.")
    is_exact: bool = Field(description="False: there are at least `count`.")
    hint: str = Field(description="What of `q` was not understood.")
    suggestion: str = Field(description="What may have been meant, when nothing was found.")


class CountOut(BaseModel):
    count: int = Field(description="How many runs it was done with.")


def with_dubs(runs: RunQuerySet) -> RunQuerySet:
    """All that `run_out` tells, in as many queries for one as for a hundred."""
    dubs = models.Dub.objects.order_by("pk").defer("cues_hash", "is_alert_checked")
    return runs.select_related("added_by").prefetch_related("tags", Prefetch("dubs", dubs))


def run_out(request: HttpRequest, of: models.Run, root: str) -> RunOut:
    """The run; `root` is the team's address in the API."""
    return RunOut(
        id=of.pk,
        camb_run_id=of.camb_run_id,
        camb_task_id=of.camb_task_id or None,
        title=of.title,
        tags=of.tag_names,
        status=Status(of.status),
        reason=of.reason,
        notes=of.notes,
        is_finished=of.due_at is None,
        languages=of.languages,
        duration_ms=of.duration_ms,
        cue_count=of.cue_count,
        dubs=[_dub(dub, root) for dub in of.dubs.all()],
        added_by=str(of.added_by) if of.added_by else None,
        added_at=of.created_at,
        changed_at=of.changed_at,
        checked_at=of.checked_at,
        next_check_at=of.due_at,
        archived_at=of.archived_at,
        version=of.version,
        page=request.build_absolute_uri(str(of.pk).join(_page())),
    )


@lru_cache(maxsize=1)
def _page() -> list[str]:
    return reverse("runs-detail", args=[0]).rsplit("0", 1)


def _dub(dub: models.Dub, root: str) -> DubOut:
    here = f"{root}/dubs/{dub.pk}"
    return DubOut(
        id=dub.pk,
        language=dub.language,
        language_name=languages.name(dub.language),
        duration_ms=dub.duration_ms,
        cue_count=dub.cue_count,
        transcript=f"{here}/transcript.json" if dub.cue_count else None,
        video=f"{here}/video" if dub.video_url else None,
        audio=f"{here}/audio" if dub.audio_url else None,
    )


def hit_out(request: HttpRequest, found: Found) -> HitOut:
    cue = found.cue
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
        marks=found.marks,
        page=request.build_absolute_uri(cue_url(cue)),
    )
