"""How does a test sign somebody in, and what does it see of a page?"""

import re

from django.test import Client

from results.models import ApiKey
from teams.models import Team


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def make_key(team: Team, **fields) -> ApiKey:
    key = ApiKey(team=team, **({"state": ApiKey.State.WORKING} | fields))
    key.secret = "a-key-for-tests"
    key.save()
    return key


def shown(response) -> list[int]:
    """The ids of the rows of a page, from top to bottom."""
    return [int(pk) for pk in re.findall(r'<tr id="run-(\d+)"', response.content.decode())]


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
