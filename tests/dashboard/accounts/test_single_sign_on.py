"""Single sign-on against a stand-in provider over real HTTP: accounts, and the roles of groups."""

from collections.abc import Iterator

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client
from django.urls import reverse

from teams.models import Membership, User
from tests.dashboard.accounts.helpers import is_logged_in
from tests.dashboard.accounts.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from tests.dashboard.page_helpers import text_of
from tests.factories import make_app, make_team

pytestmark = pytest.mark.django_db
Role = Membership.Role
KIM = {"sub": "42", "email": "Kim@example.org", "email_verified": True, "name": "Kim Rivera", "groups": []}
LOGIN = reverse("openid_connect_login", args=["sso"])


@pytest.fixture
def provider(settings) -> Iterator[OidcProvider]:
    """A provider that signs in Kim, and the settings that name it."""
    with OidcProvider() as provider:
        provider.claims = dict(KIM)
        app = {
            "provider_id": "sso",
            "name": "Harbour",
            "client_id": CLIENT_ID,
            "secret": CLIENT_SECRET,
            "settings": {"server_url": provider.url, "oauth_pkce_enabled": True, "verified_email": False},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        settings.OIDC_SERVER_URL, settings.OIDC_NAME = provider.url, "Harbour"
        yield provider
        assert provider.refusals == []


def sign_on(client: Client, provider: OidcProvider, **claims: object):
    """Follow the link on the log-in page through the provider and back; return the answer to the way back."""
    provider.claims |= claims
    path, query = provider.authorize(client.get(LOGIN)["Location"])
    return client.get(path, query)


def roles_of_kim() -> dict[str, str]:
    return dict(Membership.objects.filter(user__email="kim@example.org").values_list("team__slug", "role"))


def test_without_settings_there_is_no_single_sign_on(client):
    assert client.get(LOGIN).status_code == 404
    assert "Harbour" not in text_of(client.get(reverse("account_login")))


def test_the_log_in_page_links_to_the_provider(client, provider):
    page = client.get(reverse("account_login"), {"next": "/runs/5/"})
    assert f'href="{LOGIN}?next=/runs/5/"' in page.content.decode()
    assert "Log in with Harbour" in text_of(page)


@pytest.mark.parametrize("signup", ["open", "invite"])
def test_a_new_person_gets_an_account(client, provider, settings, signup):
    settings.SIGNUP = signup
    assert sign_on(client, provider)["Location"] == reverse("teams-home")
    assert is_logged_in(client)
    assert User.objects.values_list("email", "name").get() == ("kim@example.org", "Kim Rivera")
    assert not User.objects.get().has_usable_password()
    client.post(reverse("account_logout"))
    sign_on(client, provider, name="Kim R.")
    assert (is_logged_in(client), User.objects.count()) == (True, 1)


def test_a_verified_address_is_the_account_of_this_address(client, provider, anna):
    sign_on(client, provider, email="anna@example.org")
    assert SocialAccount.objects.get().user == anna
    assert is_logged_in(client)
    assert anna.check_password("correct horse")


def test_an_address_that_nobody_has_verified_opens_no_account(client, provider, anna):
    sign_on(client, provider, email="anna@example.org", email_verified=False)
    assert not is_logged_in(client)
    assert not SocialAccount.objects.exists()


def test_a_second_step_is_asked_for_after_single_sign_on(client, provider, anna):
    make_app(anna)
    assert sign_on(client, provider, email="anna@example.org")["Location"] == reverse("mfa_authenticate")
    assert not is_logged_in(client)


def test_a_forged_way_back_logs_nobody_in(client, provider):
    path, query = provider.authorize(client.get(LOGIN)["Location"])
    stranger = Client()
    assert stranger.get(path, query).status_code == 401
    assert client.get(path, query | {"state": "forged"}).status_code == 401
    assert not is_logged_in(stranger)
    assert not User.objects.exists()


def test_a_provider_that_is_away_is_told(client, provider, settings):
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = "http://127.0.0.1:9"
    answer = client.get(LOGIN)
    assert (answer.status_code, "Single sign-on did not work" in text_of(answer)) == (502, True)


def test_a_refusal_at_the_provider_is_told(client, provider):
    path, query = provider.authorize(client.get(LOGIN)["Location"])
    answer = client.get(path, {"error": "access_denied", "state": query["state"]}, follow=True)
    assert "Log-in cancelled" in text_of(answer)


# --- Groups ------------------------------------------------------------------------------------------

RULES = [("leads", "harbour", "owner"), ("dubbers", "harbour", "member"), ("guests", "kyoto", "viewer")]


@pytest.fixture
def mapped(provider, settings) -> OidcProvider:
    """Two teams that are in the map, and one that is not."""
    settings.OIDC_GROUPS = RULES
    for name in ("Harbour", "Kyoto", "Elsewhere"):
        make_team(name)
    return provider


def test_groups_give_roles_and_their_loss_takes_them(client, mapped):
    for groups, roles in [
        (["dubbers", "other"], {"harbour": Role.MEMBER}),
        (["guests", "leads", "dubbers"], {"harbour": Role.OWNER, "kyoto": Role.VIEWER}),
        (["guests"], {"kyoto": Role.VIEWER}),
        ([], {}),
    ]:
        sign_on(client, mapped, groups=groups)
        assert roles_of_kim() == roles
        client.post(reverse("account_logout"))


def test_a_role_that_the_groups_change_is_told_to_its_person(client, mapped):
    sign_on(client, mapped, groups=["dubbers"])
    client.post(reverse("account_logout"))
    mail.outbox.clear()
    sign_on(client, mapped, groups=["leads"])
    [told] = [message for message in mail.outbox if "role" in message.subject]
    assert "changed your role in the team Harbour. Your new role: Owner." in told.body


def test_a_new_person_lands_in_the_team_of_the_group(client, mapped):
    sign_on(client, mapped, groups=["dubbers"])
    assert client.get(reverse("teams-home"))["Location"] == reverse("runs-list", args=["harbour"])


def test_teams_outside_the_map_stay(client, mapped):
    sign_on(client, mapped)
    kim = User.objects.get(email="kim@example.org")
    own = make_team("Own", kim)
    client.post(reverse("account_logout"))
    sign_on(client, mapped, groups=["guests"])
    assert roles_of_kim() == {own.slug: Role.OWNER, "kyoto": Role.VIEWER}


def test_a_missing_claim_changes_nothing(client, mapped):
    sign_on(client, mapped, groups=["dubbers"])
    client.post(reverse("account_logout"))
    del mapped.claims["groups"]
    sign_on(client, mapped)
    assert roles_of_kim() == {"harbour": Role.MEMBER}


def test_the_last_owner_stays_against_the_map(client, mapped):
    sign_on(client, mapped, groups=["leads"])
    Membership.objects.get(team__slug="harbour", role=Role.OWNER, user__email__startswith="user").remove()
    client.post(reverse("account_logout"))
    sign_on(client, mapped, groups=["dubbers"])
    assert roles_of_kim() == {"harbour": Role.OWNER}


def test_a_map_that_names_what_is_not_there_is_logged(client, mapped, settings, caplog):
    settings.OIDC_GROUPS = [("guests", "nowhere", "viewer"), ("guests", "kyoto", "king"), *RULES]
    sign_on(client, mapped, groups=["guests"])
    assert roles_of_kim() == {"kyoto": Role.VIEWER}
    assert "OIDC_GROUPS names the team nowhere, which does not exist" in caplog.text
    assert "OIDC_GROUPS names the role king, which does not exist" in caplog.text


# --- Accounts without a password ---------------------------------------------------------------------


def test_a_person_without_a_password_confirms_by_a_code_from_an_email(client, provider):
    sign_on(client, provider)
    then = {"next": reverse("account_set_password")}
    asked = client.get(then["next"])["Location"]
    assert asked.startswith(reverse("account_request_reauthentication_code"))
    typed = client.post(asked, {"recipient": "kim@example.org", "next": reverse("account_set_password")})[
        "Location"
    ]
    code = mail.outbox[-1].body.split("in Dubroom:")[1].split()[0]
    assert client.post(typed, {"code": "WRONGG"}).status_code == 422
    assert client.post(typed, {"code": code} | then).status_code == 302
    new = {"password1": "seven grey herons", "password2": "seven grey herons"}
    client.post(reverse("account_set_password"), new)
    assert User.objects.get().check_password("seven grey herons")


def test_a_person_with_a_password_cannot_confirm_by_email(client, anna):
    client.force_login(anna)
    url = reverse("account_request_reauthentication_code")
    assert client.post(url, {"recipient": anna.email})["Location"].startswith(reverse("account_reauthenticate"))
    assert mail.outbox == []
