"""The audit trail of a person's teams tells what changes their log-in, and their roles by single sign-on."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from dashboard.accounts import single_sign_on
from teams import audit
from teams.models import AuditEntry, Membership, Team
from tests.dashboard.accounts.helpers import NEW_PASSWORD, PASSWORD, post_login
from tests.dashboard.accounts.test_second_step import code_of
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_app, make_member, make_team

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action
Role = Membership.Role


@pytest.fixture
def ben(team):
    """A member of two teams."""
    user = make_member(team)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    other = make_team("Other")
    Membership.objects.create(team=other, user=user, role=Role.MEMBER)
    return user


def details_of(team: Team, *kinds: Action) -> list[str]:
    entries = AuditEntry.objects.filter(team=team, kind__in=kinds or (Action.SETTINGS_CHANGED,)).order_by("pk")
    return list(entries.values_list("detail", flat=True))


def told_to_both(user) -> list[str]:
    """Return what both teams of the person are told about their log-in, without the person's name."""
    [one, other] = [details_of(place.team) for place in user.memberships.order_by("pk")]
    assert one == other
    return [detail.removeprefix(f"log-in of {user.email}: ") for detail in one]


def test_a_new_password_is_told_to_each_team(ben):
    client = signed_in(ben)
    data = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert client.post(reverse("account_change_password"), data).status_code == 302
    assert told_to_both(ben) == ["password changed"]
    assert NEW_PASSWORD not in str(list(AuditEntry.objects.values_list()))


def test_a_reset_password_is_told_with_its_address_and_without_a_person(ben, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    client = Client(REMOTE_ADDR="192.0.2.9")
    client.post(reverse("account_reset_password"), {"email": ben.email})
    link = re.search(r"https?://\S+/reset/\S+", str(mail.outbox[0].body))
    assert link
    form = client.get(link[0], follow=True).request["PATH_INFO"]
    client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert told_to_both(ben) == ["password reset"]
    entry = AuditEntry.objects.filter(kind=Action.SETTINGS_CHANGED).first()
    assert (entry.person, entry.address) == ("", "192.0.2.9")


@pytest.mark.django_db(transaction=True)
def test_a_second_step_is_told_when_it_comes_and_when_it_goes(ben):
    client = signed_in(ben, is_confirmed=True)
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    answer = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    assert "authenticator app added" in told_to_both(ben)
    call_command("remove_second_step", ben.email)
    assert told_to_both(ben)[-1] == "second step removed"
    assert not Authenticator.objects.filter(user=ben).exists()
    assert secret not in str(list(AuditEntry.objects.values_list()))


def test_a_wrong_code_is_a_failed_log_in(ben, team):
    make_app(ben)
    client = Client()
    post_login(client, ben.email)
    assert client.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 422
    [entry] = AuditEntry.objects.filter(team=team)
    assert (entry.kind, entry.person) == (Action.LOGIN_FAILED, ben.email)


def test_what_the_administrator_does_to_an_account_is_told(ben, team, owner):
    call_command("users", "close", ben.email)
    call_command("users", "reopen", ben.email)
    assert told_to_both(ben) == ["account closed", "account reopened"]
    call_command("users", "delete", ben.email)
    assert details_of(team)[-1] == f"log-in of {ben.email}: account deleted"
    call_command("teams", "retention", team.slug, media_days=30)
    kept = "archived runs no limit, copies of media 30 days, calls to CAMB.AI no limit"
    assert details_of(team)[-1] == f"retention: {kept}"
    kim = make_member(team)
    call_command("teams", "owner", team.slug, kim.email, replace=owner.email)
    assert details_of(team, Action.MEMBER_CHANGED) == [
        f"{kim.email}: now owner",
        f"{audit.person_name(owner)}: owner → member",
    ]
    assert set(AuditEntry.objects.values_list("person", "way")) == {("", "server")}


def test_an_account_that_its_person_deletes_leaves_its_teams(ben, team):
    client = signed_in(ben, is_confirmed=True)
    assert client.post(reverse("profile-delete"), {"typed": ben.email, "password": PASSWORD}).status_code == 302
    [entry] = AuditEntry.objects.filter(team=team, kind=Action.LEFT)
    assert (entry.detail, entry.person) == ("account deleted", ben.email)


def test_roles_by_single_sign_on_are_told(ben, team, settings):
    settings.OIDC_GROUPS = [("leads", team.slug, Role.MANAGER), ("dubbers", team.slug, Role.MEMBER)]
    assert [place.role for place in single_sign_on.apply_groups(ben, ["leads"])] == [Role.MANAGER]
    assert single_sign_on.apply_groups(ben, ["leads"]) == []
    single_sign_on.apply_groups(ben, [])
    single_sign_on.apply_groups(ben, ["dubbers"])
    assert details_of(team, Action.MEMBER_CHANGED, Action.MEMBER_REMOVED, Action.JOINED) == [
        f"{ben.email}: member → manager, by single sign-on",
        f"{ben.email}, by single sign-on",
        f"{ben.email} as member, by single sign-on",
    ]
