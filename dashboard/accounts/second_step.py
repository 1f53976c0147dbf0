# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""The second step at log-in: how its secrets are kept and named, and the way to it for people without one."""

from collections.abc import Callable
from typing import Any, ClassVar

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from results.secrets import seal, unseal
from results.transcripts.languages import quoted
from teams.access import SecondStepMissingError
from teams.models import User


class SecondStepAdapter(DefaultMFAAdapter):
    """Seals the secrets of apps and recovery codes, as the teams' keys are sealed."""

    error_messages: ClassVar[dict[str, Any]] = DefaultMFAAdapter.error_messages | {
        "incorrect_code": gettext_lazy("Wrong code. Try again."),
        "cannot_generate_recovery_codes": gettext_lazy("Set up an app or a passkey first."),
    }

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user=user, type=type).count()
        return _("Passkey %(number)s") % {"number": count + 1} if count else _("Passkey")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Dubroom"}


class LeadToSecondStep:
    """Leads a person to set up a second step, in place of the page of a team that requires one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, SecondStepMissingError):
            return None
        messages.warning(
            request,
            _("The team %(team)s requires a second step at log-in. Set one up here to open it.")
            % {"team": quoted(exception.team)},
        )
        return redirect("mfa_index")
