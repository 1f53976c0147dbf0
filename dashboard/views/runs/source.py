"""The runs of a run's source: join more, take one apart, and the source's title."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.forms.run import RunChoiceForm, SourceTitleForm
from dashboard.http.ids import parse_id
from dashboard.http.requests import page_methods
from dashboard.pages.run_query import RunListQuery
from dashboard.views.runs.lookup import get_changeable_run
from dashboard.views.undo import before_joins, offer_undo
from results.models import Run
from results.runs.source import TooManyRunsError, join_groups, rename_source, take_apart
from results.transcripts.languages import quoted

FOUND_SHOWN = 20


@login_required
@page_methods
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the source's runs, and those whose id or title matches `q`. A POST joins the chosen one."""
    run, membership = get_changeable_run(request, pk)
    team_runs = Run.objects.present().filter(team=run.team_id).exclude(pk=pk)
    form = RunChoiceForm(team_runs, request.POST or None)
    if request.method == "POST" and form.is_valid():
        other = form.cleaned_data["run"]
        try:
            joins = join_groups(run.team, [[run.pk, other.pk]])
        except TooManyRunsError as error:
            messages.error(request, str(error))
        else:
            done = _("%(run)s is now part of this source.") % {"run": quoted(other)}
            offer_undo(request, run.team, "joins", before_joins(joins), done, reverse("runs-source", args=[pk]))
        return redirect("runs-source", pk)
    wanted = RunListQuery.read(request.GET)
    companions = team_runs.filter(source=run.source_id) if run.source_id else team_runs.none()
    others = team_runs.current().exclude(pk__in=companions.values("pk"))
    suggested = others.filter(suggestion=run.suggestion) if run.suggestion else team_runs.none()
    context = {
        "membership": membership,
        "run": run,
        "q": wanted.q,
        "form": form,
        "found": wanted.named(others).order_by("-pk")[:FOUND_SHOWN] if wanted.q else [],
        "suggested": suggested.order_by("-pk")[:FOUND_SHOWN],
        "companions": companions.order_by("-pk"),
    }
    return render(request, "runs/source/page.html", context, status=422 if request.method == "POST" else 200)


@login_required
@require_POST
def apart(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a run out of the source: the one that `run` names, or else the run of this page."""
    run, _membership = get_changeable_run(request, pk)
    chosen = parse_id(request.POST.get("run", "")) or pk
    of_source = (
        Run.objects.present().filter(team=run.team_id, source=run.source_id)
        if run.source_id
        else Run.objects.none()
    )
    if chosen != pk or run.source_id:
        run = get_object_or_404(of_source, pk=chosen)
        take_apart(run)
        messages.success(request, _("%(run)s is no longer part of this source.") % {"run": quoted(run)})
    return redirect("runs-source", pk)


@login_required
@require_POST
def title(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the run's source a title."""
    run, _membership = get_changeable_run(request, pk)
    form = SourceTitleForm(request.POST)
    if not run.source:
        return redirect("runs-source", pk)
    if form.is_valid():
        rename_source(run.source, form.cleaned_data["title"])
    else:
        messages.error(request, " ".join(map(str, form.errors["title"])))
    return redirect("runs-source", pk)
