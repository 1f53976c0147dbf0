"""Which scripts may come in, with whose rights, and how do they ask?"""

import logging
from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms import TokenForm
from dashboard.views.teams import SignedInRequest
from teams.access import can_change, can_manage, membership_or_404, require_manage
from teams.models import AccessToken

logger = logging.getLogger(__name__)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    """List the tokens, a person's own or for an owner all of the team's; a POST creates one.

    Its secret stands in the very answer and nowhere else: a session would keep it in the database.
    """
    membership = membership_or_404(request.user, slug)
    form = TokenForm(membership, request.POST if request.method == "POST" else None)
    secret, status = "", 200
    if form.is_valid():
        days, may_write = form.cleaned_data["days"], form.cleaned_data["access"] == "write"
        token, secret = AccessToken.objects.issue(
            membership,
            form.cleaned_data["name"],
            can_write=may_write,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        logger.info(
            "Team %s: access token …%s to %s created by user %s",
            slug, token.last_four, form.cleaned_data["access"], request.user.pk,
        )  # fmt: skip
        form, status = TokenForm(membership), 201
    elif form.errors:
        status = 422
    tokens = AccessToken.objects.filter(membership__team=membership.team)
    if not can_manage(membership):
        tokens = tokens.filter(membership=membership)
    context = {
        "membership": membership,
        "can_change": can_change(membership),
        "can_manage": can_manage(membership),
        "tokens": tokens.select_related("membership__user").order_by("-pk"),
        "form": form,
        "secret": secret,
    }
    return render(request, "teams/api.html", context, status=status)


@login_required
@require_POST
def revoke(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Everybody may revoke their own tokens, an owner all of the team's."""
    membership = membership_or_404(request.user, slug)
    token = get_object_or_404(AccessToken, membership__team=membership.team, pk=pk)
    if token.membership_id != membership.pk:
        require_manage(membership)
    token.delete()
    logger.info("Team %s: access token …%s revoked by user %s", slug, token.last_four, request.user.pk)
    messages.success(request, _("The token “%(token)s” is revoked.") % {"token": token})
    return redirect("teams-api", slug)
