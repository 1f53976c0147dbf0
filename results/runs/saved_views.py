"""Saved views of the list of runs: saved, changed, shared, made the team's default, and removed."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from results.db.replica import fetch_rows
from results.models import SavedView
from teams import access, audit
from teams.models import Membership, Team

MAX_VIEWS = 50
# Raw SQL, as each list begins with it, and the ORM takes longer than the database.
_DEFAULT = "SELECT id, query FROM results_savedview WHERE team_id = %s AND is_default"


class TooManyViewsError(Exception):
    """The person has MAX_VIEWS views in the team."""


class NameTakenError(Exception):
    """The view's owner has another view of this name in the team."""


def visible_to(membership: Membership) -> QuerySet[SavedView]:
    """Return the member's own views and those that are shared with the team."""
    mine = Q(owner=membership.user_id)
    return SavedView.objects.filter(mine | Q(is_shared=True), team=membership.team_id).select_related("owner")


def default_view(membership: Membership) -> SavedView | None:
    """Return the id and the query of the team's default view; None if there is none."""
    rows = fetch_rows(_DEFAULT, [membership.team_id])
    return SavedView.from_db(None, ("id", "query"), rows[0]) if rows else None


def can_change(membership: Membership, view: SavedView) -> bool:
    """Allow a view's owner to change it, and managers of the team a shared one. Viewers change nothing shared."""
    is_own = view.owner_id == membership.user_id
    if not view.is_shared:
        return is_own
    return access.can_manage(membership) or (is_own and access.can_change(membership))


def save_view(membership: Membership, name: str, query: str, *, is_shared: bool, is_default: bool) -> SavedView:
    """Save the view under this name, or the query in the member's view of this name. A shared one stays shared.

    Raises TooManyViewsError, and PermissionDenied for a viewer who once shared a view of this name.
    """
    mine = SavedView.objects.filter(team=membership.team_id, owner=membership.user_id)
    with _locked(membership.team_id):
        view = mine.filter(name=name).first()
        if view is None:
            if mine.count() >= MAX_VIEWS:
                raise TooManyViewsError
            view = SavedView(team_id=membership.team_id, owner_id=membership.user_id, name=name)
        elif not can_change(membership, view):
            raise PermissionDenied(
                _(
                    "You already share a view with this name, and viewers cannot change shared views. "
                    "Choose another name."
                )
            )
        view.query = query
        _store(view, is_shared=is_shared or view.is_shared, is_default=is_default or view.is_default)
    return view


def change_query(view: SavedView, query: str) -> None:
    """Let the view show another list. Its name stays, and who sees it."""
    with _locked(view.team_id):
        view.query = query
        _store(view, is_shared=view.is_shared, is_default=view.is_default)


def rename_and_share(view: SavedView, name: str, *, is_shared: bool, is_default: bool) -> None:
    """Give the view this name, and say who sees it. Raises NameTakenError."""
    with _locked(view.team_id):
        others = SavedView.objects.filter(team=view.team_id, owner=view.owner_id).exclude(pk=view.pk)
        if others.filter(name=name).exists():
            raise NameTakenError
        view.name = name
        _store(view, is_shared=is_shared, is_default=is_default)


@contextmanager
def _locked(team_id: int) -> Iterator[None]:
    """Keep others from changing views: two members may each make one the default at once."""
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team_id)
        yield


def _store(view: SavedView, *, is_shared: bool, is_default: bool) -> None:
    """Store the view, which is shared if it is the team's default, and record what colleagues see of it."""
    was_shared, view.is_shared, view.is_default = view.is_shared, is_shared or is_default, is_default
    if is_default:
        SavedView.objects.filter(team=view.team_id, is_default=True).exclude(pk=view.pk).update(is_default=False)
    view.save()
    if view.is_shared:
        what = "shared, and the list opens with it" if is_default else "shared"
    else:
        what = "no longer shared"
    if view.is_shared or was_shared:
        audit.record(view.team_id, audit.Action.SETTINGS_CHANGED, f"view {view.name}: {what}")


def remove_view(view: SavedView) -> None:
    with transaction.atomic():
        if view.is_shared:
            audit.record(view.team_id, audit.Action.SETTINGS_CHANGED, f"view {view.name}: removed")
        view.delete()
