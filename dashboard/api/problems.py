"""Error answers of the API: what is wrong and how to fix it, as a problem document of RFC 9457."""

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from pydantic import BaseModel, Field

from dashboard.api.body import UnreadableBodyError
from dashboard.middleware import API
from dashboard.units import size_in_words
from results.runs.request import QueueUnreachableError

CONTENT_TYPE = "application/problem+json"
_NOT_FOUND = "Not found, or not visible to this token. Every endpoint is listed in /api/v1/openapi.json."
# Sentences for errors that middleware or URL routing answers, outside the API's own handlers.
_DETAILS = {
    400: "This server does not serve this host name, or the request is malformed.",
    404: _NOT_FOUND,
    405: "This endpoint does not accept this method. The header “Allow” names those it accepts.",
    408: "The body took too long to arrive. Send it again.",
    413: "The body is too large: with an access token, send it in parts; without one, nothing large is read.",
    429: "Too many requests are still arriving from this address. Try again after the seconds in “Retry-After”.",
    500: "Something went wrong in Dubroom. The error is in the server's log. Try again, or tell the administrator.",
    503: "The server is busy, or cannot reach its database. Try again after the seconds in “Retry-After”.",
}


class Fault(BaseModel):
    """One part of the request that is invalid, and why."""

    at: str = Field(description="Where in the request, such as `query.limit` or `body.tags.0`.")
    message: str


class Problem(BaseModel):
    """An error answer, in the format of RFC 9457."""

    title: str = Field(description="The name of the HTTP status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong and how to fix it, in one sentence or a few.")
    errors: list[Fault] = Field([], description="Every invalid part of the request, with status 422.")


def documented(*codes: int) -> dict[int, type[BaseModel]]:
    """Return the error answers of an operation for openapi.json: those of every operation, and these statuses."""
    # 403: the token only reads, its person's role does not allow it, or the team requires a second step.
    return dict.fromkeys((401, 403, 404, 429, *codes), Problem)


def problem(status: int, detail: str, faults: list[Fault] | None = None, **headers: str) -> JsonResponse:
    """Return an error answer; `headers` are named as in Python: `Retry_After`."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=faults or [])
    return JsonResponse(
        body.model_dump(exclude_defaults=True),
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        json_dumps_params={"ensure_ascii": False},
        content_type=CONTENT_TYPE,
    )


# --- Errors of the API's operations ------------------------------------------------------------------


def add_handlers(api: NinjaAPI) -> None:
    """Register a handler for every exception that operations raise."""
    handlers: Mapping[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        AuthenticationError: _unauthorized,
        PermissionDenied: lambda request, error: problem(403, str(error)),
        Http404: lambda request, error: problem(404, _NOT_FOUND),
        RequestDataTooBig: _too_big,
        ValidationError: _invalid,
        Throttled: _throttled,
        QueueUnreachableError: lambda request, error: problem(503, str(error)),
        HttpError: _refused,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    challenge = 'Bearer realm="Dubroom"'
    if "Authorization" in request.headers:
        challenge += ', error="invalid_token"'
    return problem(401, error.message, WWW_Authenticate=challenge)


def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    size = size_in_words(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return problem(413, f"This is more than {size}. Send it in parts.")


def _refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, UnreadableBodyError):
        return problem(400, str(error.__cause__))
    return problem(error.status_code, f"{error.message.removesuffix('.')}.")


def _throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    seconds = math.ceil(max(error.wait or 60, 1))
    return problem(429, f"Too many requests with this token. Try again in {seconds} s.", Retry_After=str(seconds))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [Fault(at=_place(fault["loc"]), message=_message(fault)) for fault in error.errors]
    return problem(422, f"{faults[0].at}: {faults[0].message}", faults)


def _place(loc: tuple[str | int, ...]) -> str:
    """Return `query.limit` or `body.tags.0`: the location without `data`, the parameter of every view."""
    return ".".join(str(step) for place, step in enumerate(loc) if (place, step) != (1, "data"))


def _message(fault: Mapping[str, Any]) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


# --- Errors outside the API's operations -------------------------------------------------------------


def json_errors(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Replace HTML error pages under the API's addresses with JSON, and keep its answers out of every cache."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not request.path_info.startswith(API):
            return response
        if response.status_code >= 400 and response.headers.get("Content-Type") != CONTENT_TYPE:
            response = _as_problem(response)
        response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def _as_problem(response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    detail = _DETAILS.get(status, HTTPStatus(status).phrase)
    if status == HTTPStatus.BAD_GATEWAY and isinstance(response, HttpResponse):
        detail = response.text  # the sentence that the player shows when media cannot be reached
    answer = problem(status, detail)
    for name in ("Allow", "Retry-After"):
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer
