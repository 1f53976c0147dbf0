"""Devices: their names, the list of log-ins, ending them, and the email about a new one."""

from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.core import mail
from django.test import Client
from django.urls import reverse

from dashboard.accounts.devices import device_name
from tests.dashboard.accounts.helpers import is_logged_in, post_login
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0 Mobile Safari/537.36 EdgA/140.0", "Edge on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_device_is_named_by_browser_and_system(user_agent, name):
    assert device_name(user_agent) == name


def test_other_devices_are_listed_and_one_is_logged_out(anna):
    here, there, third = Client(), Client(HTTP_USER_AGENT=FIREFOX), Client()
    for client in (here, there, third):
        post_login(client)
    page = here.get(reverse("usersessions_list"))
    assert text_of(page).count("This device") == 1
    assert text_of(page).count("Firefox on Windows") == 2  # its row and its button
    session = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(reverse("devices-end", args=[session.pk]))["Location"] == reverse("usersessions_list")
    assert [is_logged_in(client) for client in (here, there, third)] == [True, False, True]
    here.post(reverse("usersessions_list"))
    assert [is_logged_in(client) for client in (here, there, third)] == [True, False, False]


def test_a_log_in_of_another_account_cannot_be_ended(anna):
    make_user("ben@example.org")
    ben = Client()
    post_login(ben, "ben@example.org")
    theirs = UserSession.objects.get()
    assert signed_in(anna).post(reverse("devices-end", args=[theirs.pk])).status_code == 404
    assert is_logged_in(ben)


def subjects() -> list[str]:
    return [str(message.subject) for message in mail.outbox]


def test_a_log_in_with_a_new_browser_is_told_by_email_once(anna):
    known, new = Client(), Client(HTTP_USER_AGENT=FIREFOX)
    post_login(known)
    assert subjects() == []  # the first log-in of an account
    known.post(reverse("account_logout"))
    post_login(known)
    assert subjects() == []
    post_login(new)
    assert subjects() == ["New log-in to your Dubroom account"]
    assert "Firefox on Windows" in mail.outbox[0].body
    new.post(reverse("account_logout"))
    post_login(new)
    assert len(subjects()) == 1


@pytest.mark.parametrize("cookie", ["", "forged", "WzFd:1abcde:forged"])
def test_a_forged_cookie_hides_no_log_in(anna, cookie):
    post_login(Client())
    other = Client()
    other.cookies["device"] = cookie
    post_login(other)
    assert subjects() == ["New log-in to your Dubroom account"]


def test_the_cookie_of_one_user_does_not_hide_the_log_in_of_another(anna):
    make_user("ben@example.org")
    post_login(Client(), "ben@example.org")
    shared = Client()
    post_login(shared)
    shared.post(reverse("account_logout"))
    post_login(shared, "ben@example.org")
    assert [message.to for message in mail.outbox] == [["ben@example.org"]]


def test_a_mail_server_that_is_away_does_not_stop_the_log_in(anna, settings):
    post_login(Client())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 9  # no server listens on this port
    client = Client()
    assert post_login(client)["Location"] == reverse("teams-home")
    assert "could not be sent" not in text_of(client.get(reverse("profile")))


def test_log_ins_from_before_the_list_are_listed_by_the_migration(anna):
    earlier, here = signed_in(anna), signed_in(anna)
    ended = signed_in(anna)
    ended.logout()
    UserSession.objects.all().delete()
    import_module("teams.migrations.0009_list_sessions").list_sessions(apps, None)
    assert sorted(UserSession.objects.values_list("session_key", flat=True)) == sorted(
        [earlier.session.session_key, here.session.session_key]
    )
    here.post(reverse("usersessions_list"))
    assert [is_logged_in(client) for client in (here, earlier)] == [True, False]
