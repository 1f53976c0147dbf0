"""Who may see, and who may change?

A person outside a team gets 404, as if the team did not exist; a person inside without the right gets 403.
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
    """Return the person's membership (with its team) in the team at this slug; 404 for everybody else."""
    return get_object_or_404(_memberships(user), team__slug=slug)


def membership_in(user: User | AnonymousUser, team: Team) -> Membership:
    """Return the person's membership in this very team; 404 for everybody else."""
    return get_object_or_404(_memberships(user), team=team)


def _memberships(user: User | AnonymousUser) -> QuerySet[Membership]:
    if not (user.is_authenticated and user.is_active):
        return Membership.objects.none()
    return Membership.objects.select_related("team").filter(user=user)


def can_change(membership: Membership) -> bool:
    """May this person add, rename, refresh and remove runs?"""
    return membership.role in (Role.OWNER, Role.MEMBER)


def can_manage(membership: Membership) -> bool:
    """May this person change the team itself: its name, its people, its CAMB.AI key?"""
    return membership.role == Role.OWNER


def require_change(membership: Membership) -> None:
    if not can_change(membership):
        raise _refusal(membership, "Viewers can watch, read and search, but not change anything in this team.")


def require_manage(membership: Membership) -> None:
    if not can_manage(membership):
        raise _refusal(membership, "Only an owner can change the team.")


def can_write(token: AccessToken) -> bool:
    """May a script with this token change runs? Never more than its person may."""
    return token.can_write and can_change(token.membership)


def require_write(token: AccessToken) -> None:
    if not token.can_write:
        raise _refusal(token.membership, "This token only reads. Create one that may write.")
    require_change(token.membership)


def _refusal(membership: Membership, sentence: str) -> PermissionDenied:
    logger.warning("Team %s: user %s was refused as %s", membership.team.slug, membership.user_id, membership.role)
    return PermissionDenied(sentence)
