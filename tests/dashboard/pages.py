"""How does a test sign somebody in, and what does it see of a page?"""

import re

from django.test import Client
from django.urls import reverse

from results.models import Run


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def shown(response) -> list[int]:
    """The ids of the rows of a page, from top to bottom."""
    return [int(pk) for pk in re.findall(r'<tr id="run-(\d+)"', response.content.decode())]


def run_page(client: Client, run: Run, query: str = "") -> str:
    response = client.get(reverse("runs-detail", args=[run.pk]) + query)
    assert response.status_code == 200
    return response.content.decode()


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
