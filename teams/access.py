"""Permissions: who sees a team, and what each role may do in it.

Teams are tenants, isolated here: a person outside a team gets 404, as if the team did not exist. A person in the
team without the right gets 403. docs/security.md has the table of roles.
"""

import logging
from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from teams.models import AccessToken, Invitation, Membership, Team, User

logger = logging.getLogger(__name__)

Role = Membership.Role

# Raw SQL, as nearly every page begins with it, and the ORM takes many times as long to build the query. The times,
# which hardly any page shows, are read when asked for. The condition is that of `MembershipQuerySet.of_user`.
_MEMBERSHIP_FIELDS = ("id", "team_id", "user_id", "role", "may_export")
_TEAM_FIELDS = ("id", "name", "slug", "only_owners_remove", "requires_second_step")
_MEMBERSHIPS = f"""
    select {", ".join((*(f"m.{name}" for name in _MEMBERSHIP_FIELDS), *(f"t.{name}" for name in _TEAM_FIELDS)))}
    from teams_membership m join teams_team t on t.id = m.team_id
    where m.user_id = %s and t.removed_at is null
"""  # noqa: S608  constants of our own


def membership_or_404(user: User | AnonymousUser, slug: str) -> Membership:
    """Return the user's membership, with its team, in the team at this slug. Raises Http404 for outsiders."""
    if not (user.is_authenticated and user.is_active):
        raise Http404
    return _first_membership(f"{_MEMBERSHIPS} and t.slug = %s", [user.pk, slug])


def membership_in(user: User | AnonymousUser, team_id: int) -> Membership:
    """Return the user's membership, with its team, in the team with this id. Raises Http404 for outsiders."""
    if not (user.is_authenticated and user.is_active):
        raise Http404
    return _first_membership(f"{_MEMBERSHIPS} and t.id = %s", [user.pk, team_id])


def _first_membership(sql: str, params: Sequence[int | str]) -> Membership:
    found = _read_memberships(sql, params)
    if not found:
        raise Http404
    require_second_step(found[0].user_id, found[0].team)
    return found[0]


def memberships_of(user: User | AnonymousUser) -> list[Membership]:
    """Return the user's memberships with their teams, in the order of the teams' names."""
    return _read_memberships(f"{_MEMBERSHIPS} order by t.name, m.id", [user.pk]) if user.is_authenticated else []


def _read_memberships(sql: str, params: Sequence[int | str]) -> list[Membership]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    found = []
    for row in rows:
        membership = Membership.from_db(None, _MEMBERSHIP_FIELDS, row[: len(_MEMBERSHIP_FIELDS)])
        membership.team = Team.from_db(None, _TEAM_FIELDS, row[len(_MEMBERSHIP_FIELDS) :])
        found.append(membership)
    return found


class SecondStepMissingError(PermissionDenied):
    """Raised for a member without a second step at log-in, in a team that requires one."""

    def __init__(self, team: Team) -> None:
        super().__init__(
            _("This team requires a second step at log-in. The creator of this token has not set one up.")
        )
        self.team = team


def has_second_step(user_id: int | None) -> bool:
    """Return whether the person's log-in asks for a code or a passkey. Recovery codes alone are no second step."""
    return with_second_step(User.objects.filter(pk=user_id or 0)).exists()


def with_second_step(users: QuerySet[User]) -> QuerySet[User]:
    """The users of these whose log-in asks for a code or a passkey."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return users.filter(Exists(Authenticator.objects.filter(user=OuterRef("pk"), type__in=kinds)))


def without_required_step(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    """The memberships of these whose team requires a second step that the person has not set up."""
    has_step = with_second_step(User.objects.filter(pk=OuterRef("user")))
    return memberships.filter(~Exists(has_step), team__requires_second_step=True)


def require_second_step(user_id: int | None, team: Team) -> None:
    """Raise SecondStepMissingError if the team requires a second step and the person has none."""
    if team.requires_second_step and not has_second_step(user_id):
        raise SecondStepMissingError(team)


def can_change(membership: Membership) -> bool:
    """Return whether the member may add, rename, refresh, archive and tag runs, and restore removed ones."""
    return membership.role in (Role.OWNER, Role.MANAGER, Role.MEMBER)


def can_remove(membership: Membership) -> bool:
    """Return whether the member may remove runs. A team can leave this to its owners."""
    return membership.role == Role.OWNER or (can_change(membership) and not membership.team.only_owners_remove)


def can_delete_removed(membership: Membership) -> bool:
    """Return whether the member may delete removed runs before their time: that cannot be undone."""
    return can_manage(membership) and can_remove(membership)


def can_export(membership: Membership) -> bool:
    """Return whether the member may take transcripts and media out of Dubroom, by a page or by the API.

    This is a switch of each membership, apart from the role: a freelancer may work on runs that must not leave, and
    a viewer may be the one who delivers them. An owner could turn the own switch on, so it is never off.
    """
    return membership.role == Role.OWNER or (membership.role in Role.values and membership.may_export)


def can_manage(membership: Membership) -> bool:
    """Return whether the member may change the team's name, its copies of media, and people below owner."""
    return membership.role in (Role.OWNER, Role.MANAGER)


def can_manage_person(membership: Membership, person: Membership | Invitation) -> bool:
    """Return whether the member may change or remove this person, or revoke this invitation."""
    return person.role in roles_to_give(membership)


def can_own(membership: Membership) -> bool:
    """Return whether the member may change owners, the CAMB.AI key and the rules, and remove the team."""
    return membership.role == Role.OWNER


def roles_to_give(membership: Membership) -> list[str]:
    """Return the roles that the member may give, and take from those who have them."""
    if not can_manage(membership):
        return []
    return [role for role in Role.values if role != Role.OWNER or can_own(membership)]


def require_change(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may change runs."""
    if not can_change(membership):
        raise _refusal(
            membership,
            _("Viewers cannot change anything in this team. Ask an owner or a manager for another role."),
        )


def require_remove(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may remove runs."""
    require_change(membership)
    if not can_remove(membership):
        raise _refusal(membership, _("In this team, only owners can remove runs. Ask an owner to do it."))


def require_delete_removed(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may delete removed runs for good."""
    require_remove(membership)
    if not can_delete_removed(membership):
        raise _refusal(membership, _("Only an owner or a manager can delete removed runs. You can restore them."))


def require_export(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may take transcripts and media out of Dubroom."""
    if not can_export(membership):
        raise _refusal(membership, _("You cannot export from this team. Ask an owner or a manager to allow it."))


def require_manage(membership: Membership) -> None:
    """Raise PermissionDenied unless the member may change the team's settings and people."""
    if not can_manage(membership):
        raise _refusal(membership, _("Only an owner or a manager can change the team. Ask one of them."))


def require_manage_person(membership: Membership, person: Membership | Invitation) -> None:
    """Raise PermissionDenied unless the member may change or remove this person, or revoke this invitation."""
    require_manage(membership)
    if not can_manage_person(membership, person):
        raise _refusal(membership, _("Only an owner can change owners. Ask an owner of the team."))


def require_own(membership: Membership) -> None:
    """Raise PermissionDenied unless the member owns the team."""
    if not can_own(membership):
        raise _refusal(membership, _("Only an owner can do this. Ask an owner of the team."))


def can_write(token: AccessToken) -> bool:
    """Return whether a script with this token may change runs. A token never allows more than its member's role."""
    return token.can_write and can_change(token.membership)


def require_write(token: AccessToken) -> None:
    """Raise PermissionDenied unless a script with this token may change runs."""
    if not token.can_write:
        raise _refusal(token.membership, _("This token is read-only. Create one that can write."))
    require_change(token.membership)


def _refusal(membership: Membership, sentence: str) -> PermissionDenied:
    logger.warning("Team %s: user %s was refused as %s", membership.team.slug, membership.user_id, membership.role)
    return PermissionDenied(sentence)
