"""A member's inbox: its lines, how many are unread, and marking them as read."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from results.db.replica import fetch_rows
from results.models import Event, InboxItem
from teams.access import can_manage
from teams.models import Membership

# More unread lines are not counted: the number on every page must cost little.
MAX_COUNTED = 99
PAGE_SIZE = 50
# Raw SQL, as every page asks, and the ORM takes longer than the database.
_UNREAD = """
    select id, kind, count from results_inboxitem where membership_id = %s and read_at is null
    order by id desc limit %s
"""


@dataclass(frozen=True)
class Unread:
    """How many lines are unread, counted up to one more than MAX_COUNTED, and what the newest of them is about."""

    count: int
    newest: int = 0
    kind: str = ""
    events: int = 0

    def __str__(self) -> str:
        return f"{MAX_COUNTED}+" if self.count > MAX_COUNTED else str(self.count)


def of_member(membership: Membership) -> QuerySet[InboxItem]:
    return InboxItem.objects.filter(membership=membership.pk)


def unread(membership: Membership) -> Unread:
    """Return what is unread, from one query over an index."""
    newest = fetch_rows(_UNREAD, [membership.pk, MAX_COUNTED + 1])
    return Unread(len(newest), *(newest[0] if newest else ()))


def get_page(membership: Membership, kind: str, before: int) -> tuple[list[InboxItem], int]:
    """Return a page of lines, the newest first, and the id behind which the next page begins; 0 at the end."""
    items = of_member(membership)
    items = items.filter(kind=kind) if kind else items
    items = items.filter(pk__lt=before) if before else items
    found = list(items.order_by("-pk")[: PAGE_SIZE + 1])
    return found[:PAGE_SIZE], found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else 0


def shown_events(membership: Membership, items: Iterable[InboxItem]) -> dict[int, Event]:
    """Return the events that these lines name, by their ids; what the member may not see any more is left out."""
    ids = [pk for item in items for pk in item.shown]
    events = Event.objects.visible_in(membership.team_id).visible_to(membership, can_manage=can_manage(membership))
    return events.select_related("run", "saved_search", "team").in_bulk(ids)


def mark_read(membership: Membership, pks: Collection[int] | None = None) -> None:
    """Mark these lines as read, or all of them."""
    items = of_member(membership).filter(read_at=None)
    (items if pks is None else items.filter(pk__in=pks)).update(read_at=timezone.now())
