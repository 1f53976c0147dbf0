"""Helpers for tests of accounts: the forms of log-in and sign-up, and the links in emails."""

import re
from urllib.parse import urlsplit

from django.core import mail
from django.test import Client
from django.urls import reverse

from teams.models import Team
from tests.factories import make_invitation, make_team

PASSWORD = "correct horse"  # of the factories
NEW_PASSWORD = "seven grey herons"


def post_login(client: Client, email="anna@example.org", password=PASSWORD, next_url="", **headers):
    """Submit the log-in form."""
    data = {"login": email, "password": password, "next": next_url}
    return client.post(reverse("account_login"), data, **headers)


def sign_up(client: Client, email="kim@example.org", password=NEW_PASSWORD, **fields):
    return client.post(reverse("account_signup"), {"name": "", "email": email, "password1": password} | fields)


def is_logged_in(client: Client) -> bool:
    return client.get(reverse("profile")).status_code == 200


def link_in(message: mail.EmailMessage) -> str:
    return str(urlsplit(re.findall(r"http://\S+", str(message.body))[0]).path)


def carry(client: Client, invitation_token: str) -> None:
    client.get(reverse("invitations-follow", args=[invitation_token]))


def invite_to_new_team(email="kim@example.org") -> tuple[Team, str]:
    """Return a new team, and the token of an invitation to view it."""
    team = make_team("Dub")
    _, token = make_invitation(team, email)
    return team, token
