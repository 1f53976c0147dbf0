"""The Activity page: the calls made to CAMB.AI, their outcomes, and the next checks."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.http.requests import SignedInRequest
from dashboard.pages.activity import (
    PERIODS,
    CallCursor,
    Chart,
    Period,
    ReadyChart,
    TimesChart,
    day_cells,
    get_calls,
    get_incidents,
    get_next_checks,
    get_period,
)
from dashboard.pages.markup import outcome_label
from results import clock, queue
from results.dubs import languages as dub_languages
from results.models import ApiKey, Call, TeamVersion
from results.refresh import call_stats
from results.runs.request import refresh_progress
from teams.access import can_change, can_own, membership_or_404
from teams.models import Membership, Team

FAILURES_SHOWN = 5
DAY = "24h"


@login_required
@require_safe
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    return render(request, "activity/page.html", _context(membership, request, clock.now()))


@login_required
@require_safe
def poll(request: SignedInRequest, slug: str) -> HttpResponse:
    """Answer the page's poll: 204, or all parts of the page when its state is no longer `since`.

    `at` is the time of the page's data, in seconds since the epoch.
    """
    membership = membership_or_404(request.user, slug)
    now = clock.now()
    period = get_period(request.GET.get("range", ""), now, request.user.zone)
    at = request.GET.get("at", "")
    # A longer window costs more to sum up, and one call changes it less: it is brought up to date less often.
    is_fresh = at.isdecimal() and now.timestamp() - int(at[:18]) < period.window.step / 60
    if is_fresh or _state(membership.team, period, now) == request.GET.get("since"):
        return HttpResponse(status=204)
    return render(request, "activity/_poll.html", _context(membership, request, now))


def _state(team: Team, period: Period, now: datetime) -> str:
    """Return a string that changes with the page: the version, newest call, last step and languages to read."""
    newest = Call.objects.filter(team=team).order_by("-at", "-pk").values_list("pk", flat=True).first()
    step = period.window.numbers(now)[-1]
    return f"{TeamVersion.current(team.pk)}.{newest or 0}.{step}.{dub_languages.backlog(team)}"


def _context(membership: Membership, request: SignedInRequest, now: datetime) -> dict[str, Any]:
    team, period = membership.team, get_period(request.GET.get("range", ""), now, request.user.zone)
    # Read first: a change made meanwhile is newer than this state, so the next poll brings it.
    state = _state(team, period, now)
    cursor = CallCursor.read(request.GET.get("before", ""))
    summary = call_stats.summarise(team, period.window, now)
    day = get_period(DAY, now, request.user.zone).window
    day_steps = summary.steps if period.name == DAY else call_stats.count_calls(team, day, now)
    calls, older = get_calls(team, cursor)
    context = {
        "membership": membership,
        "can_change": can_change(membership),
        "can_own": can_own(membership),
        "period": period,
        "periods": PERIODS,
        "progress": refresh_progress(team),
        "unread": dub_languages.backlog(team),
        "summary": summary,
        "chart": Chart.of(summary, period),
        "times": TimesChart.of(summary.steps, period),
        "ready": ReadyChart.of(call_stats.count_ready(team, period.window, now), period),
        "day": day_cells(day_steps, day.step),
        "incidents": get_incidents(team, day_steps[0].start),
        "failures": [(outcome_label(failure.outcome), failure) for failure in summary.failures[:FAILURES_SHOWN]],
        "key": ApiKey.objects.filter(team=team).first(),
        "due": get_next_checks(team, now),
        "worker_missing_since": queue.worker_missing_since(),
        "calls": calls,
        "newest": _query(range=period.name) if cursor else "",
        "older": _query(range=period.name, before=older) if older else "",
    }
    if cursor is None:
        # Only the page with the newest calls is polled: older calls do not change.
        context["poll_address"] = reverse("activity-poll", args=[team.slug]) + _query(range=period.name)
        context["poll_values"] = json.dumps({"since": state, "at": int(now.timestamp())})
    return context


def _query(**values: str) -> str:
    return "?" + urlencode(values)
