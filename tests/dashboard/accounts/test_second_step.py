"""The second step: its secrets, its limits, and the teams that require it."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from teams.models import AccessToken, Membership, Team
from tests.dashboard.accounts.helpers import PASSWORD, is_logged_in, post_login
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_app, make_dub, make_member, make_run, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role


def code_of(key: str) -> str:
    _, counter, _ = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(key, counter))


def post_code(client: Client, code: str):
    return client.post(reverse("mfa_authenticate"), {"code": code})


# --- Log-in ------------------------------------------------------------------------------------------


def test_log_in_asks_for_the_code_after_the_password(client, anna):
    key = make_app(anna)
    assert post_login(client)["Location"] == reverse("mfa_authenticate")
    assert not is_logged_in(client)
    assert post_code(client, "12").status_code == 422
    assert post_code(client, code_of(key))["Location"] == reverse("teams-home")
    assert is_logged_in(client)


def test_a_code_logs_in_once(anna):
    code = code_of(make_app(anna))
    first, second = Client(), Client()
    for client, status in ((first, 302), (second, 422)):
        post_login(client)
        assert post_code(client, code).status_code == status
    assert (is_logged_in(first), is_logged_in(second)) == (True, False)


def test_a_recovery_code_logs_in_once(anna):
    make_app(anna)
    [code, *_] = RecoveryCodes.activate(anna).generate_codes()
    for status in (302, 422):
        client = Client()
        post_login(client)
        assert post_code(client, code).status_code == status


def test_guessed_codes_are_limited_by_account(anna):
    key = make_app(anna)
    for number in range(django_settings.LOGIN_FAILURES_PER_ACCOUNT):
        client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        post_login(client)
        assert post_code(client, f"00000{number}").status_code == 422
    client = Client(REMOTE_ADDR="10.9.9.9")
    post_login(client)
    assert post_code(client, code_of(key)).status_code == 422
    assert not is_logged_in(client)


def test_a_password_reset_does_not_pass_by_the_second_step(client, anna):
    make_app(anna)
    client.post(reverse("account_reset_password"), {"email": anna.email})
    link = mail.outbox[0].body.partition("http://testserver")[2].split()[0]
    form = client.get(link)["Location"]
    new = {"password1": "seven grey herons", "password2": "seven grey herons"}
    assert client.post(form, new)["Location"] == reverse("mfa_authenticate")
    assert not is_logged_in(client)


def test_keys_and_codes_are_stored_sealed(anna):
    key = make_app(anna)
    seed = RecoveryCodes.generate_seed()
    RecoveryCodes.activate(anna)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert key not in stored
    assert all(
        data.startswith("gAAAA") for data in Authenticator.objects.values_list("data__seed", flat=True) if data
    )
    assert seed not in stored


# --- Set-up ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_app_is_set_up_with_the_password_told_by_email_and_removed(anna):
    client = signed_in(anna)
    assert client.get(reverse("mfa_activate_totp"))["Location"].startswith(reverse("account_reauthenticate"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    key = page.context["form"].secret
    assert 'src="data:image/svg+xml;base64,' in page.content.decode()
    assert client.post(reverse("mfa_activate_totp"), {"code": code_of(key)})["Location"] == reverse(
        "mfa_view_recovery_codes"
    )
    assert "Each code works once" in text_of(client.get(reverse("mfa_view_recovery_codes")))
    assert len(client.get(reverse("mfa_download_recovery_codes")).content.split()) == 10
    assert "10 codes left" in text_of(client.get(reverse("mfa_index")))
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.exists()
    assert [message.subject for message in mail.outbox] == [
        "Your Dubroom log-in now asks for a code",
        "Your Dubroom log-in no longer asks for a code",
    ]


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes_replace_the_old_ones(anna):
    make_app(anna)
    old = RecoveryCodes.activate(anna).generate_codes()
    client = signed_in(anna, is_confirmed=True)
    answer = client.post(reverse("mfa_generate_recovery_codes"))
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    new = client.get(reverse("mfa_download_recovery_codes")).content.decode().split()
    assert set(old) & set(new) == set()
    assert [message.subject for message in mail.outbox] == ["New recovery codes for your Dubroom account"]


def test_a_passkey_of_another_account_cannot_be_renamed_or_removed(anna):
    theirs = Authenticator.objects.create(
        user=make_user(), type="webauthn", data={"name": "Laptop", "credential": {}}
    )
    client = signed_in(anna, is_confirmed=True)
    for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
        assert client.post(reverse(name, args=[theirs.pk]), {"name": "Mine"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.data["name"] == "Laptop"


def test_an_address_can_be_changed_with_a_second_step(anna):
    make_app(anna)
    client = signed_in(anna, is_confirmed=True)
    client.post(reverse("account_email"), {"email": "anna@new.example", "action_add": ""})
    assert [message.to for message in mail.outbox] == [["anna@new.example"]]


# --- Teams that require it ---------------------------------------------------------------------------


@pytest.fixture
def strict(team) -> Team:
    """A team that requires a second step; its owner has one."""
    make_app(team.memberships.get().user)
    Team.objects.update(requires_second_step=True)
    team.refresh_from_db()
    return team


def switch(client: Client, team: Team, **data: str):
    return client.post(reverse("teams-second-step", args=[team.slug]), data)


def test_an_owner_without_a_second_step_cannot_require_it(team, owner):
    refused = switch(signed_in(owner, is_confirmed=True), team, required="yes")
    team.refresh_from_db()
    assert (refused.status_code, team.requires_second_step) == (422, False)
    assert "Set up a second step for your own log-in first." in text_of(refused)


def test_an_owner_requires_a_second_step_and_no_longer(team, owner):
    make_app(owner)
    make_member(team)
    client = signed_in(owner, is_confirmed=True)
    assert "1 person has none yet" in text_of(client.get(reverse("teams-detail", args=[team.slug])))
    for data, is_required in (({"required": "yes"}, True), ({}, False)):
        assert switch(client, team, **data)["Location"] == reverse("teams-detail", args=[team.slug])
        team.refresh_from_db()
        assert team.requires_second_step is is_required


def test_the_switch_asks_for_the_password(team, owner):
    make_app(owner)
    answer = switch(signed_in(owner), team, required="yes")
    team.refresh_from_db()
    assert (answer["Location"].startswith(reverse("account_reauthenticate")), team.requires_second_step) == (
        True,
        False,
    )


@pytest.mark.parametrize("role", Role.values)
def test_people_without_a_second_step_are_led_to_set_one_up(strict, role):
    user = make_member(strict, role)
    dub = make_dub(make_run(strict), ["Hello"])
    other = make_team("Open", user)
    client = signed_in(user)
    urls = [
        reverse("runs-list", args=[strict.slug]),
        reverse("runs-detail", args=[dub.run_id]),
        reverse("runs-history", args=[dub.run_id]),
        reverse("media-captions", args=[dub.pk]),
        reverse("teams-detail", args=[strict.slug]),
        reverse("search", args=[strict.slug]),
    ]
    assert [client.get(url)["Location"] for url in urls] == [reverse("mfa_index")] * len(urls)
    assert "The team “Dub” requires a second step at log-in." in text_of(client.get(reverse("mfa_index")))
    assert client.get(reverse("runs-list", args=[other.slug])).status_code == 200
    make_app(user)
    assert [client.get(url).status_code for url in urls] == [200] * len(urls)


def test_recovery_codes_alone_are_no_second_step(strict):
    user = make_member(strict)
    RecoveryCodes.activate(user)
    assert signed_in(user).get(reverse("runs-list", args=[strict.slug]))["Location"] == reverse("mfa_index")


def test_the_last_owner_who_removes_the_app_can_set_up_another(strict, owner):
    client = signed_in(owner, is_confirmed=True)
    client.post(reverse("mfa_deactivate_totp"))
    assert client.get(reverse("teams-detail", args=[strict.slug]))["Location"] == reverse("mfa_index")
    key = client.get(reverse("mfa_activate_totp")).context["form"].secret
    client.post(reverse("mfa_activate_totp"), {"code": code_of(key)})
    assert client.get(reverse("teams-detail", args=[strict.slug])).status_code == 200


def test_a_fragment_of_a_strict_team_redirects_the_whole_page(strict):
    client = signed_in(make_member(strict))
    url = reverse("runs-list-poll", args=[strict.slug])
    answer = client.get(url, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, reverse("mfa_index"))


def test_a_token_of_a_person_without_a_second_step_is_refused(strict):
    user = make_member(strict)
    _, secret = AccessToken.objects.issue(user.memberships.get(), "Nightly", can_write=True)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    url = f"/api/v1/t/{strict.slug}/runs"
    refused = client.get(url)
    assert (refused.status_code, "requires a second step" in refused.json()["detail"]) == (403, True)
    make_app(user)
    assert client.get(url).status_code == 200
