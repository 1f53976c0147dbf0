"""Authenticates API requests by access token, for one team, with a rate limit per token."""

import time
from typing import Annotated, NoReturn, Self, get_origin

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest
from django.urls import reverse
from ninja import Path
from ninja.errors import AuthenticationError, Throttled
from ninja.security import HttpBearer
from pydantic import BaseModel, ValidationInfo, model_validator
from redis.exceptions import RedisError

from teams.access import require_second_step, require_write
from teams.models import AccessToken, Team, User

TeamSlug = Annotated[str, Path(description="The team's slug, as in the addresses of its pages: `/t/<team>/`.")]


class ScriptRequest(HttpRequest):
    """A request that `TokenAuth` has authenticated."""

    auth: AccessToken
    user: User
    team: Team


class TokenAuth(HttpBearer):
    """Accepts an access token of the team in the address; with another team's token, the team does not exist (404).

    Every method but GET changes something, so the right to write is checked here: no view can forget to check.
    """

    def __call__(self, request: HttpRequest) -> AccessToken:
        token: AccessToken | None = super().__call__(request)
        return token or _refuse("Send an access token of the team in the header “Authorization: Bearer dubroom_…”.")

    def authenticate(self, request: HttpRequest, token: str) -> AccessToken:
        found = AccessToken.objects.opened_by(token).first()
        if found is None:
            _refuse("This token is not valid: it was mistyped or revoked, or its creator has left the team.")
        if found.is_expired:
            _refuse(f"This token expired on {found.expires_at:%Y-%m-%d}. Create another on the team's API page.")
        _count(found)
        found.note_use()
        team = found.membership.team
        here = request.resolver_match
        if here is None or here.kwargs.get("team") != team.slug:
            raise Http404
        require_second_step(found.membership.user_id, team)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            require_write(found)
        vars(request).update(user=found.membership.user, team=team)
        return found


class QueryParameters(BaseModel):
    """Query parameters, of which unknown ones are refused: a mistyped filter would match everything.

    So are repeated ones that take a single value: the last would be taken, and the others ignored.
    """

    @model_validator(mode="after")
    def _are_known(self, info: ValidationInfo) -> Self:
        request: HttpRequest = (info.context or {})["request"]
        fields = type(self).model_fields
        if unknown := set(request.GET) - set(fields):
            raise ValueError(f"there is no parameter {', '.join(sorted(unknown))}")
        for name, values in request.GET.lists():
            if len(values) > 1 and get_origin(fields[name].annotation) is not list:
                raise ValueError(f"{name} takes one value, and is given {len(values)} times")
        return self


def api_root(request: ScriptRequest) -> str:
    """Return the address of the token's team in the API."""
    return request.build_absolute_uri(reverse("api:team", kwargs={"team": request.team.slug}))


def _refuse(sentence: str) -> NoReturn:
    raise AuthenticationError(message=sentence)


def _count(token: AccessToken) -> None:
    """Count a request of this token. Raises Throttled above `API_CALLS_PER_MINUTE` in a minute of the clock."""
    minute, seconds = divmod(time.time(), 60)
    key = f"api-calls:{token.pk}:{minute:.0f}"
    try:
        cache.add(key, 0, timeout=120)
        count = cache.incr(key)
    except (RedisError, ValueError):
        return  # without the cache, requests are not limited rather than refused: the pages work without it too
    if count > settings.API_CALLS_PER_MINUTE:
        raise Throttled(wait=60 - seconds)  # type: ignore[arg-type]  # the wait may be a fraction
