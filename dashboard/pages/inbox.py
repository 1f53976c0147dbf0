"""The lines of an inbox, ready to print, and its tabs."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from results.models import Event, InboxItem
from results.notifications import inbox, receivers, sentences, summary
from results.notifications.inbox import Unread
from teams.models import Membership

Kind = Event.Kind
ICONS = {
    Kind.READY: "status-ready",
    Kind.PARTLY: "status-partly",
    Kind.FAILED: "status-failed",
    Kind.NOT_FOUND: "warning",
    Kind.CHANGED: "swap",
    Kind.FOUND: "search",
    Kind.KEY: "key",
    Kind.AWAY: "warning",
    Kind.COPIES: "warning",
    Kind.CHANNEL: "link",
    Kind.WEEKLY: "activity",
}


# Tabs hold a word or two.
TAB_NAMES = {
    Kind.CHANGED: _("Changed"),
    Kind.FOUND: _("Saved searches"),
    Kind.KEY: _("Key"),
    Kind.AWAY: "CAMB.AI",
    Kind.COPIES: _("Copies"),
    Kind.CHANNEL: _("Channels"),
    Kind.WEEKLY: _("Weekly"),
}


class NamedEvent(NamedTuple):
    """An event that a line names, with the page it leads to; without a run, the text is the whole sentence."""

    text: str
    note: str
    href: str


class InboxLine(NamedTuple):
    """One line: what happened how often, the events it names, and the list of exactly these runs."""

    pk: int
    icon: str
    heading: str
    href: str
    events: Sequence[NamedEvent]
    more: int
    at: datetime
    is_unread: bool


class InboxTab(NamedTuple):
    """A tab that shows the lines of one kind."""

    name: str
    kind: str
    is_current: bool


def build_lines(membership: Membership, items: Sequence[InboxItem]) -> list[InboxLine]:
    """Return the lines of these items, from one query for all events that they name."""
    shown = inbox.shown_events(membership, items)
    narrowed = receivers.scope_query(receivers.inbox_of(membership))
    slug = membership.team.slug
    return [_line(slug, narrowed, item, [shown[pk] for pk in item.shown if pk in shown]) for item in items]


def _line(slug: str, narrowed: str, item: InboxItem, events: Sequence[Event]) -> InboxLine:
    named = [_named(event) for event in events]
    href = named[0].href if len(named) == item.count == 1 else ""
    if not href and item.kind in summary.OF_RUNS:
        href = sentences.runs_path(slug, item.first, item.last, item.kind) + narrowed
    elif not href and item.kind == Kind.FOUND:
        href = sentences.found_path(slug, events, item.count)
    return InboxLine(
        pk=item.pk,
        icon=ICONS[Kind(item.kind)],
        heading=sentences.heading(item.kind, item.count),
        href=href,
        events=named,
        more=item.count - len(item.shown),
        at=item.created_at,
        is_unread=item.read_at is None,
    )


def _named(event: Event) -> NamedEvent:
    href, said = sentences.path_of(event), sentences.sentence(event)
    return NamedEvent(str(event.run), said, href) if event.run else NamedEvent(said, "", href)


def build_tabs(membership: Membership, kind: str) -> list[InboxTab]:
    """Return the tabs: all, and each kind of which there is a line."""
    kinds = set(inbox.of_member(membership).order_by().values_list("kind", flat=True).distinct())
    shown = [each for each in Kind if each in kinds or each == kind]
    tabs = [InboxTab(str(TAB_NAMES.get(each, each.label)), each.value, each == kind) for each in shown]
    return [InboxTab(str(_("All")), "", not kind), *tabs]


def unread_once(membership: Membership) -> Unread:
    """Return what is unread, read once for a page: its title and its rail show the same number."""
    known: Unread | None = vars(membership).get("_inbox_unread")
    if known is None:
        known = vars(membership)["_inbox_unread"] = inbox.unread(membership)
    return known


def badge_values(membership: Membership, *, oob: bool) -> dict[str, Hashable]:
    """Return what the number beside the inbox's name shows; with `oob`, also what a browser notification says."""
    unread = unread_once(membership)
    is_news = oob and bool(unread.newest)
    return {
        "number": str(unread),
        "newest": unread.newest,
        "heading": _heading(membership, unread) if is_news else "",
        "is_quiet": is_news and receivers.is_quiet_for(membership),
        "team_name": membership.team.name,
        "slug": membership.team.slug,
        "oob": oob,
    }


def _heading(membership: Membership, unread: Unread) -> str:
    """Return what the newest unread line says."""
    events: dict[int, Event] = {}
    if unread.kind not in summary.COUNTED:
        events = inbox.shown_events(membership, inbox.of_member(membership).filter(pk=unread.newest))
    return summary.title_of(unread.kind, [events[pk] for pk in sorted(events)], unread.events)
