"""Does everybody get what their role gives, and strangers nothing?"""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404

from teams import access
from teams.models import AccessToken, Membership
from tests.factories import make_member, make_team, make_user

pytestmark = pytest.mark.django_db
Role = Membership.Role


def may(check, membership) -> bool:
    try:
        check(membership)
    except PermissionDenied:
        return False
    return True


@pytest.mark.parametrize(
    ("role", "changes", "manages"),
    [(Role.OWNER, True, True), (Role.MEMBER, True, False), (Role.VIEWER, False, False)],
)
def test_each_role_may_do_what_it_says(role, changes, manages):
    membership = make_member(make_team(), role).memberships.get()
    assert (access.can_change(membership), access.can_manage(membership)) == (changes, manages)
    assert (may(access.require_change, membership), may(access.require_manage, membership)) == (changes, manages)


def test_who_was_refused_where_is_logged(caplog):
    membership = make_member(make_team("Dub"), Role.VIEWER).memberships.get()
    assert not may(access.require_change, membership)
    assert caplog.messages == [f"Team dub: user {membership.user_id} was refused as viewer"]


def test_a_member_finds_their_membership_by_slug_and_by_team():
    team = make_team()
    member = make_member(team)
    found = access.membership_or_404(member, team.slug)
    assert (found.user, found.team) == (member, team)
    assert access.membership_in(member, team) == found


def test_strangers_find_no_team():
    team = make_team()
    gone = make_member(team)
    gone.memberships.get().remove()
    disabled = make_member(team)
    disabled.is_active = False
    disabled.save()
    for stranger in (AnonymousUser(), make_user(), make_team().memberships.get().user, gone, disabled):
        for ask in (
            lambda who: access.membership_or_404(who, team.slug),
            lambda who: access.membership_in(who, team),
        ):
            with pytest.raises(Http404):
                ask(stranger)


def test_a_team_that_is_not_there_looks_like_one_that_is_somebody_elses():
    with pytest.raises(Http404) as theirs:
        access.membership_or_404(make_user(), make_team().slug)
    with pytest.raises(Http404) as nowhere:
        access.membership_or_404(make_user(), "nowhere")
    assert str(theirs.value) == str(nowhere.value)


@pytest.mark.parametrize(
    ("role", "can_write", "may_write"),
    [(Role.OWNER, True, True), (Role.MEMBER, True, True), (Role.MEMBER, False, False), (Role.VIEWER, True, False)],
)
def test_a_token_gives_no_more_than_it_says_and_its_person_may(role, can_write, may_write):
    membership = make_member(make_team(), role).memberships.get()
    token, _ = AccessToken.objects.issue(membership, "Nightly", can_write=can_write)
    assert access.can_write(token) == may_write
    assert may(access.require_write, token) == may_write
