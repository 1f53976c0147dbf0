"""Who may see, and who may change?

A person outside a team gets 404, as if the team did not exist; a person inside without the right gets 403.
"""

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from teams.models import Membership, Team, User

Role = Membership.Role


def membership_or_404(user: User | AnonymousUser, slug: str) -> Membership:
    """Return the person's membership (with its team) in the team at this slug; 404 for everybody else."""
    return get_object_or_404(
        Membership.objects.select_related("team"), user_id=user.pk, team__slug=slug, user__is_active=True
    )


def membership_in(user: User | AnonymousUser, team: Team) -> Membership:
    """Return the person's membership in this very team; 404 for everybody else."""
    return get_object_or_404(Membership.objects.select_related("team"), user_id=user.pk, team=team)


def can_change(membership: Membership) -> bool:
    """May this person add, rename, refresh and remove runs?"""
    return membership.role in (Role.OWNER, Role.MEMBER)


def can_manage(membership: Membership) -> bool:
    """May this person change the team itself: its name, its people, its CAMB.AI key?"""
    return membership.role == Role.OWNER


def require_change(membership: Membership) -> None:
    if not can_change(membership):
        raise PermissionDenied("Viewers can watch, read and search, but not change anything in this team.")


def require_manage(membership: Membership) -> None:
    if not can_manage(membership):
        raise PermissionDenied("Only an owner can change the team.")
