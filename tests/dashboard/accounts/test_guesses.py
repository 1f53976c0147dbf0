"""Limits on guessed passwords and on account forms, whatever a client writes into its headers."""

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.dashboard.accounts.helpers import NEW_PASSWORD, is_logged_in, link_in, post_login
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def tries(client: Client, count: int, **how) -> list[int]:
    return [post_login(client, password=f"guess {number}", **how).status_code for number in range(count)]


def test_guesses_at_one_account_are_stopped(client, anna):
    assert tries(client, 11)[-1] == 429
    assert post_login(client).status_code == 429  # the right password is refused as well
    assert not is_logged_in(client)


def test_a_forged_address_does_not_help_guessing(client, anna):
    for number in range(11):
        forged = {"HTTP_X_FORWARDED_FOR": f"10.0.0.{number}", "HTTP_X_REAL_IP": f"10.0.0.{number}"}
        last = post_login(client, password="guess", **forged)
    assert last.status_code == 429


def test_guesses_at_one_account_from_many_addresses_are_stopped(client, anna):
    assert [post_login(client, password="guess", REMOTE_ADDR=f"10.0.0.{n}").status_code for n in range(11)][
        -1
    ] == 429


def test_another_port_or_name_in_host_brings_no_more_guesses(client, anna, settings):
    settings.ALLOWED_HOSTS = ["testserver", "other.invalid"]
    hosts = [
        "testserver",
        "testserver:81",
        "testserver:4444",
        "other.invalid",
        "other.invalid:8443",
        "testserver:1",
    ]
    statuses = [
        post_login(client, password="guess", REMOTE_ADDR=f"10.0.0.{number}", HTTP_HOST=host).status_code
        for number, host in enumerate(hosts)
    ]
    assert statuses == [422] * 5 + [429]


def guess_at_many_accounts(client: Client, count: int = django_settings.LOGIN_FAILURES_PER_ADDRESS, **how) -> None:
    """Fail to log in to as many accounts as one address may in a minute, once each."""
    for number in range(count):
        assert post_login(client, f"user{number}@example.org", "guess", **how).status_code == 422


def test_guesses_at_many_accounts_from_one_address_are_stopped(client):
    guess_at_many_accounts(client)
    assert post_login(client, "other@example.org", "guess").status_code == 429


def test_the_limit_of_an_address_is_a_setting(client, settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login_failed": "5/5m/key,2/m/ip"}
    guess_at_many_accounts(client, 2)
    assert post_login(client, "other@example.org", "guess").status_code == 429


def test_people_of_one_office_who_know_their_passwords_all_log_in(settings):
    people = [make_user() for _ in range(2 * django_settings.LOGIN_FAILURES_PER_ADDRESS)]
    assert {post_login(Client(), person.email).status_code for person in people} == {302}


def test_others_log_in_while_guesses_are_stopped(client, anna):
    make_user("ben@example.org")
    tries(client, 11)
    assert post_login(Client(), "ben@example.org", REMOTE_ADDR="10.9.9.9").url == reverse("teams-home")


def test_a_password_reset_opens_an_account_that_guesses_have_locked(client, anna):
    tries(client, 11)
    client.post(reverse("account_reset_password"), {"email": "anna@example.org"})
    form = client.get(link_in(mail.outbox[0])).url
    client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert is_logged_in(client)


def test_behind_a_proxy_guesses_are_counted_by_forwarded_address(client, anna, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    guess_at_many_accounts(client, HTTP_X_FORWARDED_FOR="6.6.6.6, 10.0.0.1")
    office = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 10.0.0.1"}
    assert post_login(client, "other@example.org", "guess", **office).status_code == 429
    assert post_login(client, HTTP_X_FORWARDED_FOR="6.6.6.6, 10.0.0.2").url == reverse("teams-home")
