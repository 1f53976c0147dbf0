"""Reads and writes htmx's headers: whether a fragment is asked for, and what becomes of the whole page."""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse_lazy
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh, replace_url, retarget

__all__ = ["is_fragment", "login_redirects", "redirect_page", "refresh_page", "replace_url", "retarget"]

# The pages that ask who the user is, and the one that sets up a second step.
WHOLE_PAGES = [
    reverse_lazy("mfa_index"),
    reverse_lazy("account_reauthenticate"),
    reverse_lazy("mfa_reauthenticate"),
    reverse_lazy("mfa_reauthenticate_webauthn"),
    reverse_lazy("account_request_reauthentication_code"),
]


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks, which puts the answer into the page that is shown."""
    return bool(request.htmx)  # type: ignore[attr-defined]


def redirect_page(request: HttpRequest, address: str) -> HttpResponse:
    """Redirect the whole page, also when a fragment is asked for."""
    return HttpResponseClientRedirect(address) if is_fragment(request) else HttpResponseRedirect(address)


def refresh_page(request: HttpRequest, address: str) -> HttpResponse:
    """Have the page that is shown loaded anew; without script, redirect to the address."""
    return HttpResponseClientRefresh() if is_fragment(request) else HttpResponseRedirect(address)


def login_redirects(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Redirect the whole page to the log-in page when a fragment's request has no session any more.

    It does the same for a change that asks again who the user is. htmx follows a plain redirect, and would put the
    page into a table row.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not is_fragment(request) or response.status_code != 302:
            return response
        location, login = response.headers["Location"], resolve_url(settings.LOGIN_URL)
        if urlsplit(location).path in map(str, WHOLE_PAGES):
            return HttpResponseClientRedirect(location)
        if location.startswith(login):
            page = request.htmx.current_url_abs_path or resolve_url("teams-home")  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(f"{login}?{urlencode({'next': page})}")
        return response

    return middleware
