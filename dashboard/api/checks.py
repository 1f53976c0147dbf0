"""The API's operations on review checks: list the open ones, dismiss all of a kind in a dub, and bring them back.

The name of each view is its operation id in openapi.json, and must not change.
"""

from datetime import datetime
from typing import Annotated, Self

from django.http import Http404
from ninja import Query, Router
from ninja.responses import Status as Answer
from pydantic import BaseModel, Field, model_validator

from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from dashboard.api.schemas import CheckKind, Position, Text, Time
from dashboard.pages.check_board import CheckQuery, check_href, get_checks, review_check
from dashboard.pages.run_query import NO_LANGUAGE
from results.dubs import checks
from results.models import DismissedCheck, Dub, OpenCheck, Tag
from results.transcripts.languages import MAX_LANGUAGE_TAG
from teams.access import require_export

router = Router(tags=["Review checks"])

Cursor = Annotated[str, Field(pattern=r"^([0-9]{1,2}-[0-9]{1,18})?$")]
MAX_REASON = DismissedCheck._meta.get_field("reason").max_length


class CheckOut(BaseModel):
    """A line to look at, and why."""

    kind: CheckKind
    words: str = Field(description="What is wrong, by how much, and the limit, in words.")
    amount: float = Field(
        description=("Characters a second for `fast`, else seconds; characters for `long` with `is_of_text`.")
    )
    limit: int = Field(description="The limit that `amount` exceeds; 0 for kinds without one.")
    is_of_text: bool = Field(description="Whether a `long` line has too many characters, not seconds.")
    other_language: str = Field(description="Of a `foreign` line, the tag of the language that it is in.")
    run: int = Field(description="The run's id in Dubroom.")
    camb_run_id: int | None = Field(description="CAMB.AI's run id.")
    title: str = Field(description="The run's title.")
    dub: int = Field(description="The dub's id.")
    language: str = Field(description="The dub's language tag.")
    position: int = Field(description="The line's number in the transcript, from 1.")
    start_ms: int
    speaker: str
    text: str
    page: str = Field(description="The address of the line in the run's page.")


class CheckListOut(BaseModel):
    """A page of open review checks, the most severe kind first."""

    checks: list[CheckOut]
    next: str | None = Field(description="The `cursor` of the next page; null on the last page.")


class CheckListParameters(QueryParameters):
    """The filter and the page of a list of review checks."""

    kind: CheckKind | None = Field(None, description="Only checks of this kind.")
    language: Text = Field(
        "",
        max_length=MAX_LANGUAGE_TAG,
        description=f"Only dubs in this language, in any of its regions; `{NO_LANGUAGE}`: without a language.",
    )
    tag: Text = Field("", max_length=Tag.MAX_NAME, description="Only runs with this tag.")
    cursor: Cursor = Field("", description="`next` of the previous page.")
    after: Cursor = Field("", description="The former name of `cursor`.", json_schema_extra={"deprecated": True})
    limit: int = Field(50, ge=1, le=100, description="The number of checks on a page.")

    @property
    def check_query(self) -> CheckQuery:
        kind = self.kind.value if self.kind else ""
        return CheckQuery.cleaned(kind, self.language, self.tag, self.cursor or self.after)

    @model_validator(mode="after")
    def _is_a_filter(self) -> Self:
        # The page ignores a filter that is empty once cleaned. Here, ignoring it would list every check.
        query = self.check_query
        if bool(query.language) != bool(self.language) or bool(query.tag) != bool(self.tag):
            raise ValueError("language takes a tag such as es, and tag must contain text")
        return self


class Dismissal(BaseModel, extra="forbid"):
    """Which checks of a dub to dismiss, and why."""

    kind: CheckKind
    reason: Text = Field(min_length=1, max_length=MAX_REASON, pattern=r"\S")
    first: Position = Field(1, description="The position of the first line.")
    last: Position | None = Field(None, description="The position of the last line; null: the end.")


class DismissedOut(BaseModel):
    """What was dismissed."""

    count: int = Field(description="The number of checks.")
    dismissed_at: datetime = Field(description="By this time, `restore` brings them back.")


class Restoration(BaseModel, extra="forbid"):
    """Which dismissed checks to bring back."""

    kind: CheckKind
    dismissed_at: Time = Field(description="The time that `dismiss` answered.")


@router.get("/checks", response={200: CheckListOut} | documented(422))
def list_checks(request: ScriptRequest, team: TeamSlug, data: Query[CheckListParameters]) -> CheckListOut:
    """List the open review checks of all runs that are not archived, the most severe kind first."""
    require_export(request.auth.membership)
    page = get_checks(request.team.pk, data.check_query, data.limit)
    return CheckListOut(checks=[_check_out(request, row) for row in page.checks], next=page.after or None)


@router.post("/dubs/{int:dub}/checks/dismiss", response={200: DismissedOut} | documented(400, 413, 422))
def dismiss_checks(request: ScriptRequest, team: TeamSlug, dub: int, data: Dismissal) -> DismissedOut:
    """Dismiss all open checks of a kind in a dub, or in some of its lines."""
    found = _dub(request, dub)
    lines = range(data.first, (data.last or found.cue_count) + 1)
    count, at = checks.dismiss_all(found, data.kind, data.reason.strip(), request.user, lines)
    return DismissedOut(count=count, dismissed_at=at)


@router.post("/dubs/{int:dub}/checks/restore", response={204: None} | documented(400, 413, 422))
def restore_checks(request: ScriptRequest, team: TeamSlug, dub: int, data: Restoration) -> Answer[None]:
    """Bring back the checks that one `dismiss` dismissed."""
    checks.reopen_all(_dub(request, dub), data.kind, data.dismissed_at)
    return Answer(204, None)


def _dub(request: ScriptRequest, pk: int) -> Dub:
    found = Dub.objects.present().filter(team=request.team, pk=pk).first()
    if found is None:
        raise Http404
    return found


def _check_out(request: ScriptRequest, row: OpenCheck) -> CheckOut:
    check = review_check(row)
    return CheckOut(
        kind=check.kind,
        words=str(check),
        amount=round(check.amount, 3),
        limit=check.limit,
        is_of_text=check.is_of_text,
        other_language=check.language,
        run=row.run_id,
        camb_run_id=row.run.camb_run_id,
        title=row.run.title,
        dub=row.dub_id,
        language=row.dub.language,
        position=row.position,
        start_ms=row.start_ms,
        speaker=row.speaker or "",  # type: ignore[attr-defined]
        text=row.text or "",  # type: ignore[attr-defined]
        page=request.build_absolute_uri(check_href(row)),
    )
