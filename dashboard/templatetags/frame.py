"""Template tags for the frame around every page, whose parts are rendered once for all who see the same."""

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from dashboard.templatetags.dubroom import include_once
from dashboard.templatetags.inbox import inbox_badge
from results.search import saved
from teams.models import Membership, User

register = template.Library()


@register.simple_tag(takes_context=True)
def shown_membership(context: Context) -> Membership | None:
    """Return the membership in the page's team; on a page without one, in the team that the user saw last."""
    return context.get("membership") or context.get("last_membership") or None


@register.simple_tag(takes_context=True)
def page_start(context: Context) -> SafeString:
    """Return the page up to its title: its language, the user's settings that scripts read, styles and scripts."""
    user = _user(context)
    return include_once(
        context,
        "_start.html",
        has_shortcuts=user is None or user.uses_shortcuts,
        time_zone=user.zone.key if user and user.time_zone else "",
        has_team=bool(context.get("memberships")),
    )


@register.simple_tag(takes_context=True)
def rail(context: Context, here: Membership | None) -> SafeString:
    """Return the switch of teams, the links to the team's pages, and the user's menu."""
    user = context["user"]
    return include_once(
        context,
        "_rail.html",
        teams=tuple((place.team.slug, place.team.name) for place in context["memberships"]),
        team_name=here.team.name if here else "",
        slug=here.team.slug if here else "",
        section=context["section"],
        has_team_tab="team_tab" in context,
        news=saved.new_alert_count(here) if here else 0,
        badge=inbox_badge(here) if here else "",
        person=str(user),
        email=user.email,
    )


@register.simple_tag(takes_context=True)
def dialogs(context: Context, here: Membership | None) -> SafeString:
    """Return what scripts open on any page: the palette, the list of shortcuts, and short messages."""
    user = _user(context)
    return include_once(
        context,
        "_dialogs.html",
        slug=here.team.slug if here else "",
        is_user=user is not None,
        uses_shortcuts=user is not None and user.uses_shortcuts,
    )


def _user(context: Context) -> User | None:
    """Return the user; None before log-in, and on an error page without a request."""
    user = context.get("user")
    return user if user and user.is_authenticated else None
