# mypy: disallow-untyped-decorators=False
# (django-allauth has no types)
"""Whether a user has shown again, within the last minutes, who they are: by password, passkey or code.

An open browser or a stolen session cookie must not be enough for what outlives the session, such as a token.
"""

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode


@reauthentication_required
def require_identity(request: HttpRequest) -> None:
    """Raise ReauthenticationRequired unless the user has confirmed who they are.

    allauth keeps the request in the session meanwhile, and repeats it: a request with a secret must not come here.
    """


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the user has confirmed who they are."""
    try:
        require_identity(request)
    except ReauthenticationRequired:
        return False
    return True


def ask_identity(request: HttpRequest, then: str) -> HttpResponse:
    """Redirect to the page that asks who the user is, and from there to the path `then`."""
    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        raise PermissionDenied
    return redirect(f"{methods[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: then})}")
