"""A user's own name, time zone and player settings."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.forms import PlayerForm, ProfileForm
from dashboard.http.requests import SignedInRequest, browser_time_zone, page_methods


@login_required
@page_methods
def page(request: SignedInRequest) -> HttpResponse:
    user = request.user
    form = ProfileForm(
        request.POST if request.method == "POST" else None,
        initial={"name": user.name, "time_zone": user.zone.key},
        browser_zone=browser_time_zone(request),
    )
    if form.is_valid():
        user.name, user.time_zone = form.cleaned_data["name"], form.cleaned_data["time_zone"] or user.time_zone
        user.save(update_fields=["name", "time_zone"])
        messages.success(request, _("Your profile is saved."))
        return redirect("profile")
    return render(request, "profile/page.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_POST
def player(request: SignedInRequest) -> HttpResponse:
    """Save the user's player settings. The page has applied them already, so the answer has no body."""
    form = PlayerForm(request.POST, instance=request.user)
    if form.is_valid():
        request.user.save(update_fields=PlayerForm.Meta.fields)
    return HttpResponse(status=422 if form.errors else 204)
