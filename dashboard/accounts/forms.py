# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""The forms of sign-up and login: allauth's, with Dubroom's labels."""

from typing import Any

from allauth.account import forms as allauth
from allauth.account.adapter import get_adapter
from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dashboard.accounts.invitation import carried_invitation
from dashboard.forms.fields import NameField
from teams import models


class OwnLabels:
    """Replaces allauth's labels, and drops its placeholders, which only repeat the labels."""

    labels = {
        "login": _("Email address"),
        "email": _("Email address"),
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("Repeat the new password"),
    }
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
        if "password1" in self.fields:
            self.fields["password1"].help_text = _(
                "At least %(least)s characters; a few words in a row are easy to remember."
            ) % {"least": settings.MIN_PASSWORD_LENGTH}


class LoginForm(OwnLabels, allauth.LoginForm):
    @property
    def may_sign_up(self) -> bool:
        return bool(get_adapter().is_open_for_signup(context.request))


class SignupForm(OwnLabels, allauth.SignupForm):
    labels = {**OwnLabels.labels, "password1": _("Password")}
    field_order = ("name", "email", "password1")
    name = NameField(
        label=_("Your name (optional)"),
        required=False,
        max_length=models.MAX_PERSON_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = carried_invitation(context.request)
        if self.invitation:
            # An invitation is for one address: its link signs up no other.
            self.initial["email"] = self.invitation.email
            self.fields["email"].disabled = True

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            # Hashing is the slow part of making an account: without it, the response time would tell that the
            # address has an account, which the answer itself does not.
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class ChangeEmailForm(OwnLabels, allauth.AddEmailForm):
    labels = {"email": _("New email address")}


class ChangePasswordForm(OwnLabels, allauth.ChangePasswordForm):
    pass


class SetPasswordForm(OwnLabels, allauth.SetPasswordForm):
    pass


class ConfirmCodeForm(OwnLabels, allauth.ConfirmReauthenticationCodeForm):
    labels = {"code": _("The code from the email")}


class ResetPasswordForm(OwnLabels, allauth.ResetPasswordForm):
    pass


class NewPasswordForm(OwnLabels, allauth.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(OwnLabels, allauth.ReauthenticateForm):
    pass
