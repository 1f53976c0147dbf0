"""The tab Key of a team: its CAMB.AI key, and the test of the key."""

import logging
import time
from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard.accounts.identity import ask_identity, is_confirmed, require_identity
from dashboard.accounts.security_emails import owners_of, send_security_email
from dashboard.forms.team import KeyForm
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.team_tabs import tab_context
from results.models import ApiKey
from results.refresh import keys as api_keys
from teams.access import can_change, membership_or_404, require_own
from teams.models import Membership, Team

logger = logging.getLogger(__name__)

# A running worker tests a key long before this time is over; after it, the page says that the key is not tested.
WORKER_TIMEOUT_S = 25


@sensitive_post_parameters("key")
@login_required
@page_methods
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the key's state. A POST saves another key, of a user who has confirmed who they are.

    Such a POST is refused rather than kept until then: the key would lie in the session, which is not encrypted.
    """
    membership = membership_or_404(request.user, slug)
    if request.method != "POST":
        return _page(request, membership)
    require_own(membership)
    if not _may_type_key(request, membership.team):
        return ask_identity(request, f"{reverse('keys', args=[slug])}?replace")
    form = KeyForm(request.POST)
    if ApiKey.objects.filter(team=membership.team, is_demo=True).exists():
        form.add_error(None, _("The demo keeps its own key. Create a team of your own to use yours."))
    if not form.is_valid():
        return _page(request, membership, status=422, key_form=form)
    is_first = not ApiKey.objects.filter(team=membership.team).exists()
    saved = api_keys.save_key(membership.team, form.cleaned_data["key"])
    if not is_first:
        send_security_email(request, "key_changed", owners_of(membership.team), team=membership.team, key=saved)
    logger.info("Team %s: key …%s saved by user %s", slug, saved.last_four, request.user.pk)
    return redirect("keys", slug)


def _may_type_key(request: SignedInRequest, team: Team) -> bool:
    """Return whether the form of the key is open. A team's first key replaces none, so it asks for nothing more."""
    return not ApiKey.objects.filter(team=team).exists() or is_confirmed(request)


def _page(request: SignedInRequest, membership: Membership, status: int = 200, **forms: Any) -> HttpResponse:
    context = {**tab_context(membership, "key"), "key_form": KeyForm(), **_state(membership), **forms}
    context["may_type_key"] = _may_type_key(request, membership.team)
    return render(request, "keys/page.html", context, status=status)


@login_required
@require_safe
def poll(request: SignedInRequest, slug: str) -> HttpResponse:
    """Answer the poll of the tab Key: 204 while the key is being tested."""
    membership = membership_or_404(request.user, slug)
    state = _state(membership, began=request.GET.get("began", ""))
    if state["is_being_tested"] and "began" in request.GET:
        return HttpResponse(status=204)
    return render(request, "keys/_poll.html", tab_context(membership, "key") | state)


@login_required
@require_POST
def test(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_own(membership)
    if not ratelimit.consume(request, action="key_test"):
        return render(request, "429.html", status=429)
    api_keys.request_test(get_object_or_404(ApiKey, team=membership.team))
    return redirect("keys", slug)


@login_required
@require_POST
def remove(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_own(membership)
    if ApiKey.objects.filter(team=membership.team, is_demo=True).exists():
        messages.error(request, _("The demo keeps its own key."))
        return _page(request, membership, status=422)
    require_identity(request)
    api_keys.remove_key(membership.team)
    send_security_email(request, "key_changed", owners_of(membership.team), team=membership.team)
    logger.info("Team %s: key removed by user %s", slug, request.user.pk)
    messages.success(request, _("The key is removed. This team's runs are not checked until it has one again."))
    return redirect("keys", slug)


def _state(membership: Membership, began: str = "") -> dict[str, Any]:
    """Return the context of `_poll.html`. The page has polled since `began`, in seconds since the epoch."""
    now = int(time.time())
    since = int(began) if began.isdecimal() and len(began) < 12 else now
    api_key = ApiKey.objects.filter(team=membership.team).first()
    # A test ends with a state or with a message; a call about a run may meanwhile fail without either.
    is_untested = api_key is not None and api_key.state == ApiKey.State.UNTRIED and not api_key.message
    is_overdue = is_untested and now - since >= WORKER_TIMEOUT_S
    is_working = api_key is not None and api_key.state == ApiKey.State.WORKING
    return {
        "api_key": api_key,
        "shows_last_four": can_change(membership),
        "is_being_tested": is_untested and not is_overdue,
        "is_overdue": is_overdue,
        "is_working": is_working,
        "leads_to_runs": is_working and can_change(membership) and not membership.team.runs.present().exists(),
        "began": since,
    }
