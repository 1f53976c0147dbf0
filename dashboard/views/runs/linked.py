"""Links a run with other runs of the same source, so that their dubs can be shown side by side."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.forms import LinkForm
from dashboard.http.requests import page_methods
from dashboard.pages.run_list import RunListQuery
from dashboard.views.runs.lookup import get_changeable_run
from results.models import Run
from results.runs.linked import link_runs, unlink_run

FOUND_SHOWN = 20


@login_required
@page_methods
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the runs whose id or title matches `q`. A POST links the chosen one."""
    run, membership = get_changeable_run(request, pk)
    team_runs = Run.objects.filter(team=run.team_id).exclude(pk=pk)
    form = LinkForm(team_runs.select_related("source"), request.POST or None)
    if request.method == "POST" and form.is_valid():
        other = form.cleaned_data["run"]
        link_runs(run, other)
        messages.success(request, _("“%(run)s” is linked. Choose it under “Side by side”.") % {"run": other})
        return redirect("runs-detail", pk)
    wanted = RunListQuery.read(request.GET)
    linked = team_runs.filter(source=run.source_id) if run.source_id else team_runs.none()
    found = wanted.named(team_runs.current().exclude(pk__in=linked.values("pk"))) if wanted.q else team_runs.none()
    context = {
        "membership": membership,
        "run": run,
        "q": wanted.q,
        "form": form,
        "found": found.order_by("-pk")[:FOUND_SHOWN],
        "linked": linked.order_by("-pk"),
    }
    return render(request, "runs/linked/add.html", context, status=422 if request.method == "POST" else 200)


@login_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    run, _membership = get_changeable_run(request, pk)
    unlink_run(run)
    messages.success(request, _("“%(run)s” is no longer linked with other runs.") % {"run": run})
    return redirect("runs-detail", pk)
