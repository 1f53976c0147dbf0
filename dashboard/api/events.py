"""The API's events: what happened in a team, page by page, for a script that needs no webhook."""

from datetime import datetime
from typing import Any

from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from dashboard.api.schemas import EventKind
from results.models import Event
from results.notifications import receivers, webhooks
from teams.access import can_manage

router = Router(tags=["Events"])


class EventListParameters(QueryParameters):
    after: int | None = Field(
        None,
        ge=0,
        lt=2**63,
        description="Only events after this one: `next` of the previous page, or 0 for all that are kept. Without "
        "it there are no events, and `next` is the newest. Start a script this way. An id that the team has not "
        "reached, as after its database was restored from a backup, counts as 0.",
    )
    kind: list[EventKind] = Field([], max_length=20, description="Only events of these kinds.")
    limit: int = Field(100, ge=1, le=500, description="The number of events on a page.")


class EventOut(BaseModel):
    """One event. Webhooks send the same."""

    id: int = Field(description="Grows with each event of the team; it never changes.")
    kind: EventKind
    at: datetime
    text: str = Field(description="What happened, in a sentence; the reason of a failure.")
    run: int | None = Field(description="The run's id in Dubroom.")
    camb_run_id: int | None
    title: str
    languages: list[str] = Field(description="The tags of the run's languages.")
    language: str = Field(description="The tag of the dub that the event is about, or empty.")
    position_ms: int | None = Field(description="The position in the dub that the event is about.")
    detail: dict[str, Any] = Field(description="Depends on the kind, such as lines `added` and `removed`.")
    page: str = Field(description="The address of the page to look at.")


class EventListOut(BaseModel):
    """A page of events, the oldest first."""

    events: list[EventOut]
    next: int = Field(description="The `after` of the next page, also when there are no more events yet.")


@router.get("/events", response={200: EventListOut} | documented(422))
def list_events(request: ScriptRequest, team: TeamSlug, data: Query[EventListParameters]) -> EventListOut:
    """List events, the oldest first. Ask again with `next` as `after`: no event is missed, and none comes twice."""
    newest = receivers.newest_event(request.team.pk)
    if data.after is None:
        return EventListOut(events=[], next=newest)
    is_reached = data.after <= newest or receivers.earlier_times(request.team.pk, data.after)
    after = data.after if is_reached else 0
    member = request.auth.membership
    events = Event.objects.visible_in(request.team.pk).visible_to(member, can_manage=can_manage(member))
    events = events.filter(pk__gt=after, pk__lte=newest)
    events = events.filter(kind__in=data.kind) if data.kind else events
    page = events.select_related("run", "saved_search", "team").order_by("pk")[: data.limit]
    found = receivers.as_exported(page, member)
    return EventListOut(
        events=[EventOut(**webhooks.event_out(event)) for event in found],
        # Events that are hidden or of other kinds are passed over once the page is not full.
        next=found[-1].pk if len(found) == data.limit else max(newest, after),
    )
