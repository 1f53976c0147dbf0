"""Sign-up, log-in, log-out, passwords and email addresses, and the protection against enumeration."""

import re
import time
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.urls import reverse

from teams.models import AccessToken, Invitation, Membership, User
from tests.dashboard.accounts.helpers import (
    NEW_PASSWORD,
    PASSWORD,
    carry,
    invite_to_new_team,
    is_logged_in,
    link_in,
    post_login,
    sign_up,
)
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


# --- Sign up -----------------------------------------------------------------------------------------


def test_sign_up_logs_in_and_leads_to_creating_a_team(client):
    assert sign_up(client, "Kim@Example.org", name="Kim").url == reverse("teams-home")
    assert client.get(reverse("teams-home")).url == reverse("teams-new")
    assert User.objects.values_list("email", "name").get() == ("kim@example.org", "Kim")


@pytest.mark.parametrize("extra", ["is_staff", "is_superuser", "is_active", "role"])
def test_extra_fields_of_the_sign_up_form_grant_no_rights(client, extra):
    sign_up(client, **{extra: "owner"})
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)


@pytest.mark.parametrize("password", ["password12", "kim@example.org", "short", ""])
def test_a_weak_password_is_refused(client, password):
    assert sign_up(client, password=password).context["form"].errors.keys() == {"password1"}
    assert User.objects.count() == 0


@pytest.mark.parametrize("password", ["x" * 64, "ένας κωδικός 🔑 密码", "  spaces count  ", "y" * 4096])
def test_a_long_or_unusual_password_is_taken_as_it_is(client, password):
    sign_up(client, password=password)
    client.logout()
    assert is_logged_in(client) is False
    post_login(client, "kim@example.org", password)
    assert is_logged_in(client) is True


def test_a_long_password_is_checked_quickly(client, anna, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    anna.set_password("y" * 4096)
    anna.save()
    started = time.thread_time()
    post_login(client, password="y" * 4096)
    assert time.thread_time() - started < 3
    assert is_logged_in(client)


def test_an_address_with_an_account_cannot_sign_up_again(client, anna):
    assert "email" in sign_up(client, "Anna@example.org").context["form"].errors
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_second_request_of_a_double_click_is_redirected_to_log_in(client, monkeypatch):
    from dashboard.accounts.forms import SignupForm

    # The address was free when the form was checked, and is taken when the account is saved.
    monkeypatch.setattr(SignupForm, "validate_unique_email", lambda form, email: email)
    make_user("kim@example.org")
    answer = sign_up(client)
    assert (answer.status_code, answer.url) == (302, reverse("account_login"))


def test_an_invite_only_server_refuses_sign_up_without_an_invitation(client, settings):
    settings.SIGNUP = "invite"
    assert sign_up(client).templates[0].name == "account/signup_closed.html"
    assert User.objects.count() == 0


def test_an_invitation_opens_an_invite_only_server_for_its_address(client, settings):
    settings.SIGNUP = "invite"
    team, token = invite_to_new_team("kim@example.org")
    carry(client, token)
    page = client.get(reverse("account_signup")).content.decode()
    assert 'value="kim@example.org"' in page
    assert "<bdi>Dub</bdi>" in page
    answer = sign_up(client, "eve@example.org")  # the typed address is ignored
    assert answer.url == reverse("runs-list", args=[team.slug])
    assert team.memberships.get(user__email="kim@example.org").role == Membership.Role.VIEWER
    assert not User.objects.filter(email="eve@example.org").exists()


def test_a_revoked_invitation_does_not_allow_sign_up_on_an_invite_only_server(client, settings):
    settings.SIGNUP = "invite"
    _, token = invite_to_new_team()
    carry(client, token)
    Invitation.objects.all().delete()
    assert sign_up(client).templates[0].name == "account/signup_closed.html"


# --- With a mail server ------------------------------------------------------------------------------


@pytest.fixture
def with_mail(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def test_an_address_is_confirmed_before_the_first_log_in(client, with_mail):
    assert sign_up(client).url == reverse("account_email_verification_sent")
    assert not is_logged_in(client)
    link = link_in(mail.outbox[0])
    assert client.get(link).status_code == 200  # mail scanners follow links, so a GET must not confirm
    assert not is_logged_in(client)
    client.post(link)
    assert is_logged_in(client)


def test_an_invited_person_joins_once_the_address_is_confirmed(client, with_mail):
    team, token = invite_to_new_team()
    carry(client, token)
    sign_up(client)
    assert team.memberships.count() == 1
    assert client.post(link_in(mail.outbox[0])).url == reverse("runs-list", args=[team.slug])
    assert team.memberships.count() == 2


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The passwords hashed so far. Hashing is slow: a missing hash would show in the response time."""
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def record(hasher, password, salt):
        hashed.append(password)
        return encode(hasher, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", record)
    return hashed


def test_sign_up_does_not_reveal_whether_an_address_has_an_account(client, anna, with_mail, hashed):
    def seen(answer, email):
        page = client.get(answer.url).content.decode()
        return answer.status_code, answer.url, re.sub(r'(token|Token)[^>]*"', "", page).replace(email, "X")

    known = seen(sign_up(client, "anna@example.org"), "anna@example.org")
    client.cookies.clear()
    assert seen(sign_up(client, "kim@example.org"), "kim@example.org") == known
    assert [message.subject for message in mail.outbox] == [
        "You already have a Dubroom account",
        "Confirm your email address",
    ]
    assert hashed == [NEW_PASSWORD] * 2


# --- Log in and out ----------------------------------------------------------------------------------


def test_log_in_starts_a_new_session_and_log_out_ends_it(client, anna):
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    post_login(client, "ANNA@example.org")
    inside = client.session.session_key
    assert inside != before
    assert client.get(reverse("account_logout")).status_code == 200
    assert is_logged_in(client)  # a GET only shows the form
    assert client.post(reverse("account_logout")).url == reverse("account_login")
    client.cookies["sessionid"] = inside
    assert not is_logged_in(client)


def test_no_script_reads_a_cookie_of_the_log_in_and_no_other_site_sends_one(client, anna):
    client.get(reverse("account_login"))
    post_login(client)
    attributes = {name: (cookie["httponly"], cookie["samesite"]) for name, cookie in client.cookies.items()}
    assert {"sessionid", "csrftoken", "device"} <= attributes.keys()
    assert attributes == dict.fromkeys(attributes, (True, "Lax"))


def test_a_wrong_password_and_an_unknown_address_get_the_same_words_in_the_same_time(client, anna, hashed):
    wrong, unknown = post_login(client, password="wrong"), post_login(client, "nobody@example.org", "wrong")
    assert hashed == ["wrong"] * 2
    assert wrong.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()
    assert wrong.status_code == unknown.status_code == 422


def test_a_disabled_account_is_revealed_only_with_its_password(client, anna):
    User.objects.update(is_active=False)
    assert post_login(client, password="wrong").status_code == 422
    assert post_login(client).url == reverse("account_inactive")
    assert client.get(reverse("account_inactive")).status_code == 200
    assert not is_logged_in(client)


@pytest.mark.parametrize(
    "evil",
    [
        "//evil.example", "https:evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/",
        "javascript:alert(1)", "http://localhost/t/", "\r\nLocation: //evil.example", "///evil.example",
        "/\t/evil.example", "//user@evil.example", "data:text/html,x",
    ],
)  # fmt: skip
def test_log_in_does_not_redirect_to_other_hosts(client, anna, evil):
    assert post_login(client, next_url=evil).url == reverse("teams-home")


def test_an_encoded_address_of_another_host_is_a_path_of_our_own(client, anna):
    target = post_login(client, next_url="%2f%2fevil.example").url
    assert urlsplit(urljoin("http://testserver/accounts/login/", target)).netloc == "testserver"


def test_a_new_secret_key_ends_sessions_but_not_tokens(client, anna, settings):
    team = make_team(owner=anna)
    _, secret = AccessToken.objects.issue(team.memberships.get(), "Nightly", can_write=False)
    post_login(client)
    assert is_logged_in(client)
    settings.SECRET_KEY = "another-one-and-long-enough"
    assert not is_logged_in(client)
    post_login(client)
    assert is_logged_in(client)
    assert AccessToken.objects.opened_by(secret).exists()


def test_log_in_returns_to_the_requested_page(client, anna):
    assert post_login(client, next_url="/runs/5/?t=3").url == "/runs/5/?t=3"


def test_log_in_with_an_invitation_asks_before_joining(client, anna):
    team, token = invite_to_new_team("anna@example.org")
    carry(client, token)
    assert post_login(client).url == reverse("invitations-accept")
    assert team.memberships.count() == 1


# --- Passwords and addresses -------------------------------------------------------------------------


def test_changing_the_password_ends_the_other_sessions(client, anna):
    elsewhere = Client()
    post_login(client)
    post_login(elsewhere)
    data = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert client.post(reverse("account_change_password"), data).url == reverse("profile")
    assert (is_logged_in(client), is_logged_in(elsewhere)) == (True, False)
    assert mail.outbox[-1].subject == "Your Dubroom password was changed"


def test_changing_the_password_requires_the_old_one(client, anna):
    post_login(client)
    data = {"oldpassword": "wrong", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert "oldpassword" in client.post(reverse("account_change_password"), data).context["form"].errors


def test_a_reset_link_works_once_and_ends_all_sessions(client, anna):
    elsewhere = Client()
    post_login(elsewhere)
    client.post(reverse("account_reset_password"), {"email": "anna@example.org"})
    link = link_in(mail.outbox[0])
    form = client.get(link).url
    assert form.endswith("-set-password/")  # the page with the form has no token to leak
    answer = client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert answer.url == reverse("teams-home")
    assert (is_logged_in(client), is_logged_in(elsewhere)) == (True, False)
    late = Client().get(link)
    assert (late.status_code, late.context["token_fail"]) == (200, True)


def test_a_reset_link_ends_within_three_days():
    assert django_settings.PASSWORD_RESET_TIMEOUT <= 3 * 24 * 3600


def test_a_reset_request_does_not_reveal_whether_an_address_has_an_account(client, anna):
    answers = [
        client.post(reverse("account_reset_password"), {"email": e}) for e in ("anna@example.org", "x@y.org")
    ]
    assert {(answer.status_code, answer.url) for answer in answers} == {
        (302, reverse("account_reset_password_done"))
    }
    assert [message.to for message in mail.outbox] == [["anna@example.org"], ["x@y.org"]]


def test_a_reset_with_a_foreign_host_header_sends_no_email(client, anna):
    answer = client.post(reverse("account_reset_password"), {"email": "anna@example.org"}, HTTP_HOST="evil.example")
    assert (answer.status_code, mail.outbox) == (400, [])


def test_without_a_mail_server_the_page_says_where_the_email_is(client):
    page = client.get(reverse("account_reset_password_done")).content.decode()
    assert "Ask its administrator for the link" in page


def test_an_unreachable_mail_server_shows_a_message(client, anna, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 9  # no server listens on this port
    answer = client.post(reverse("account_reset_password"), {"email": "anna@example.org"}, follow=True)
    assert "The email could not be sent" in answer.content.decode()


def post_with_password(client: Client, data: dict[str, str]) -> None:
    """Submit the form of the address page, and the password if the page asks for it, as it does the first time."""
    url = client.post(reverse("account_email"), data)["Location"]
    if url.startswith(reverse("account_reauthenticate")):
        client.post(url, {"password": PASSWORD, "next": reverse("account_email")})


def change_address(client: Client, to: str) -> None:
    post_with_password(client, {"email": to, "action_add": ""})


def test_a_change_of_address_requires_the_password(client, anna):
    post_login(client)
    url = client.post(reverse("account_email"), {"email": "anna@new.example", "action_add": ""}).url
    assert url.startswith(reverse("account_reauthenticate"))
    page = client.post(url, {"password": "wrong", "next": reverse("account_email")})
    assert (page.context["form"].errors.keys(), mail.outbox) == ({"password"}, [])


def test_a_new_address_takes_effect_when_confirmed(client, anna):
    post_login(client)
    change_address(client, "anna@new.example")
    anna.refresh_from_db()
    assert anna.email == "anna@example.org"
    assert "<bdi>anna@new.example</bdi>" in client.get(reverse("account_email")).content.decode()
    client.post(link_in(mail.outbox[-1]))
    anna.refresh_from_db()
    assert anna.email == "anna@new.example"
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == (
        ["anna@example.org"],
        "Your Dubroom email address was changed",
    )


def test_a_pending_change_of_address_can_be_changed_or_dropped(client, anna):
    post_login(client)
    change_address(client, "anna@typo.example")
    first = link_in(mail.outbox[-1])
    change_address(client, "anna@new.example")
    second = link_in(mail.outbox[-1])
    post_with_password(client, {"email": "anna@new.example", "action_remove": ""})
    for link in (first, second):
        client.post(link)
    anna.refresh_from_db()
    assert anna.email == "anna@example.org"
    assert "replaces it once" not in client.get(reverse("account_email")).content.decode()


def test_a_new_address_taken_by_another_account_meanwhile_is_refused(client, anna):
    post_login(client)
    change_address(client, "ben@example.org")
    make_user("ben@example.org")
    client.post(link_in(mail.outbox[-1]))
    anna.refresh_from_db()
    assert anna.email == "anna@example.org"


def test_the_profile_saves_the_name_only(client, anna):
    client.force_login(anna)
    client.post(reverse("profile"), {"name": " Anna O. ", "email": "x@y.org", "is_staff": "1"})
    anna.refresh_from_db()
    assert (anna.name, anna.email, anna.is_staff) == ("Anna O.", "anna@example.org", False)
    assert client.post(reverse("profile"), {"name": "x" * 151}).status_code == 422


def test_the_settings_of_the_player_are_saved(client, anna):
    client.force_login(anna)
    url, habits = reverse("profile-player"), {"speed": "1.75", "has_captions": ""}
    assert client.post(url, {**habits, "email": "x@y.org", "is_staff": "1"}).status_code == 204
    assert client.post(url, {**habits, "speed": "9"}).status_code == 422
    anna.refresh_from_db()
    assert (anna.speed, anna.has_captions, anna.uses_shortcuts) == ("1.75", False, True)
    assert (anna.email, anna.is_staff) == ("anna@example.org", False)


def test_shortcuts_are_switched_off_in_the_profile_and_in_their_list(client, anna):
    client.force_login(anna)
    client.post(reverse("profile"), {"name": "Anna"})
    assert "data-shortcuts-off" in client.get(reverse("profile")).text
    client.post(reverse("profile-shortcuts"), {"uses_shortcuts": "on"})
    page = client.get(reverse("profile")).text
    assert "data-shortcuts-off" not in page
    assert "Use keyboard shortcuts" in page
    client.post(reverse("profile-shortcuts"))
    anna.refresh_from_db()
    assert not anna.uses_shortcuts


@pytest.mark.parametrize("name", ["account_login", "account_signup", "account_reset_password", "account_logout"])
def test_forms_without_a_csrf_token_are_refused(anna, name):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(reverse(name), {"login": "anna@example.org", "password": PASSWORD}).status_code == 403
