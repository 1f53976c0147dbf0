# mypy: disallow-subclassing-any=False
# (django-allauth has no types)
"""Single sign-on with the OpenID Connect provider of the settings, and the teams that its groups stand for."""

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.forms import SignupForm as AllauthSignupForm
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from requests import RequestException

from dashboard.accounts.forms import OwnLabels
from dashboard.forms.fields import single_line
from teams import audit
from teams.models import MAX_PERSON_NAME, LastOwnerError, Membership, Team, User

logger = logging.getLogger(__name__)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """Overrides the points where Dubroom differs from allauth's defaults."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # whom the provider lets in was decided there

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = single_line(str(data.get("name") or ""))[:MAX_PERSON_NAME]
        return user

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        return resolve_url("mfa_index")


class SignupForm(OwnLabels, AllauthSignupForm):
    """Asks for the address of a person about whom the provider has not told it."""


def answer_502_when_unreachable(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer with the page for a failed single sign-on when the provider cannot be reached."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except RequestException as error:
            logger.warning("The provider of single sign-on did not answer: %s", error)
            return render(request, "socialaccount/authentication_error.html", status=502)

    return answer


def groups_in(extra_data: dict[str, Any]) -> set[str] | None:
    """Return the groups that the provider has named, or None if it has named no list of groups at all."""
    parts = [extra_data.get("id_token"), extra_data.get("userinfo"), extra_data]
    lists = [part.get(settings.OIDC_GROUPS_CLAIM) for part in parts if isinstance(part, dict)]
    found = [value for value in lists if isinstance(value, list)]
    return {str(group) for value in found for group in value} if found else None


def apply_groups(user: User, groups: Iterable[str]) -> list[Membership]:
    """Give the user the roles of OIDC_GROUPS. Of several that the groups grant in one team, the highest counts.

    Returns the memberships whose role changed.

    A team of the map is left without it. Teams outside the map, and the last owner of a team, stay as they are.
    """
    granted: dict[str, list[str]] = {slug: [] for _, slug, _ in settings.OIDC_GROUPS}
    for group, slug, role in settings.OIDC_GROUPS:
        if role not in Membership.Role.values:
            logger.warning("OIDC_GROUPS names the role %s, which does not exist", role)
        elif group in groups:
            granted[slug].append(role)
    teams = Team.objects.in_bulk(granted, field_name="slug")
    changed: list[Membership] = []
    for slug, roles in granted.items():
        if slug not in teams:
            logger.warning("OIDC_GROUPS names the team %s, which does not exist", slug)
            continue
        highest = min(roles, key=Membership.Role.values.index) if roles else None
        try:
            with transaction.atomic():
                changed += _give_role(user, teams[slug], highest)
        except LastOwnerError:
            logger.warning("Team %s: user %s stays the last owner, against OIDC_GROUPS", slug, user.pk)
    return changed


def _give_role(user: User, team: Team, role: str | None) -> list[Membership]:
    """Give the user this role in the team, or remove them from it; return the membership if its role changed."""
    membership, person = Membership.objects.filter(team=team, user=user).first(), audit.person_name(user)
    if membership is None:
        if role:
            Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
            audit.record(team, audit.Action.JOINED, f"{person} as {role}, by single sign-on")
            logger.info("Team %s: user %s joined by single sign-on as %s", team.slug, user.pk, role)
    elif role is None:
        membership.remove()
        audit.record(team, audit.Action.MEMBER_REMOVED, f"{person}, by single sign-on")
        logger.info("Team %s: user %s removed by single sign-on", team.slug, user.pk)
    elif membership.role != role:
        change = f"{person}: {membership.role} → {role}, by single sign-on"
        membership.change_role(role)
        audit.record(team, audit.Action.MEMBER_CHANGED, change)
        logger.info("Team %s: user %s made %s by single sign-on", team.slug, user.pk, role)
        return [membership]
    return []
