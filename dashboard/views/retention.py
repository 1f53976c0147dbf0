"""The tab Retention of a team: what is deleted when, which its owners set."""

import logging
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from dashboard.forms.team import RetentionForm
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.team_tabs import tab_context
from dashboard.units import duration_in_words
from results.runs import retention
from teams.access import membership_or_404, require_own

logger = logging.getLogger(__name__)


@login_required
@page_methods
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show how long the team keeps things. A POST sets it, once the owner has seen what that deletes."""
    membership = membership_or_404(request.user, slug)
    team = membership.team
    limits = retention.limits_of(team)
    context = {
        **tab_context(membership, "retention"),
        "limits": limits,
        "call_time": duration_in_words(timedelta(days=limits.call_log_days or settings.CALL_LOG_DAYS)),
    }
    if request.method != "POST":
        return render(request, "retention/page.html", {**context, "form": RetentionForm(limits)})
    require_own(membership)
    form = RetentionForm(limits, request.POST)
    if not form.is_valid():
        return render(request, "retention/page.html", {**context, "form": form}, status=422)
    wanted = retention.Limits(**form.cleaned_data)
    affected = retention.affected_by(team, wanted)
    if affected and "confirmed" not in request.POST:
        return render(
            request, "retention/page.html", {**context, "form": form, "wanted": wanted, "affected": affected}
        )
    retention.set_limits(team, wanted)
    logger.info("Team %s: retention set to %s by user %s", slug, wanted, request.user.pk)
    messages.success(
        request,
        _("Saved. Anything older is deleted within the hour.")
        if any(form.cleaned_data.values())
        else _("Saved. Archived runs and copies of media are kept until you delete them."),
    )
    return redirect("retention", slug)
