"""Shows the call history of a run, newest first."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.http.ids import parse_id
from dashboard.pages.markup import outcome_label
from dashboard.views.runs.lookup import get_run_and_membership
from results.models import Attempt

ATTEMPTS = 50


@login_required
@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "runs/history/page.html", _history(request, pk))


@login_required
@require_safe
def rows(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "runs/history/_rows.html", _history(request, pk))


def _history(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Return the context of one page of a run's call history, newest first."""
    run, membership = get_run_and_membership(request, pk)
    before = parse_id(request.GET.get("before", ""))
    attempts: QuerySet[Attempt] = run.call_attempts.select_related("call").order_by("-pk")
    if before is not None:
        attempts = attempts.filter(pk__lt=before)
    found = list(attempts[: ATTEMPTS + 1])
    shown = found[:ATTEMPTS]
    return {
        "membership": membership,
        "run": run,
        "attempts": [(attempt, outcome_label(attempt.call.outcome)) for attempt in shown],
        "is_paged": before is not None,
        "older": f"?before={shown[-1].pk}" if len(found) > ATTEMPTS else "",
    }
