"""The tab API of a team: access tokens to create and revoke, sample commands and the list of operations."""

import logging
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.accounts.identity import require_identity
from dashboard.accounts.security_emails import send_security_email
from dashboard.api.router import api
from dashboard.forms.team import TokenForm
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.team_tabs import tab_context
from results.transcripts.languages import quoted
from teams import audit
from teams.access import can_change, membership_or_404, require_manage_person, roles_to_give
from teams.models import AccessToken, Membership

logger = logging.getLogger(__name__)


@login_required
@page_methods
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    """List the member's own tokens and those of people below, whom the member manages. A POST creates a token.

    Only the answer to the POST holds the secret: a redirect would have to keep it in the session, in the database.
    """
    membership = membership_or_404(request.user, slug)
    form = TokenForm(membership, request.POST if request.method == "POST" else None)
    secret, status = "", 200
    if form.is_valid():
        require_identity(request)
        try:
            token, secret = _create(membership, form.cleaned_data)
        except IntegrityError:
            # The form was sent twice at once, and the other request has created the token meanwhile.
            form.add_error("name", TokenForm.NAME_IS_TAKEN)
        else:
            logger.info(
                "Team %s: access token …%s to %s created by user %s",
                slug, token.last_four, form.cleaned_data["access"], request.user.pk,
            )  # fmt: skip
            send_security_email(request, "token_created", [request.user], token=token)
            form, status = TokenForm(membership), 201
    if form.errors:
        status = 422
    revocable = Q(membership=membership) | Q(membership__role__in=roles_to_give(membership))
    tokens = AccessToken.objects.filter(revocable, membership__team=membership.team)
    context = {
        **tab_context(membership, "api"),
        "can_change": can_change(membership),
        "tokens": tokens.select_related("membership__user").order_by("-pk"),
        "form": form,
        "secret": secret,
        "samples": _samples(request.build_absolute_uri(reverse("api:team", kwargs={"team": slug}))),
        "addresses": [address._replace(path=address.path.replace("{team}", slug)) for address in _addresses()],
    }
    return render(request, "tokens/page.html", context, status=status)


def _create(membership: Membership, wanted: dict[str, Any]) -> tuple[AccessToken, str]:
    """Create the token that a valid form asks for; return it with its secret. Raises IntegrityError."""
    days = wanted["days"]
    with transaction.atomic():
        token, secret = AccessToken.objects.issue(
            membership,
            wanted["name"],
            can_write=wanted["access"] == "write",
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        told = f"{token} …{token.last_four}, {wanted['access']}"
        audit.record(membership.team, audit.Action.TOKEN_CREATED, told)
    return token, secret


class Sample(NamedTuple):
    """A sample command, to be copied into a shell."""

    title: str
    code: str


def _samples(root: str) -> list[Sample]:
    curl = 'curl -H "Authorization: Bearer $DUBROOM_TOKEN"'
    json = '-H "Content-Type: application/json"'
    return [
        Sample(_("Try the token"), f"export DUBROOM_TOKEN=dubroom_…\n{curl} \\\n  {root}"),
        Sample(
            _("Add runs"),
            f'{curl} \\\n  {json} \\\n  -d \'{{"ids": [1344, 1345], "tags": ["launch"]}}\' \\\n  {root}/runs',
        ),
        Sample(
            _("Check their status"), f"{curl} \\\n  -G -d camb_run_id=1344 -d camb_run_id=1345 \\\n  {root}/runs"
        ),
        Sample(_("Download a transcript"), f"{curl} -OJ \\\n  {root}/dubs/1/transcript.srt"),
        Sample(_("Download a video"), f"{curl} -L -o dub.mp4 \\\n  {root}/dubs/1/video"),
        Sample(
            _("Find a line"), f"{curl} \\\n  -G --data-urlencode 'q=\"good night\" lang:en' \\\n  {root}/search"
        ),
    ]


class Address(NamedTuple):
    """An operation of the API, as its OpenAPI description has it."""

    method: str
    path: str
    what: str


@cache
def _addresses() -> list[Address]:
    """Return the operations of the OpenAPI description, cached: to build it takes ten times as long as a page."""
    paths: dict[str, dict[str, Any]] = api.get_openapi_schema()["paths"]
    return [
        Address(method.upper(), path, operation["description"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]


@login_required
@require_POST
def revoke(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Revoke a token: members revoke their own, and those of people whom they manage."""
    membership = membership_or_404(request.user, slug)
    tokens = AccessToken.objects.select_related("membership")
    token = get_object_or_404(tokens, membership__team=membership.team, pk=pk)
    if token.membership_id != membership.pk:
        require_manage_person(membership, token.membership)
    with transaction.atomic():
        token.delete()
        audit.record(membership.team, audit.Action.TOKEN_REVOKED, f"{token} …{token.last_four}")
    logger.info("Team %s: access token …%s revoked by user %s", slug, token.last_four, request.user.pk)
    messages.success(request, _("The token %(token)s is revoked.") % {"token": quoted(token)})
    return redirect("tokens", slug)
