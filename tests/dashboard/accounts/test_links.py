"""The links in emails name only what the administrator has configured."""

import pytest
from django.core import mail
from django.urls import reverse

from tests.dashboard.accounts.helpers import sign_up
from tests.dashboard.page_helpers import signed_in

pytestmark = pytest.mark.django_db


def ask_for_a_reset(client, host: str) -> int:
    return client.post(reverse("account_reset_password"), {"email": "anna@example.org"}, HTTP_HOST=host).status_code


@pytest.mark.parametrize("host", ["testserver", "testserver:80", "testserver:8000", "testserver:8443"])
def test_a_reset_link_names_a_known_port(client, anna, settings, host):
    settings.PORT, settings.CSRF_TRUSTED_ORIGINS = 8000, ["https://testserver:8443", "https://*.invalid"]
    assert ask_for_a_reset(client, host) == 302
    assert f"http://{host}/accounts/password/reset/key/" in mail.outbox[0].body


def test_a_reset_at_another_port_sends_no_email(client, anna):
    assert (ask_for_a_reset(client, "testserver:4444"), mail.outbox) == (400, [])


def test_an_invitation_and_a_confirmation_at_another_port_send_no_email(client, team, owner, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    invitation = {"email": "kim@example.org", "role": "viewer"}
    url = reverse("teams-invite", args=[team.slug])
    assert signed_in(owner).post(url, invitation, HTTP_HOST="testserver:4444").status_code == 400
    client.defaults["HTTP_HOST"] = "testserver:4444"
    assert sign_up(client).status_code == 400
    assert mail.outbox == []


def test_links_and_signature_name_the_public_url_whatever_the_host(client, anna, settings):
    settings.PUBLIC_URL = "https://dubs.invalid"
    assert ask_for_a_reset(client, "testserver:4444") == 302
    [email] = mail.outbox
    assert "https://dubs.invalid/accounts/password/reset/key/" in email.body
    assert email.body.endswith("Dubroom, dubs.invalid")
    assert "testserver" not in email.body
