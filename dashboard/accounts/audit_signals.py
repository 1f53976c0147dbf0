"""Tells the audit trail of a person's teams when their log-in changes, by the signals that django-allauth sends."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as second_step
from allauth.socialaccount import signals as single_sign_on

from teams import audit


def connect() -> None:
    """Have each change recorded from now on. Only requests send these signals."""
    for signal, change in {
        account.password_set: "password set",
        account.password_changed: "password changed",
        account.password_reset: "password reset",
    }.items():
        signal.connect(_recorder(change), weak=False)
    account.email_changed.connect(_record_address)
    for signal, change in {
        second_step.authenticator_added: "added",
        second_step.authenticator_removed: "removed",
        second_step.authenticator_reset: "replaced",
    }.items():
        signal.connect(_authenticator_recorder(change), weak=False)
    second_step.authentication_failed.connect(_record_wrong_code)
    single_sign_on.social_account_added.connect(_login_recorder("single sign-on connected"), weak=False)
    single_sign_on.social_account_removed.connect(_account_recorder("single sign-on disconnected"), weak=False)


def _recorder(change: str) -> Any:
    def record(user: Any, **_: Any) -> None:
        audit.record_account(user, change)

    return record


def _record_address(user: Any, to_email_address: Any, **_: Any) -> None:
    audit.record_account(user, f"address changed to {to_email_address.email}")


def _authenticator_recorder(change: str) -> Any:
    def record(user: Any, authenticator: Any, **_: Any) -> None:
        audit.record_account(user, f"{_NAMES.get(authenticator.type, authenticator.type)} {change}")

    return record


_NAMES = {"totp": "authenticator app", "webauthn": "passkey", "recovery_codes": "recovery codes"}


def _record_wrong_code(user: Any, reauthentication: bool = False, **_: Any) -> None:
    """Record a log-in that ends at its second step; who is logged in already only confirms who they are."""
    if not reauthentication:
        audit.record_login(user, audit.Action.LOGIN_FAILED)


def _login_recorder(change: str) -> Any:
    def record(sociallogin: Any, **_: Any) -> None:
        audit.record_account(sociallogin.user, change)

    return record


def _account_recorder(change: str) -> Any:
    def record(socialaccount: Any, **_: Any) -> None:
        audit.record_account(socialaccount.user, change)

    return record
