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
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.accounts import devices, links, single_sign_on
from dashboard.accounts.invitation import carried_invitation, carry_invitation, join
from results.notifications import bounces
from teams import audit
from teams.models import User

logger = logging.getLogger(__name__)


_REAUTHENTICATION = {
    "reauthenticate": gettext_lazy("Use your password"),
    "reauthenticate_by_code": gettext_lazy("Get a code by email"),
    "mfa_reauthenticate": gettext_lazy("Use a code from your app"),
    "mfa_reauthenticate:webauthn": gettext_lazy("Use a passkey"),
}


class Adapter(DefaultAccountAdapter):
    """Overrides the points where Dubroom differs from allauth's defaults."""

    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | {
        "duplicate_email": gettext_lazy("This is already your address."),
        "email_password_mismatch": gettext_lazy("Wrong email address or password."),
        "email_taken": gettext_lazy("This address has an account. Log in, or reset the password."),
        "enter_current_password": gettext_lazy("Wrong password."),
        "incorrect_code": gettext_lazy("Wrong code. Try again."),
        "too_many_login_attempts": gettext_lazy("Too many attempts. Try again in a few minutes."),
        "rate_limited": gettext_lazy("Too many attempts. Try again in a few minutes."),
        "incorrect_password": gettext_lazy("Wrong password."),
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
            messages.error(request, _("Another account already uses this address."))
            return False
        is_confirmed = bool(super().confirm_email(request, email_address))
        if is_confirmed:
            # An email has just reached this address, whatever came back before.
            bounces.resume(email_address.user)
        return is_confirmed

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
        is_first = user.last_login is None
        # Where addresses must be confirmed, this one is by now. Elsewhere allauth would mistake the unconfirmed
        # address for the target of a change in progress, and delete it with the next change.
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True})
        super().login(request, user)
        if not is_first and not devices.is_known(request, user):
            self.send_notification_mail("account/email/new_device", user)

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **kwargs: Any) -> HttpResponse:
        logger.info("User %s logged in from %s", user.pk, self.get_client_ip(request))
        audit.record_login(user, audit.Action.LOGGED_IN)
        sociallogin = (kwargs.get("signal_kwargs") or {}).get("sociallogin")
        if sociallogin and (groups := single_sign_on.groups_in(sociallogin.account.extra_data)) is not None:
            for changed in single_sign_on.apply_groups(user, groups):
                told = {"by": capfirst(settings.OIDC_NAME), "membership": changed}
                self.send_notification_mail("account/email/role_changed", user, told)
        response: HttpResponse = super().post_login(request, user, signup=signup, **kwargs)
        invitation = carried_invitation(request) if signup else None
        # The sign-up page named the team to be joined; a person who only logs in is asked first.
        if invitation and (membership := join(invitation, user)):
            carry_invitation(request, None)
            response = redirect("runs-list", membership.team.slug)
        devices.remember(request, response, user)
        return response

    # --- Password guesses ---

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth's own key names the host and port of the request, which a client chooses: every port would have
        # guesses of its own.
        return str(credentials.get("email", "")).lower()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            logger.warning(
                "Too many failed log-ins as %s from %s", credentials.get("email"), self.get_client_ip(request)
            )
            raise ImmediateHttpResponse(ratelimit.respond_429(request)) from error

    def reauthenticate(self, user: User, password: str) -> bool:
        # allauth takes the address from its own table, where an account that never used the log-in form has no row.
        found = self.authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the ways to confirm who the user is: a code by email only where there is no other."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        stronger = [way for way in ways if way["id"] != "reauthenticate_by_code"] or ways
        return [way | {"description": _REAUTHENTICATION[way["id"]]} for way in stronger]

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        logger.warning("Failed log-in as %s from %s", credentials.get("email"), self.get_client_ip(request))
        # Of an address without an account there is no team to tell.
        if user := User.objects.filter(email=str(credentials.get("email", "")).lower()).first():
            audit.record_login(user, audit.Action.LOGIN_FAILED)

    # --- Emails ---

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        super().send_notification_mail(template_prefix, user, context, email or user.email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        context = {
            "server": links.server_name(self.request),
            "reset_url": self.request.build_absolute_uri(reverse("account_reset_password")),
            "may_sign_up": self.is_open_for_signup(self.request),
        } | context
        for name, value in context.items():
            if name == "link" or name.endswith("_url"):
                context[name] = links.public_link(self.request, value)
        try:
            super().send_mail(template_prefix, email, context)
        except OSError:  # smtplib's errors are subclasses of OSError
            logger.exception("The email %s could not be sent", template_prefix)
            if "timestamp" in context:
                return  # a notice of a change that is made: there is nothing to try again
            messages.error(
                self.request, _("The email could not be sent: the mail server does not answer. Try again later.")
            )
