"""The API's list of a team's audit trail, for its owners.

The name of the view is its operation id in openapi.json, and must not change.
"""

from datetime import date, datetime
from typing import Self

from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from dashboard.api.schemas import Text
from dashboard.pages.audit_log import AuditFilter, get_page
from teams.access import require_own
from teams.models import AuditEntry

router = Router(tags=["Audit trail"])


class AuditParameters(QueryParameters):
    """The filter and the page of the audit trail, the newest entry first."""

    kind: AuditEntry.Action | None = Field(None, description="Only entries of this kind.")
    person: Text = Field("", max_length=100, description="Part of a person's name or email address.")
    since: date | None = Field(None, description="Only entries of this day (UTC) or later.")
    until: date | None = Field(None, description="Only entries of this day (UTC) or earlier.")
    cursor: int = Field(0, ge=0, lt=2**63, description="`next` of the previous page.")
    limit: int = Field(100, ge=1, le=500, description="The number of entries on a page.")


class AuditEntryOut(BaseModel):
    """What a person did, when and from where."""

    id: int
    at: datetime
    kind: AuditEntry.Action
    person: str = Field(description="The person's name and email address; empty if it happened on the server.")
    way: AuditEntry.Way
    token: str = Field(description="The access token's name and last four characters, if a script did it.")
    address: str | None = Field(description="The IP address of the request.")
    detail: str = Field(description="What it was done to.")
    count: int = Field(description="How many runs or dubs it was done to at once.")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        return cls(
            id=entry.pk,
            at=entry.at,
            kind=AuditEntry.Action(entry.kind),
            person=entry.person,
            way=AuditEntry.Way(entry.way),
            token=entry.token,
            address=entry.address,
            detail=entry.detail,
            count=entry.count,
        )


class AuditListOut(BaseModel):
    """A page of the audit trail."""

    entries: list[AuditEntryOut]
    next: int | None = Field(description="The `cursor` of the next page; null on the last page.")


@router.get("/audit", response={200: AuditListOut} | documented(422))
def list_audit_entries(request: ScriptRequest, team: TeamSlug, data: Query[AuditParameters]) -> AuditListOut:
    """List the team's audit trail, page by page. Owners only."""
    require_own(request.auth.membership)
    wanted = AuditFilter(data.kind or "", data.person.strip(), data.since, data.until, data.cursor)
    entries, last = get_page(request.team, wanted, data.limit)
    return AuditListOut(entries=[AuditEntryOut.of(entry) for entry in entries], next=last or None)
