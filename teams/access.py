"""Permissions: who sees a team, and what each role may do in it.

A person outside a team gets 404, as if the team did not exist. A person in the team without the right gets 403.
"""

import logging

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from teams.models import AccessToken, Membership, Team, User

logger = logging.getLogger(__name__)

Role = Membership.Role


def membership_or_404(user: User | AnonymousUser, slug: str) -> Membership:
    """Return the user's membership, with its team, in the team at this slug. Raises Http404 for outsiders."""
    return get_object_or_404(_memberships(user), team__slug=slug)


def membership_in(user: User | AnonymousUser, team: Team) -> Membership:
    """Return the user's membership, with its team, in this team. Raises Http404 for outsiders."""
    return get_object_or_404(_memberships(user), team=team)


def _memberships(user: User | AnonymousUser) -> QuerySet[Membership]:
    if not (user.is_authenticated and user.is_active):
        return Membership.objects.none()
    return Membership.objects.select_related("team").filter(user=user)


def can_change(membership: Membership) -> bool:
    """Return whether the member may add, rename, refresh and remove runs."""
    return membership.role in (Role.OWNER, Role.MEMBER)


def can_export(membership: Membership) -> bool:
    """Return whether the member may take transcripts and media out of Dubroom, by a page or by the API.

    Today every role may. A role that only watches is taken out of this tuple, and nowhere else.
    """
    return membership.role in (Role.OWNER, Role.MEMBER, Role.VIEWER)


def can_manage(membership: Membership) -> bool:
    """Return whether the member may change the team itself: its name, its people and its CAMB.AI key."""
    return membership.role == Role.OWNER


def require_change(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may change runs."""
    if not can_change(membership):
        raise _refusal(membership, "Viewers can watch, read and search, but not change anything in this team.")


def require_export(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may take transcripts and media out of Dubroom."""
    if not can_export(membership):
        raise _refusal(membership, "Your role in this team does not include exporting transcripts and media.")


def require_manage(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may change the team itself."""
    if not can_manage(membership):
        raise _refusal(membership, "Only an owner can change the team.")


def can_write(token: AccessToken) -> bool:
    """Return whether a script with this token may change runs. A token never allows more than its member's role."""
    return token.can_write and can_change(token.membership)


def require_write(token: AccessToken) -> None:
    """Raise PermissionDenied unless a script with this token may change runs."""
    if not token.can_write:
        raise _refusal(token.membership, "This token only reads. Create one that may write.")
    require_change(token.membership)


def _refusal(membership: Membership, sentence: str) -> PermissionDenied:
    logger.warning("Team %s: user %s was refused as %s", membership.team.slug, membership.user_id, membership.role)
    return PermissionDenied(sentence)
