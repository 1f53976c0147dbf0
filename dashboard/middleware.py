"""Middleware for every page: compression, methods, caching, form errors, the time zone, and the team last seen."""

import gzip
import secrets
from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import cache
from http import HTTPStatus

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

from dashboard.http.load_shedding import HEALTH, POLL, RETRY_AFTER_SECONDS, UNHEALTHY, OverloadError
from dashboard.http.request_body import RefusedBodyError
from dashboard.http.requests import browser_time_zone
from teams.models import User

METHODS = ["GET", "HEAD", "POST"]
API = "/api/"
# Seconds, by the status of a refused request.
_RETRY_AFTER: dict[int, int] = {
    HTTPStatus.TOO_MANY_REQUESTS: 60,
    HTTPStatus.SERVICE_UNAVAILABLE: RETRY_AFTER_SECONDS,
}
COMPRESSION_LEVEL = 3
MIN_COMPRESSED = 500  # bytes of a page
MAX_RANDOM_BYTES = 100
# Their addresses or forms carry a secret: of a reset, a confirmation, an invitation.
SECRET_PAGES = ("/accounts/", "/invitations/")


def compressed_pages(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Compress pages and fragments only: media is sent in ranges, and archives are compressed already.

    Django's middleware does the same at level 6, which takes two to three times as long for an eighth less.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if not is_page or not isinstance(response, HttpResponse) or len(response.content) < MIN_COMPRESSED:
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        if "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", ""):
            response.content = _compress(response.content)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.content))
        return response

    return middleware


def _compress(page: bytes) -> bytes:
    """Return the page as gzip, with a file name of random length: a page's length tells nothing of it (BREACH)."""
    packed = gzip.compress(page, COMPRESSION_LEVEL, mtime=0)
    name = b"a" * (secrets.randbelow(MAX_RANDOM_BYTES) + 1)
    # RFC 1952: bit 3 of the fourth byte says that a name follows the header of ten bytes.
    return b"".join((packed[:3], b"\x08", packed[4:10], name, b"\0", packed[10:]))


class InvalidForms:
    """Answers 422 where allauth shows a form again with its errors, as our own views do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        form = (response.context_data or {}).get("form")
        if form is not None and form.errors:
            response.status_code = 422
        return response


def known_methods(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 405 to methods that no page has: allauth's take a PUT for a POST. The API checks its own methods."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS and not request.path_info.startswith(API):
            return HttpResponseNotAllowed(METHODS)
        return get_response(request)

    return middleware


def isolated_pages(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Let no other origin load a response, and no page load or use what Dubroom has no use for.

    django-csp's own middleware would build the policy anew for each response. Here it is built when the setting is
    new.
    """
    directives, policy = settings.CONTENT_SECURITY_POLICY, build_policy()

    def middleware(request: HttpRequest) -> HttpResponse:
        nonlocal directives, policy
        response = get_response(request)
        if directives is not settings.CONTENT_SECURITY_POLICY:
            directives, policy = settings.CONTENT_SECURITY_POLICY, build_policy()
        # Django's own pages about errors, which only developers see, have their styles in them.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers[HEADER] = policy
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = settings.PERMISSIONS_POLICY
        return response

    return middleware


def refused_requests(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer with the reason where `request_body` or `load_shedding` has refused a request, without a query.

    A refused poll gets no page, as nobody would see it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        refusal: RefusedBodyError | OverloadError | None = request.META.get("dubroom.refused")
        if refusal is None:
            return get_response(request)
        if isinstance(refusal, OverloadError) and request.path_info.startswith(HEALTH):
            return JsonResponse({"status": "unavailable", "reason": UNHEALTHY}, status=refusal.status)
        is_shown = not request.path_info.startswith(API) and not request.path_info.endswith(POLL)
        page = _refusal_page(refusal.status, refusal.is_visitor, get_language()) if is_shown else ""
        wait = _RETRY_AFTER.get(refusal.status)
        return HttpResponse(page, status=refusal.status, headers={"Retry-After": str(wait)} if wait else {})

    return middleware


@cache
def _refusal_page(status: int, is_visitor: bool, language: str) -> str:
    """Return the page; rendered once, since hundreds of slow senders are refused in the same moment."""
    return render_to_string("refused.html", {"status": status, "is_visitor": is_visitor})


def _has_read_session(request: HttpRequest) -> bool:
    return hasattr(request, "session") and request.session.accessed


def private_pages(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Keep a signed-in user's pages out of every cache, so that Back after logging out shows none of them.

    The pages of accounts stay out of it for everyone.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # A response made without the session is the same for everyone. After a failure the user is not looked up:
        # sessions are in the database, which may be down, and one more query would only take longer.
        has_failed = response.status_code >= 500
        is_secret = request.path_info.startswith(SECRET_PAGES)
        if has_failed or is_secret or (_has_read_session(request) and request.user.is_authenticated):
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    return middleware


def user_time_zone(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Use the user's time zone for the dates that a page shows and reads. The API has its own users, and UTC."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(request)):
            return get_response(request)

    return middleware


def _zone(request: HttpRequest) -> tzinfo:
    # Without a session there is no user, and a look for one would make a public page private. The health check must
    # work without a database.
    has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
    if not has_session or request.path_info.startswith((API, HEALTH)) or not request.user.is_authenticated:
        return UTC
    user: User = request.user
    if not user.time_zone and (name := browser_time_zone(request)):
        # Kept from now on: the alerts of saved searches need it when no browser is there.
        user.time_zone = name
        User.objects.filter(pk=user.pk, time_zone="").update(time_zone=name)
    return user.zone


def remember_team(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Remember the team whose page the user saw last, for `/` to redirect there. Other URLs name their team.

    Polls do not count: those of a tab in the background go on.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response, match = get_response(request), request.resolver_match
        is_poll = match is not None and (match.url_name or "").endswith("-poll")
        slug = match.kwargs.get("slug") if match and not is_poll else None
        if slug and response.status_code == 200 and request.session.get("last_team") != slug:
            request.session["last_team"] = slug
        return response

    return middleware
