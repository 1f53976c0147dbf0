"""Middleware that answers a fragment's request with `HX-Redirect` where its user must say who they are."""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.urls import reverse_lazy
from django_htmx.http import HttpResponseClientRedirect

# The pages that ask who the user is, and the one that sets up a second step.
WHOLE_PAGES = [
    reverse_lazy("mfa_index"),
    reverse_lazy("account_reauthenticate"),
    reverse_lazy("mfa_reauthenticate"),
    reverse_lazy("mfa_reauthenticate_webauthn"),
    reverse_lazy("account_request_reauthentication_code"),
]


def login_redirects(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Redirect the whole page to the log-in page when a fragment's request has no session any more.

    It does the same for a change that asks again who the user is. htmx follows a plain redirect, and would put the
    page into a table row.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        htmx = request.htmx  # type: ignore[attr-defined]
        if not htmx or response.status_code != 302:
            return response
        location, login = response.headers["Location"], resolve_url(settings.LOGIN_URL)
        if urlsplit(location).path in map(str, WHOLE_PAGES):
            return HttpResponseClientRedirect(location)
        if location.startswith(login):
            page = htmx.current_url_abs_path or resolve_url("teams-home")
            return HttpResponseClientRedirect(f"{login}?{urlencode({'next': page})}")
        return response

    return middleware
