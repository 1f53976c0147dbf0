"""Template tags for the number of unread lines of a member's inbox."""

from django import template
from django.utils.safestring import SafeString

from dashboard.pages.inbox import badge_values, unread_once
from dashboard.pages.render_once import render_once
from teams.models import Membership

register = template.Library()


@register.simple_tag
def inbox_badge(membership: Membership, oob: object = "") -> SafeString:
    """Return the number beside the inbox's name; with `oob`, to replace the one on the page."""
    return render_once("inbox/_badge.html", **badge_values(membership, oob=bool(oob)))


@register.simple_tag
def inbox_title(here: Membership | None) -> str:
    """Return the number of unread lines for the page's title, such as “(3) ”; nothing if there is none."""
    unread = unread_once(here) if here else None
    return f"({unread}) " if unread and unread.count else ""
