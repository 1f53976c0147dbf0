"""Middleware that answers a fragment's request with `HX-Redirect` once its session has ended."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect


def login_redirects(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Redirect the whole page to the log-in page when a fragment's request has no session any more.

    htmx follows a plain redirect and would put the log-in page into a table row.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        htmx = request.htmx  # type: ignore[attr-defined]
        login = resolve_url(settings.LOGIN_URL)
        if htmx and response.status_code == 302 and response.headers["Location"].startswith(login):
            page = htmx.current_url_abs_path or resolve_url("teams-home")
            return HttpResponseClientRedirect(f"{login}?{urlencode({'next': page})}")
        return response

    return middleware
