"""What does htmx ask for, and what must it be told? The only reader and writer of `HX-*` headers."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect


def login_redirects(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Send the whole page to the log-in page when a fragment's session is gone.

    htmx would follow a plain redirect by itself and put the log-in page into a table row.
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
