"""Saved views of the list of runs: saved, changed, made the team's default, and removed."""

from django.db import transaction
from django.db.models import Q, QuerySet

from results.models import SavedView
from teams import audit
from teams.access import can_manage
from teams.models import Membership, Team

MAX_VIEWS = 50


class TooManyViewsError(Exception):
    """The person has MAX_VIEWS views in the team."""


def visible_to(membership: Membership) -> QuerySet[SavedView]:
    """Return the member's own views and those that are shared with the team."""
    mine = Q(owner=membership.user_id)
    return SavedView.objects.filter(mine | Q(is_shared=True), team=membership.team_id).select_related("owner")


def default_view(membership: Membership) -> SavedView | None:
    return SavedView.objects.filter(team=membership.team_id, is_default=True).first()


def can_change(membership: Membership, view: SavedView) -> bool:
    """Allow a view's owner to change it, and owners of the team to change a shared one."""
    return view.owner_id == membership.user_id or (view.is_shared and can_manage(membership))


def save_view(membership: Membership, name: str, query: str, *, is_shared: bool, is_default: bool) -> SavedView:
    """Save the view under this name, or change the member's view of this name. A default view is shared.

    Raises TooManyViewsError.
    """
    mine = SavedView.objects.filter(team=membership.team_id, owner=membership.user_id)
    with transaction.atomic():
        # Two members may each make a view the default at once.
        Team.objects.select_for_update(no_key=True).get(pk=membership.team_id)
        if not mine.filter(name=name).exists() and mine.count() >= MAX_VIEWS:
            raise TooManyViewsError
        if is_default:
            SavedView.objects.filter(team=membership.team_id, is_default=True).update(is_default=False)
        view, _is_new = mine.update_or_create(
            team_id=membership.team_id,
            owner_id=membership.user_id,
            name=name,
            defaults={"query": query, "is_shared": is_shared or is_default, "is_default": is_default},
        )
        if view.is_shared:
            what = "shared, and the list opens with it" if is_default else "shared"
            audit.record(membership.team_id, audit.Action.SETTINGS_CHANGED, f"view {name}: {what}")
    return view


def remove_view(view: SavedView) -> None:
    with transaction.atomic():
        if view.is_shared:
            audit.record(view.team_id, audit.Action.SETTINGS_CHANGED, f"view {view.name}: removed")
        view.delete()
