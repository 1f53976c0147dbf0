"""A user's own name, time zone, player and shortcuts, access tokens and feeds, and the end of the account."""

import logging

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.accounts.adapter import Adapter
from dashboard.accounts.deletion import delete_account, teams_of_one, teams_without
from dashboard.accounts.identity import require_identity
from dashboard.forms.person import PlayerForm, ProfileForm
from dashboard.http.requests import SignedInRequest, browser_time_zone, page_methods
from results.notifications import feeds
from teams.models import AccessToken, LastOwnerError

logger = logging.getLogger(__name__)


@login_required
@page_methods
def page(request: SignedInRequest) -> HttpResponse:
    user = request.user
    form = ProfileForm(
        request.POST if request.method == "POST" else None,
        initial={"name": user.name, "time_zone": user.zone.key, "uses_shortcuts": user.uses_shortcuts},
        browser_zone=browser_time_zone(request),
    )
    if form.is_valid():
        user.name, user.time_zone = form.cleaned_data["name"], form.cleaned_data["time_zone"] or user.time_zone
        user.uses_shortcuts = form.cleaned_data["uses_shortcuts"]
        user.save(update_fields=["name", "time_zone", "uses_shortcuts"])
        messages.success(request, _("Your profile is saved."))
        return redirect("profile")
    context = {"form": form, "profile_tab": "profile"}
    return render(request, "profile/page.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def player(request: SignedInRequest) -> HttpResponse:
    """Save the user's player settings. The page has applied them already, so the answer has no body."""
    form = PlayerForm(request.POST, instance=request.user)
    if form.is_valid():
        request.user.save(update_fields=PlayerForm.Meta.fields)
    return HttpResponse(status=422 if form.errors else 204)


@login_required
@require_POST
def shortcuts(request: SignedInRequest) -> HttpResponse:
    """Switch the user's keyboard shortcuts on or off. The page has done so already, so the answer has no body."""
    request.user.uses_shortcuts = "uses_shortcuts" in request.POST
    request.user.save(update_fields=["uses_shortcuts"])
    return HttpResponse(status=204)


@login_required
@require_safe
def tokens(request: SignedInRequest) -> HttpResponse:
    """List the user's access tokens and feeds of all teams; they are created at the team's own pages."""
    own = AccessToken.objects.filter(membership__user=request.user).select_related("membership__team")
    context = {
        "tokens": own.order_by("membership__team__name", "-pk"),
        "feeds": feeds.of_user(request.user),
        "profile_tab": "tokens",
    }
    return render(request, "profile/tokens.html", context)


@login_required
@page_methods
def delete(request: SignedInRequest) -> HttpResponse:
    """Say what goes with the account. A POST of a user who has confirmed who they are deletes it."""
    user, status = request.user, 200
    if request.method == "POST":
        if not teams_without(user).exists():
            require_identity(request)
        pk, email = user.pk, user.email
        try:
            delete_account(user)
        except LastOwnerError:
            status = 422
        else:
            logger.info("User %s deleted the account", pk)
            Adapter(request).send_mail("account/email/account_deleted", email, {})
            logout(request)
            messages.success(request, _("Your account is deleted."))
            return redirect("account_login")
    context = {"needing": teams_without(user), "alone": teams_of_one(user)}
    return render(request, "profile/delete.html", context, status=status)
