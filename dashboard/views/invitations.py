"""Opens the link of an invitation, and lets the invited person join the team."""

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from dashboard.accounts.invitation import carried_invitation, carry_invitation, join
from dashboard.http.requests import page_methods
from teams.models import Invitation

logger = logging.getLogger(__name__)


@require_safe
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the invitation in the session and redirect at once, so that no log and no Referer keeps the token."""
    carry_invitation(request, Invitation.objects.opened_by(token).first())
    response = redirect("invitations-accept")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@page_methods
def accept(request: HttpRequest) -> HttpResponse:
    """Show the invitation in the session. A POST of the invited user joins the team."""
    invited = carried_invitation(request)
    if invited is None:
        return render(request, "invitations/expired.html", status=404)
    if request.method == "POST" and request.user.is_authenticated and (joined := join(invited, request.user)):
        carry_invitation(request, None)
        logger.info("Team %s: user %s joined by invitation", joined.team.slug, request.user.pk)
        return redirect("runs-list", joined.team.slug)
    is_theirs = request.user.is_authenticated and request.user.email == invited.email
    context = {"invitation": invited, "is_theirs": is_theirs}
    return render(request, "invitations/accept.html", context, status=403 if request.method == "POST" else 200)
