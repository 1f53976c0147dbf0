"""Addresses that open something by themselves are not in logs, nor in what Sentry gets."""

import json
import logging
import sys
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.module_loading import import_string

from dashboard.http.secret_paths import mask_event, masked
from results.notifications import feeds
from tests.factories import make_member

FORMATTERS: Any = settings.LOGGING["formatters"]
TOKEN = "aB3-_" * 8
PATHS = [
    reverse("feeds-atom", args=[TOKEN]),
    reverse("invitations-follow", args=[TOKEN]),
    reverse("notifications-unsubscribe", args=[f"7:{TOKEN}"]),
    reverse("account_confirm_email", args=[f"MQ:{TOKEN}"]),
    reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": TOKEN}),
]


@pytest.mark.parametrize("path", PATHS)
def test_a_secret_in_an_address_is_masked(path):
    assert TOKEN not in masked(f"Internal Server Error: {path}")
    assert masked(f'GET "https://x.example/sub{path}" 500').endswith('…/" 500')


def test_other_addresses_stay():
    for path in ("/t/dub/feeds/", "/t/dub/feeds/7/remove/", "/invitations/", "/runs/7/"):
        assert masked(f"Not Found: {path}") == f"Not Found: {path}"


@pytest.fixture(params=["line", "json"])
def logged_lines(request):
    """The lines that the server's own handler writes in this format."""
    config: dict[str, Any] = dict(FORMATTERS[request.param])
    kind = import_string(config.pop("class", None) or config.pop("()"))
    written: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Handler()
    handler.setFormatter(kind(config["format"], style=config["style"]) if config else kind())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.mark.django_db
def test_a_feed_that_fails_leaves_no_token_in_the_log(team, logged_lines, monkeypatch):
    token = feeds.add(team.memberships.get(user=make_member(team)), None)

    def fail(feed):
        raise ValueError(f"/feeds/{token}/")

    monkeypatch.setattr(feeds, "entries", fail)
    client = Client(raise_request_exception=False)
    assert client.get(reverse("feeds-atom", args=[token])).status_code == 500
    assert client.post(reverse("feeds-atom", args=[token])).status_code == 405
    assert client.get(reverse("feeds-atom", args=[f"{token}x"])).status_code == 404
    assert len(logged_lines) >= 3
    assert token not in "".join(logged_lines)


def test_sentry_gets_no_secret():
    try:
        raise ValueError(PATHS[0])
    except ValueError:
        problem = str(sys.exc_info()[1])
    event = {"request": {"url": f"https://x{PATHS[0]}"}, "exception": {"values": [{"value": problem}]}, "level": 7}
    sent = mask_event(event, {})
    assert (TOKEN in json.dumps(sent), sent["level"]) == (False, 7)
