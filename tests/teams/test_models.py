"""Users, teams, the rule of the last owner, invitations, and access tokens."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from teams.models import AccessToken, Invitation, LastOwnerError, Membership, Team, User
from tests.factories import make_invitation, make_member, make_team, make_user

pytestmark = pytest.mark.django_db
Role = Membership.Role


def roles(team: Team) -> dict[str, str]:
    return dict(team.memberships.values_list("user__email", "role"))


def test_an_address_is_stored_in_lower_case_and_unique():
    assert User.objects.create_user(" Anna@Example.ORG ", "x").email == "anna@example.org"
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user("ANNA@example.org")


def test_a_user_needs_an_address():
    with pytest.raises(ValueError, match="needs an email address"):
        User.objects.create_user("")


def test_a_person_is_shown_by_name_or_by_address():
    assert [str(make_user("a@x.org", name="Anna")), str(make_user("b@x.org"))] == ["Anna", "b@x.org"]


@pytest.mark.parametrize(
    ("name", "slugs"),
    [
        ("My Team", ["my-team", "my-team-2", "my-team-3"]),
        ("チーム", ["team", "team-2", "team-3"]),
        ("New", ["new-2", "new-3", "new-4"]),  # /t/new/ is a page
        ("a" * 100, ["a" * 50, "a" * 50 + "-2", "a" * 50 + "-3"]),
    ],
)
def test_each_team_gets_a_slug_of_its_own(name, slugs):
    assert [make_team(name).slug for _ in slugs] == slugs


def test_many_teams_of_one_name_get_different_slugs():
    assert len({make_team("Dub").slug for _ in range(25)}) == 25


def test_the_creator_of_a_team_is_its_owner():
    owner = make_user("anna@example.org")
    assert roles(make_team("Dub", owner)) == {"anna@example.org": Role.OWNER}


def test_the_last_owner_can_neither_step_down_nor_leave():
    team = make_team(owner=make_user("anna@example.org"))
    make_member(team)
    owner = team.memberships.get(role=Role.OWNER)
    for step in (lambda: owner.change_role(Role.VIEWER), owner.remove):
        with pytest.raises(LastOwnerError):
            step()
    assert roles(team)["anna@example.org"] == Role.OWNER


def test_one_of_two_owners_can_step_down_but_not_both():
    team = make_team(owner=make_user("anna@example.org"))
    make_member(team, Role.OWNER)
    first, second = team.memberships.order_by("pk")
    first.change_role(Role.MEMBER)
    with pytest.raises(LastOwnerError):
        second.remove()
    assert roles(team)["anna@example.org"] == Role.MEMBER


def test_an_owner_of_another_team_does_not_count():
    person = make_user()
    team, other = make_team(owner=person), make_team()
    Membership.objects.create(team=other, user=person, role=Role.OWNER)
    with pytest.raises(LastOwnerError):
        team.memberships.get().remove()


def test_an_accepted_invitation_gives_membership_with_its_role():
    team = make_team()
    invitation, token = make_invitation(team, "Kim@Example.org")
    opened = Invitation.objects.opened_by(token).get()
    assert opened == invitation
    assert opened.accept(make_user("kim@example.org")) == team.memberships.get(user__email="kim@example.org")
    assert roles(team)["kim@example.org"] == Role.VIEWER


def test_an_invitation_can_be_accepted_only_once():
    team = make_team()
    invitation, token = make_invitation(team)
    kim = make_user("kim@example.org")
    invitation.accept(kim)
    team.memberships.get(user=kim).remove()
    assert invitation.accept(kim) is None
    assert list(Invitation.objects.opened_by(token)) == []


def test_an_invitation_is_for_its_address_only():
    invitation, token = make_invitation(make_team())
    assert invitation.accept(make_user("eve@example.org")) is None
    assert Invitation.objects.opened_by(token).get() == invitation


def test_an_invitation_that_expires_while_its_page_is_open_is_refused():
    team = make_team()
    invitation, token = make_invitation(team)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert invitation.accept(make_user("kim@example.org")) is None
    assert list(Invitation.objects.opened_by(token)) == []
    invitation.refresh_from_db()
    assert invitation.is_expired


def test_an_invitation_that_is_revoked_while_its_page_is_open_is_refused():
    invitation, _ = make_invitation(make_team())
    Invitation.objects.filter(pk=invitation.pk).delete()
    assert invitation.accept(make_user("kim@example.org")) is None


@pytest.mark.parametrize("altered", ["{}x", "x{}", "", "{}\x00"])
def test_an_altered_invitation_token_is_refused(altered):
    _, token = make_invitation(make_team())
    assert list(Invitation.objects.opened_by(altered.format(token))) == []


def test_an_invitation_token_is_long_and_not_stored():
    invitation, token = make_invitation(make_team())
    assert len(token) >= 43  # 256 bits in base64
    assert token not in str(Invitation.objects.filter(pk=invitation.pk).values().get())


def test_inviting_again_replaces_only_the_open_invitation_of_the_same_team():
    team, other = make_team(), make_team()
    _, elsewhere = make_invitation(other)
    _, first = make_invitation(team)
    _, second = make_invitation(team)
    opened = [Invitation.objects.opened_by(token).exists() for token in (elsewhere, first, second)]
    assert opened == [True, False, True]


def test_an_invitation_does_not_change_the_role_of_a_member():
    team = make_team()
    kim = make_user("kim@example.org")
    Membership.objects.create(team=team, user=kim, role=Role.OWNER)
    invitation, _ = make_invitation(team)
    assert invitation.accept(kim) is not None
    assert roles(team)["kim@example.org"] == Role.OWNER


def token_of(membership: Membership) -> tuple[AccessToken, str]:
    return AccessToken.objects.issue(membership, "Nightly", can_write=True)


def test_an_access_token_is_found_by_its_exact_secret_only():
    membership = make_member(make_team()).memberships.get()
    token, secret = token_of(membership)
    assert list(AccessToken.objects.opened_by(secret)) == [token]
    for wrong in ("", secret[:-1], secret.upper(), token.token_hash, f"{secret}\0"):
        assert not AccessToken.objects.opened_by(wrong).exists()


def test_access_tokens_end_when_their_person_leaves_or_is_disabled():
    team = make_team()
    gone, disabled = make_member(team), make_member(team)
    secrets = [token_of(user.memberships.get())[1] for user in (gone, disabled)]
    gone.memberships.get().remove()
    Membership.objects.create(team=team, user=gone, role=Role.MEMBER)  # back, without the old tokens
    User.objects.filter(pk=disabled.pk).update(is_active=False)
    assert not any(AccessToken.objects.opened_by(secret).exists() for secret in secrets)


def test_the_use_of_a_token_is_stored_at_most_once_a_minute(django_assert_num_queries):
    token, secret = token_of(make_member(make_team()).memberships.get())
    for ago, writes in ((None, 1), (timedelta(seconds=50), 0), (timedelta(seconds=70), 1)):
        AccessToken.objects.update(last_used_at=ago and timezone.now() - ago)
        token = AccessToken.objects.opened_by(secret).get()
        with django_assert_num_queries(writes):
            token.note_use()
    assert timezone.now() - AccessToken.objects.get().last_used_at < timedelta(seconds=50)


def test_access_tokens_end_with_a_new_password():
    anna, ben = make_user(), make_user()
    _, secret = AccessToken.objects.issue(make_team(owner=anna).memberships.get(), "Nightly", can_write=True)
    _, other = AccessToken.objects.issue(make_team(owner=ben).memberships.get(), "Nightly", can_write=True)
    anna.name = "Anna"
    anna.save()
    assert AccessToken.objects.opened_by(secret).exists()
    anna.set_password("seven grey herons")
    assert AccessToken.objects.opened_by(secret).exists()  # until the password is stored
    anna.save(update_fields=["password"])
    assert not AccessToken.objects.opened_by(secret).exists()
    assert AccessToken.objects.opened_by(other).exists()


def test_access_tokens_stay_when_a_log_in_renews_the_hash(settings):
    anna = make_user()
    _, secret = AccessToken.objects.issue(make_team(owner=anna).memberships.get(), "Nightly", can_write=True)
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    assert anna.check_password("correct horse")
    assert anna.password.startswith("pbkdf2")
    assert AccessToken.objects.opened_by(secret).exists()


@pytest.mark.parametrize(
    "step",
    [
        lambda person: person.memberships.get().remove(),
        lambda person: person.memberships.get().change_role(Role.MEMBER),
        lambda person: User.objects.filter(pk=person.pk).update(is_active=False),
        lambda person: person.delete(),
    ],
)
def test_the_open_invitations_of_an_owner_end_with_the_owner(step):
    team = make_team()
    leaving = make_member(team, Role.OWNER)
    theirs, token = Invitation.objects.issue(
        team=team, email="kim@example.org", role=Role.OWNER, invited_by=leaving
    )
    kept, _ = make_invitation(team, "sam@example.org")
    step(leaving)
    assert not Invitation.objects.opened_by(token).exists()
    assert theirs.accept(make_user("kim@example.org")) is None
    assert kept.accept(make_user("sam@example.org")) is not None
