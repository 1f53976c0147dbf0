"""The second step at log-in, in a real browser: an app, recovery codes and a passkey; the end of another log-in."""

import base64
import hashlib
import hmac
import struct
import time

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, path_of

PASSWORD = "correct horse"  # of the factories
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def code_of(secret: str) -> str:
    """Return the code that an authenticator app shows for this key (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    [number] = struct.unpack(">I", digest[digest[-1] & 15 :][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def button(page: Page, name: str):
    return page.get_by_role("main").get_by_role("button", name=name, exact=True)


def type_password(page: Page) -> None:
    """Answer the page that asks who the user is."""
    page.get_by_label("Password").fill(PASSWORD)
    button(page, "Continue").click()


def log_in_with_password(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email address").fill("kim@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    button(page, "Log in").click()


def log_out(page: Page) -> None:
    page.goto(reverse("account_logout"))
    button(page, "Log out").click()


@pytest.fixture
def _has_fingerprint_reader(page):
    """The owner's device has a reader that is always touched by the right finger."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def test_an_app_is_set_up_and_log_in_asks_for_its_code_or_a_recovery_code(page, team, owner_browser, open_browser):
    owner_browser.expects = ("status of 422",)
    page.goto(reverse("mfa_index"))
    page.get_by_role("link", name="Set up an authenticator app").click()
    type_password(page)
    secret = page.get_by_label("Or type this setup code into the app").input_value()
    page.get_by_label("The code that the app shows now").fill("000000")
    button(page, "Set up").click()
    expect(page.get_by_text("Wrong code. Try again.")).to_be_visible()
    page.get_by_label("The code that the app shows now").fill(code_of(secret))
    button(page, "Set up").click()
    expect(page.locator(".codes")).to_be_visible()
    codes = page.locator(".codes code").all_inner_texts()
    assert (len(codes), len(set(codes))) == (10, 10)

    for code in (code_of(secret), codes[0]):
        phone = open_browser(size=PHONE).page()
        log_in_with_password(phone)
        assert path_of(phone) == reverse("mfa_authenticate")
        phone.goto(reverse("profile"))
        assert path_of(phone) == reverse("mfa_authenticate")  # the password alone opens nothing
        phone.get_by_label("Code from your app, or a recovery code").fill(code)
        button(phone, "Log in").click()
        phone.wait_for_url(f"**{reverse('runs-list', args=[team.slug])}")


@pytest.mark.usefixtures("_has_fingerprint_reader")
def test_a_passkey_is_added_logs_in_alone_and_confirms_who_the_user_is(page, team):
    page.goto(reverse("mfa_add_webauthn"))
    type_password(page)
    page.get_by_label("Name").fill("Kim's laptop")
    button(page, "Add a passkey").click()
    expect(page.locator(".codes")).to_be_visible()
    page.goto(reverse("mfa_index"))
    expect(page.get_by_role("listitem").filter(has_text="Kim's laptop")).to_contain_text("works without a password")

    log_out(page)
    button(page, "Log in with a passkey").click()
    page.wait_for_url(f"**{reverse('runs-list', args=[team.slug])}")

    page.goto(f"{reverse('mfa_reauthenticate_webauthn')}?next={reverse('mfa_add_webauthn')}")
    button(page, "Use a passkey").click()
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()

    log_out(page)
    log_in_with_password(page)
    button(page, "Use a passkey").click()
    page.wait_for_url(f"**{reverse('runs-list', args=[team.slug])}")


def test_a_passkey_that_is_not_used_is_told_on_the_page(open_browser, team):
    page = open_browser().page()
    page.goto("/accounts/login/")
    refuse = "navigator.credentials.get = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.evaluate(f"() => {{ {refuse} }}")
    button(page, "Log in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="The passkey did not work.")).to_be_visible()


def test_a_log_in_on_another_device_is_ended(open_browser, team):
    page = open_browser().page()
    log_in_with_password(page)
    phone = open_browser(size=PHONE, user_agent="Mozilla/5.0 (Android 14; Mobile; rv:140.0) Firefox/140.0").page()
    log_in_with_password(phone)
    phone.wait_for_url(f"**{reverse('runs-list', args=[team.slug])}")
    page.goto(reverse("usersessions_list"))
    expect(page.get_by_text("This device")).to_have_count(1)
    row = page.get_by_role("listitem").filter(has_text="Firefox on Android")
    row.get_by_role("button").click()
    expect(page.get_by_text("That device is logged out.")).to_be_visible()
    expect(row).to_have_count(0)
    phone.goto(reverse("profile"))
    assert path_of(phone) == "/accounts/login/"
