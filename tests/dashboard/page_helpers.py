"""Helpers for tests of pages: log a client in, fetch a page, and read its rows and text."""

import re

from django.test import Client
from django.urls import reverse

from results.models import Run
from teams.models import Team


def signed_in(user, *, is_confirmed: bool = False) -> Client:
    """Return a client that is logged in as the user, without the log-in form.

    `is_confirmed`: the user has just typed the password again, as changes that outlive the session require.
    """
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    if is_confirmed:
        answer = client.post(reverse("account_reauthenticate"), {"password": "correct horse"})
        assert answer.status_code == 302
    return client


def undo(client: Client, team: Team, token: str = ""):
    """Press Undo in the message of this token, else in that of the newest change; return the page that follows."""
    changes = client.session.get("changes") or [[""]]
    data = {"change": token or changes[-1][0]}
    return client.post(reverse("undo-last", args=[team.slug]), data, follow=True)


def shown(response) -> list[int]:
    """Return the primary keys of the runs in the list, from top to bottom."""
    return [int(pk) for pk in re.findall(r'<tr id="run-(\d+)"', response.content.decode())]


def run_page(client: Client, run: Run, query: str = "") -> str:
    """Return the HTML of the run's page."""
    response = client.get(reverse("runs-detail", args=[run.pk]) + query)
    assert response.status_code == 200
    return response.content.decode()


def text_of(response) -> str:
    """Return the text of an answer, as `text_of_html` does."""
    return text_of_html(response.content.decode())


def text_of_html(html: str) -> str:
    """Return the text without tags, each run of white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
