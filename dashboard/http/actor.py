"""Tells the audit trail who makes a request, and from where."""

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from teams import audit
from teams.models import AccessToken, User


def name_actor(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Have whatever the request changes be recorded as done by its user."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with audit.acting(lambda: _actor(request)):
            return get_response(request)

    return middleware


def _actor(request: HttpRequest) -> audit.Actor:
    """Return who makes the request: the person of the access token, or of the session."""
    user = getattr(request, "user", None)
    known = user if isinstance(user, User) or (user is not None and user.is_authenticated) else None
    token = getattr(request, "auth", None)
    is_script = isinstance(token, AccessToken)
    return audit.Actor(
        known,
        audit.Way.TOKEN if is_script else audit.Way.WEB,
        f"{token.name} …{token.last_four}" if isinstance(token, AccessToken) else "",
        _address(request),
    )


def _address(request: HttpRequest) -> str | None:
    """Return the client's address; None if the proxy in front names none."""
    try:
        address: str = get_adapter(request).get_client_ip(request)
    except PermissionDenied:
        return None
    return address
