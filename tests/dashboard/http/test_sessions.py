"""Sessions: a cookie that no session can have signs no one in, and breaks no page on any database."""

import pytest
from django.contrib.sessions.models import Session
from django.db import DataError
from django.test import Client, RequestFactory
from django.urls import reverse

from dashboard.http import sender
from dashboard.http.sessions import SessionStore
from teams.models import AccessToken
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member

pytestmark = pytest.mark.django_db
# As a cookie writes a NUL, and what a browser could not have from Dubroom.
KEYS = [r'"\000aaaaaaaaaa"', r'"a\000' + "a" * 30 + '"', "A" * 32, "short", "é" * 32]


@pytest.mark.parametrize("key", KEYS)
def test_a_malformed_key_is_that_of_no_session(team, key):
    cookie = f"sessionid={key}"
    for path in (reverse("runs-list", args=[team.slug]), f"/t/{team.slug}/runs/poll/?since=0"):
        answer = Client().get(path, HTTP_COOKIE=cookie)
        assert (answer.status_code, answer.headers["Location"].startswith("/accounts/login/")) == (302, True)
    assert not sender.is_signed_in(RequestFactory().get("/", HTTP_COOKIE=cookie).environ)


def test_a_key_of_dubroom_is_known(team):
    browser = signed_in(make_member(team))
    key = browser.session.session_key
    assert (SessionStore(key).session_key, Session.objects.filter(pk=key).exists()) == (key, True)
    assert sender.is_signed_in(RequestFactory().get("/", HTTP_COOKIE=f"sessionid={key}").environ)


def test_what_no_database_takes_signs_no_one_in(monkeypatch):
    def refuse(secret):
        raise DataError

    monkeypatch.setattr(AccessToken.objects, "opened_by", refuse)
    assert not sender.is_signed_in(RequestFactory().get("/", HTTP_AUTHORIZATION="Bearer x").environ)
