"""Tells who sends a request before any middleware has run: from which network, and whether as a signed-in user."""

from importlib import import_module
from io import BytesIO
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, DataError

from teams.models import AccessToken

Environ = dict[str, Any]


def network(environ: Environ) -> str:
    """Return the address of the client; of an IPv6 address its /64, of which each client has all addresses."""
    text: str = environ.get("REMOTE_ADDR", "")
    if settings.IS_BEHIND_PROXY:
        text = environ.get("HTTP_X_FORWARDED_FOR", text).rpartition(",")[2].strip()
    try:
        address = ip_address(text)
    except ValueError:
        return text
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def is_signed_in(environ: Environ) -> bool:
    """Return whether the request carries a living session or access token.

    Without a database nobody can tell: then the request may come in, to be answered with the page for that.
    """
    scheme, _, secret = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        if scheme.lower() == "bearer":
            token = AccessToken.objects.opened_by(secret.strip()).first()
            return token is not None and not token.is_expired
        request = WSGIRequest(environ | {"wsgi.input": BytesIO()})
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
        return get_user(request).is_authenticated
    except DataError:
        return False  # no database holds what was sent
    except DatabaseError:
        return True
