"""What holds for every page, and for those that only a signed-in person may see?"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.template.response import TemplateResponse

METHODS = ["GET", "HEAD", "POST"]
API = "/api/"


class CompressedPages(GZipMiddleware):
    """Compress pages and fragments only: media is answered in ranges, and archives are compressed already."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.headers.get("Content-Type", "").startswith("text/html"):
            return super().process_response(request, response)
        return response


class InvalidForms:
    """Answer allauth's forms as ours are: 422 where one is shown again with what is wrong."""

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
    """Refuse methods that no page has; allauth's would take a PUT for a POST. The API knows its own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS and not request.path_info.startswith(API):
            return HttpResponseNotAllowed(METHODS)
        return get_response(request)

    return middleware


def _has_looked_at_session(request: HttpRequest) -> bool:
    return hasattr(request, "session") and request.session.accessed


def private_pages(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Keep a person's pages out of every cache, so that Back after logging out shows nothing."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # What looked at no session is nobody's own. Whose it is that failed is not asked: the database, which knows
        # sessions, may be away, and to ask it once more would only take longer.
        has_failed = response.status_code >= 500
        if has_failed or (_has_looked_at_session(request) and request.user.is_authenticated):
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    return middleware


def remember_team(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Remember whose page a person saw last, only to lead there from `/`; every page names its team itself."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        slug = request.resolver_match.kwargs.get("slug") if request.resolver_match else None
        if slug and response.status_code == 200 and request.session.get("last_team") != slug:
            request.session["last_team"] = slug
        return response

    return middleware
