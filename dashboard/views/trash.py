"""The trash: a team's removed runs and a person's removed teams, to restore or to delete for good."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.accounts.identity import require_identity
from dashboard.http.ids import parse_id, parse_ids
from dashboard.http.requests import SignedInRequest
from dashboard.pages.run_query import MAX_SELECTED
from results import clock
from results.models import RunQuerySet
from results.runs import trash
from results.transcripts.languages import quoted
from teams.access import (
    can_delete_removed,
    membership_or_404,
    require_change,
    require_delete_removed,
    require_second_step,
)
from teams.models import Membership, Team

# So many runs are named in the question whether to delete them.
RUNS_NAMED = 5

PAGE_SIZE = 50


# --- Runs --------------------------------------------------------------------------------------------


@login_required
@require_safe
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    """List the team's removed runs, the newest removal first."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    runs = trash.removed_runs(membership.team)
    last = parse_id(request.GET.get("after", ""))
    rows = runs.filter(_behind(runs, last)) if last else runs
    found = list(rows.order_by("-removed_at", "-pk")[: PAGE_SIZE + 1])
    context = {
        "membership": membership,
        "can_delete": can_delete_removed(membership),
        "rows": [{"run": run, "ends_at": _end(run.removed_at)} for run in found[:PAGE_SIZE]],
        "total": runs.count(),
        "after": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
    }
    return render(request, "trash/page.html", context)


def _behind(runs: RunQuerySet, last: int) -> Q:
    """Return the condition of runs that are listed behind this one; if it is gone, all are."""
    run = runs.filter(pk=last).first()
    return Q(removed_at__lt=run.removed_at) | Q(removed_at=run.removed_at, pk__lt=last) if run else Q()


def _end(removed_at: datetime | None) -> datetime | None:
    return removed_at and removed_at + trash.TRASH_TIME


@login_required
@require_POST
def restore(request: SignedInRequest, slug: str) -> HttpResponse:
    """Restore the selected removed runs, or all."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    count = trash.restore_removed(membership.team, _selected(request, membership))
    done = ngettext("%(n)s run is restored.", "%(n)s runs are restored.", count)
    return _answer(request, slug, count, done)


@login_required
@require_POST
def delete(request: SignedInRequest, slug: str) -> HttpResponse:
    """Ask whether to delete the selected removed runs for good, or all; with `confirmed`, delete them."""
    membership = membership_or_404(request.user, slug)
    require_delete_removed(membership)
    pks = _selected(request, membership)
    if pks and "confirmed" not in request.POST:
        named = trash.removed_runs(membership.team).filter(pk__in=pks[:RUNS_NAMED])
        carried = [("all", "1")] if "all" in request.POST else [("pk", str(pk)) for pk in pks]
        context = {"membership": membership, "runs": named, "count": len(pks), "carried": carried}
        return render(request, "trash/delete.html", context)
    count = trash.delete_removed(membership.team, pks)
    done = ngettext("%(n)s run is deleted.", "%(n)s runs are deleted.", count)
    return _answer(request, slug, count, done)


def _selected(request: HttpRequest, membership: Membership) -> list[int]:
    runs = trash.removed_runs(membership.team)
    if "all" in request.POST:
        return runs.pks()
    return runs.filter(pk__in=parse_ids(request.POST.getlist("pk")[:MAX_SELECTED])).pks()


def _answer(request: HttpRequest, slug: str, count: int, done: str) -> HttpResponse:
    if count:
        messages.success(request, done % {"n": f"{count:,}"})
    else:
        messages.info(request, _("No run was selected, so nothing changed."))
    return redirect("trash", slug)


# --- Teams -------------------------------------------------------------------------------------------


@login_required
@require_safe
def teams(request: SignedInRequest) -> HttpResponse:
    """List the removed teams that the person owned."""
    found = _restorable(request).order_by("-removed_at")
    rows: list[dict[str, Any]] = [{"team": team, "ends_at": _end(team.removed_at)} for team in found]
    return render(request, "trash/teams.html", {"rows": rows})


@login_required
@require_POST
def team_restore(request: SignedInRequest, pk: int) -> HttpResponse:
    """Restore a removed team of which the person is an owner."""
    team = _restorable_team(request, pk)
    trash.restore_team(team)
    messages.success(request, _("The team %(team)s is restored.") % {"team": quoted(team)})
    return redirect("teams-detail", team.slug)


@login_required
@require_POST
def team_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a removed team of which the person is an owner, for good."""
    team = _restorable_team(request, pk)
    require_identity(request)
    trash.delete_team(team)
    messages.success(request, _("The team %(team)s is deleted.") % {"team": quoted(team)})
    return redirect("trash-teams")


def _restorable_team(request: SignedInRequest, pk: int) -> Team:
    team = get_object_or_404(_restorable(request), pk=pk)
    require_second_step(request.user.pk, team)
    return team


def _restorable(request: SignedInRequest) -> QuerySet[Team]:
    owned = Membership.objects.filter(user=request.user, role=Membership.Role.OWNER)
    return Team.objects.filter(removed_at__gt=clock.now() - trash.TRASH_TIME, pk__in=owned.values("team"))
