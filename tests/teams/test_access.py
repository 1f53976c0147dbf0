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


@pytest.mark.parametrize(
    ("role", "changes", "exports", "manages"),
    [(Role.OWNER, True, True, True), (Role.MEMBER, True, True, False), (Role.VIEWER, False, True, False)],
)
def test_each_role_has_its_permissions(role, changes, exports, manages):
    membership = make_member(make_team(), role).memberships.get()
    can = (access.can_change, access.can_export, access.can_manage)
    require = (access.require_change, access.require_export, access.require_manage)
    assert tuple(check(membership) for check in can) == (changes, exports, manages)
    assert tuple(is_allowed(check, membership) for check in require) == (changes, exports, manages)


def test_a_role_that_is_unknown_has_no_permissions():
    membership = make_member(make_team(), "guest").memberships.get()
    require = (access.require_change, access.require_export, access.require_manage)
    assert [is_allowed(check, membership) for check in require] == [False] * 3


def test_a_refusal_logs_the_team_the_user_and_the_role(caplog):
    membership = make_member(make_team("Dub"), Role.VIEWER).memberships.get()
    assert not is_allowed(access.require_change, membership)
    assert caplog.messages == [f"Team dub: user {membership.user_id} was refused as viewer"]


def test_a_member_finds_their_membership_by_slug_and_by_team():
    team = make_team()
    member = make_member(team)
    found = access.membership_or_404(member, team.slug)
    assert (found.user, found.team) == (member, team)
    assert access.membership_in(member, team) == found


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
            lambda user: access.membership_in(user, team),
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
