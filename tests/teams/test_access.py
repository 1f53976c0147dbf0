"""The permissions of each role and of access tokens, and the 404 for outsiders."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404

from teams import access
from teams.models import AccessToken, Membership
from tests.factories import make_member, make_team, make_user

pytestmark = pytest.mark.django_db
Role = Membership.Role


def is_allowed(require, subject) -> bool:
    """Return whether the permission check lets the membership or token pass."""
    try:
        require(subject)
    except PermissionDenied:
        return False
    return True


CHECKS = ("change", "remove", "delete_removed", "export", "manage", "own")


def permissions(membership: Membership) -> str:
    """Return the names of the checks that the membership passes, which `can_` and `require_` agree on."""
    allowed = [name for name in CHECKS if getattr(access, f"can_{name}")(membership)]
    assert allowed == [name for name in CHECKS if is_allowed(getattr(access, f"require_{name}"), membership)]
    return " ".join(allowed)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.OWNER, "change remove delete_removed export manage own"),
        (Role.MANAGER, "change remove delete_removed export manage"),
        (Role.MEMBER, "change remove export"),
        (Role.VIEWER, "export"),
        ("guest", ""),
    ],
)
def test_each_role_has_its_permissions(role, allowed):
    assert permissions(make_member(make_team(), role).memberships.get()) == allowed


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.OWNER, "change remove delete_removed export manage own"),
        (Role.MANAGER, "change manage"),
        (Role.MEMBER, "change"),
        (Role.VIEWER, ""),
    ],
)
def test_a_team_can_leave_removing_to_owners_and_a_person_can_be_kept_from_exporting(role, allowed):
    team = make_team()
    team.only_owners_remove = True
    team.save()
    membership = make_member(team, role).memberships.get()
    membership.set_export(is_allowed=False)
    assert permissions(Membership.objects.select_related("team").get(pk=membership.pk)) == allowed


@pytest.mark.parametrize(
    ("role", "managed"),
    [
        (Role.OWNER, [Role.OWNER, Role.MANAGER, Role.MEMBER, Role.VIEWER]),
        (Role.MANAGER, [Role.MANAGER, Role.MEMBER, Role.VIEWER]),
        (Role.MEMBER, []),
        (Role.VIEWER, []),
    ],
)
def test_owners_manage_everyone_and_managers_all_below_owner(role, managed):
    team = make_team()
    membership = make_member(team, role).memberships.get()
    people = [make_member(team, each).memberships.get() for each in Role.values]
    assert access.roles_to_give(membership) == managed
    assert [person.role for person in people if access.can_manage_person(membership, person)] == managed
    required = [
        person.role
        for person in people
        if is_allowed(lambda asking, person=person: access.require_manage_person(asking, person), membership)
    ]
    assert required == managed


def test_a_refusal_logs_the_team_the_user_and_the_role(caplog):
    membership = make_member(make_team("Dub"), Role.VIEWER).memberships.get()
    assert not is_allowed(access.require_change, membership)
    assert caplog.messages == [f"Team dub: user {membership.user_id} was refused as viewer"]


def test_a_member_finds_their_membership_by_slug_and_by_team():
    team = make_team()
    member = make_member(team)
    found = access.membership_or_404(member, team.slug)
    assert (found.user, found.team) == (member, team)
    assert access.membership_in(member, team.pk) == found


def test_outsiders_find_no_team():
    team = make_team()
    removed = make_member(team)
    removed.memberships.get().remove()
    disabled = make_member(team)
    disabled.is_active = False
    disabled.save()
    for outsider in (AnonymousUser(), make_user(), make_team().memberships.get().user, removed, disabled):
        for find in (
            lambda user: access.membership_or_404(user, team.slug),
            lambda user: access.membership_in(user, team.pk),
        ):
            with pytest.raises(Http404):
                find(outsider)


def test_another_team_looks_like_one_that_does_not_exist():
    with pytest.raises(Http404) as theirs:
        access.membership_or_404(make_user(), make_team().slug)
    with pytest.raises(Http404) as nowhere:
        access.membership_or_404(make_user(), "nowhere")
    assert str(theirs.value) == str(nowhere.value)


@pytest.mark.parametrize(
    ("role", "can_write", "is_writing_allowed"),
    [(Role.OWNER, True, True), (Role.MEMBER, True, True), (Role.MEMBER, False, False), (Role.VIEWER, True, False)],
)
def test_a_token_allows_no_more_than_its_scope_and_its_members_role(role, can_write, is_writing_allowed):
    membership = make_member(make_team(), role).memberships.get()
    token, _ = AccessToken.objects.issue(membership, "Nightly", can_write=can_write)
    assert access.can_write(token) == is_writing_allowed
    assert is_allowed(access.require_write, token) == is_writing_allowed
