# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""The forms of the second step: allauth's, with Dubroom's labels."""

from typing import Any

from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django.utils.translation import gettext_lazy as _

from dashboard.accounts.forms import OwnLabels


class _CodeLabel(OwnLabels):
    labels = {"code": _("Code from your app, or a recovery code")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.update(inputmode="numeric", autofocus=True)


class AuthenticateForm(_CodeLabel, base.AuthenticateForm):
    pass


class ReauthenticateForm(_CodeLabel, base.ReauthenticateForm):
    pass


class ActivateAppForm(_CodeLabel, totp.ActivateTOTPForm):
    labels = {"code": _("The code that the app shows now")}


class AddPasskeyForm(OwnLabels, webauthn.AddWebAuthnForm):
    labels = {"name": _("Name"), "passwordless": _("Use it without a password")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["passwordless"].help_text = ""
        self.initial["passwordless"] = True


class RenamePasskeyForm(OwnLabels, webauthn.EditWebAuthnForm):
    labels = {"name": _("Name")}
