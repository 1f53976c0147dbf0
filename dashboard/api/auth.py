"""Who comes in with an access token, to which team, and how often?"""

from typing import Annotated, NoReturn, Self

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import Path
from ninja.errors import AuthenticationError, Throttled
from ninja.security import HttpBearer
from ninja.throttling import SimpleRateThrottle
from pydantic import BaseModel, ValidationInfo, model_validator
from redis.exceptions import RedisError

from teams.access import require_write
from teams.models import AccessToken, Team, User

TeamSlug = Annotated[str, Path(description="The team, as in the addresses of its pages: `/t/<team>/`.")]


class ScriptRequest(HttpRequest):
    """What is left of requests once `TokenAuth` has looked at them."""

    auth: AccessToken
    user: User
    team: Team


class TokenAuth(HttpBearer):
    """An access token of the address's team; of what else there is, its bearer sees nothing.

    Whatever is posted changes something, so no view can forget to ask whether that is allowed.
    """

    def __call__(self, request: HttpRequest) -> AccessToken:
        token: AccessToken | None = super().__call__(request)
        return token or _refuse("Send an access token of the team in the header “Authorization: Bearer dubroom_…”.")

    def authenticate(self, request: HttpRequest, token: str) -> AccessToken:
        found = AccessToken.objects.opened_by(token).first()
        if found is None:
            _refuse("This token opens nothing: it was mistyped or revoked, or its person has left the team.")
        if found.is_expired:
            _refuse(f"This token ended on {found.expires_at:%Y-%m-%d}. Create another on the team's API page.")
        _count(found, request)
        found.note_use()
        team = found.membership.team
        here = request.resolver_match
        if here is None or here.kwargs.get("team") != team.slug:
            raise Http404
        if request.method == "POST":
            require_write(found)
        vars(request).update(user=found.membership.user, team=team)
        return found


class QueryParameters(BaseModel):
    """What stands in the query of an address: a mistyped filter is refused, as it would let everything by."""

    @model_validator(mode="after")
    def _are_known(self, info: ValidationInfo) -> Self:
        request: HttpRequest = (info.context or {})["request"]
        if unknown := set(request.GET) - set(type(self).model_fields):
            raise ValueError(f"there is no parameter {', '.join(sorted(unknown))}")
        return self


def _refuse(sentence: str) -> NoReturn:
    raise AuthenticationError(message=sentence)


class _PerToken(SimpleRateThrottle):
    """One for each request, as it keeps what it has counted."""

    def __init__(self, token: AccessToken) -> None:
        super().__init__(f"{settings.API_CALLS_PER_MINUTE}/m")
        self.token = token

    def get_cache_key(self, request: HttpRequest) -> str:
        return f"api-calls:{self.token.pk}"


def _count(token: AccessToken, request: HttpRequest) -> None:
    """Let so many requests a minute in. Raises Throttled."""
    limit = _PerToken(token)
    try:
        is_within = limit.allow_request(request)
    except RedisError:
        return  # rather uncounted than shut out: the pages work without the cache too
    if not is_within:
        raise Throttled(wait=limit.wait())  # type: ignore[arg-type]  # it may be a fraction
