"""What does a script read when something is wrong? What it is, and how it is mended, as RFC 9457 has it."""

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from pydantic import BaseModel

from dashboard.middleware import API

_NOTHING = "There is nothing here that this token may see. All addresses stand in /api/v1/openapi.json."
# For what is refused before or after the API itself is asked.
_DETAILS = {
    400: "This server is not meant by the name in the address, or the request was not understood.",
    404: _NOTHING,
    405: "This address does not take this method; the header “Allow” says which it takes.",
    500: "Something broke here, and is in this server's log. Tell whoever runs it, or try again.",
    503: "Too much is under way, or the database is away. Come again when “Retry-After” is over.",
}


class Fault(BaseModel):
    """Which part of what was sent is not right, and why."""

    at: str
    message: str


class Problem(BaseModel):
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


def documented(*codes: int) -> dict[int, type[BaseModel]]:
    """What every address may answer with, and these besides, for the description of the API."""
    return dict.fromkeys((401, 404, 429, *codes), Problem)


def problem(status: int, detail: str, faults: list[Fault] | None = None, **headers: str) -> JsonResponse:
    said = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=faults or [])
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JsonResponse(
        said.model_dump(exclude_defaults=True),
        status=status,
        headers=named,
        json_dumps_params={"ensure_ascii": False},
    )


# --- What the API refuses ----------------------------------------------------------------------------


def add_handlers(api: NinjaAPI) -> None:
    """Have the API say its refusals so."""
    handlers: Mapping[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        AuthenticationError: _unauthorized,
        PermissionDenied: lambda request, error: problem(403, str(error)),
        Http404: lambda request, error: problem(404, _NOTHING),
        RequestDataTooBig: lambda request, error: problem(413, "This is more than 2 MB. Send it in parts."),
        ValidationError: _invalid,
        Throttled: _throttled,
        HttpError: lambda request, error: problem(error.status_code, f"{error.message.removesuffix('.')}."),
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    challenge = 'Bearer realm="Dubroom"'
    if "Authorization" in request.headers:
        challenge += ', error="invalid_token"'
    return problem(401, error.message, WWW_Authenticate=challenge)


def _throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    seconds = math.ceil(max(error.wait or 60, 1))
    return problem(429, f"Too many requests with this token. Come again in {seconds} s.", Retry_After=str(seconds))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [Fault(at=_place(fault["loc"]), message=_said(fault)) for fault in error.errors]
    return problem(422, f"{faults[0].at}: {faults[0].message}", faults)


def _place(loc: tuple[str | int, ...]) -> str:
    """`query.limit`, `body.tags.0`: without the name under which all views get it."""
    return ".".join(str(step) for step in loc if step != "asked")


def _said(fault: Mapping[str, Any]) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


# --- What is refused before and after it -------------------------------------------------------------


def json_errors(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give a script JSON where a browser would get a page of trouble, and keep all it gets out of every cache."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not request.path_info.startswith(API):
            return response
        kind = response.headers.get("Content-Type", "")
        if response.status_code >= 400 and not kind.startswith("application/json"):
            response = _translated(response)
        response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def _translated(response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    detail = _DETAILS.get(status, HTTPStatus(status).phrase)
    if status == HTTPStatus.BAD_GATEWAY and isinstance(response, HttpResponse):
        detail = response.text  # what stands in the way of the media, as the player says it
    said = problem(status, detail)
    for name in ("Allow", "Retry-After"):
        if name in response.headers:
            said.headers[name] = response.headers[name]
    return said
