"""Template tag for the number of unread lines of a member's inbox."""

from django import template

from results.notifications import inbox, receivers, summary
from results.notifications.inbox import Unread
from teams.models import Membership

register = template.Library()


@register.simple_tag
def inbox_unread(membership: Membership) -> Unread:
    """Return what is unread, read once for a page: its title and its rail show the same number."""
    known: Unread | None = vars(membership).get("_inbox_unread")
    if known is None:
        known = vars(membership)["_inbox_unread"] = inbox.unread(membership)
    return known


@register.simple_tag
def inbox_heading(membership: Membership, unread: Unread) -> str:
    """Return what the newest unread line says."""
    if (newest := unread.newest) is None:
        return ""
    events = inbox.shown_events(membership, [newest]) if newest.kind not in summary.COUNTED else {}
    return summary.title_of(newest.kind, [events[pk] for pk in sorted(events)], newest.count)


@register.simple_tag
def inbox_is_quiet(membership: Membership) -> bool:
    """Whether the person's quiet hours keep browser notifications back."""
    return receivers.is_quiet_for(membership)


@register.simple_tag
def inbox_title(membership: Membership | None, last: Membership | None) -> str:
    """Return the number of unread lines for the page's title, such as “(3) ”; nothing if there is none."""
    here = membership or last
    unread = inbox_unread(here) if here else None
    return f"({unread}) " if unread and unread.count else ""
