# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""Dubroom's adapter for django-allauth: sign-up policy, redirects, logging of failed log-ins, and emails."""

import logging
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from teams.models import Invitation, User

logger = logging.getLogger(__name__)

_INVITATION = "invitation"


def carry_invitation(request: HttpRequest, invitation: Invitation | None) -> None:
    """Store the opened invitation in the visitor's session, through sign-up and log-in; None removes it."""
    if invitation:
        request.session[_INVITATION] = invitation.pk
    else:
        request.session.pop(_INVITATION, None)


def carried_invitation(request: HttpRequest) -> Invitation | None:
    """Return the invitation in the visitor's session, or None if it can no longer be accepted."""
    pk = request.session.get(_INVITATION)
    return Invitation.objects.acceptable().select_related("team").filter(pk=pk).first() if pk else None


class Adapter(DefaultAccountAdapter):
    """Overrides the points where Dubroom differs from allauth's defaults."""

    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | {
        "duplicate_email": _lazy("This is your address already."),
        "email_password_mismatch": _lazy("There is no account with this email address and password."),
        "email_taken": _lazy("This address has an account. Log in, or reset the password."),
        "enter_current_password": _lazy("This is not your password."),
        "incorrect_password": _lazy("This is not your password."),
    }

    # --- Sign-up ---

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP == "open" or carried_invitation(request) is not None

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        user.name = form.cleaned_data["name"]
        try:
            return super().save_user(request, user, form, commit)  # type: ignore[no-any-return]
        except IntegrityError as error:
            # A double click: its first request has just created the account.
            messages.info(request, self.error_messages["email_taken"])
            raise ImmediateHttpResponse(redirect("account_login")) from error

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        # allauth checks only for another account that has verified this address; here addresses are always unique.
        if User.objects.filter(email=email_address.email).exclude(pk=email_address.user_id).exists():
            messages.error(request, _("Another account uses this address already."))
            return False
        return bool(super().confirm_email(request, email_address))

    # --- Redirects ---

    def is_safe_url(self, url: str) -> bool:
        """Return whether `next` is a path of this host: sibling hosts in ALLOWED_HOSTS are not followed either."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return resolve_url("invitations-accept" if carried_invitation(request) else "teams-home")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return resolve_url("profile")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        return resolve_url("profile" if self.request.user.is_authenticated else "account_login")

    def login(self, request: HttpRequest, user: User) -> None:
        # Where addresses must be confirmed, this one is by now. Elsewhere allauth would mistake the unconfirmed
        # address for the target of a change in progress, and delete it with the next change.
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True})
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **kwargs: Any) -> HttpResponse:
        logger.info("User %s logged in from %s", user.pk, self.get_client_ip(request))
        response: HttpResponse = super().post_login(request, user, signup=signup, **kwargs)
        invitation = carried_invitation(request) if signup else None
        # The sign-up page named the team to be joined; a person who only logs in is asked first.
        if invitation and (membership := invitation.accept(user)):
            carry_invitation(request, None)
            return redirect("runs-list", membership.team.slug)
        return response

    # --- Password guesses ---

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            logger.warning(
                "Too many failed log-ins as %s from %s", credentials.get("email"), self.get_client_ip(request)
            )
            raise ImmediateHttpResponse(ratelimit.respond_429(request)) from error

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        logger.warning("Failed log-in as %s from %s", credentials.get("email"), self.get_client_ip(request))

    # --- Emails ---

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        try:
            super().send_mail(template_prefix, email, context)
        except OSError:  # smtplib's errors are subclasses of OSError
            logger.exception("The email %s could not be sent", template_prefix)
            messages.error(
                self.request, _("The email could not be sent: the mail server does not answer. Try again later.")
            )
