"""Actions on one run: rename, tag, refresh, archive, restore and remove it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.forms.run import TagsForm, TimesForm, TitleForm
from dashboard.htmx import is_fragment
from dashboard.http.requests import page_methods
from dashboard.views.runs.lookup import get_changeable_run, get_removable_run
from dashboard.views.undo import offer_undo
from results import clock
from results.runs.archive import archive_runs, unarchive_runs
from results.runs.request import QueueUnreachableError, refresh_obstacle, request_refresh
from results.runs.time_unit import choose_time_unit
from results.runs.trash import remove_runs
from results.tags import add_tags, names_in_use, names_of, remove_tags
from results.transcripts.languages import quoted


@login_required
@page_methods
def title(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = get_changeable_run(request, pk)
    form = TitleForm(request.POST or None, instance=run)
    if request.method == "POST" and form.is_valid():
        form.save()
        # A fragment only answers the form within a page: the URL itself always answers a whole page.
        if is_fragment(request):
            return render(request, "runs/edit/_name.html", {"pk": pk, "name": str(run), "oob": True})
        return redirect("runs-detail", pk)
    context = {"membership": membership, "run": run, "form": form}
    return render(request, "runs/edit/title.html", context, status=422 if form.errors else 200)


@login_required
@page_methods
def tags(request: HttpRequest, pk: int) -> HttpResponse:
    """Add the typed tags to the run, or take the tag in `remove` off."""
    run, membership = get_changeable_run(request, pk)
    form = TagsForm(request.POST if request.method == "POST" and "remove" not in request.POST else None)
    if "remove" in request.POST:
        remove_tags(membership.team, [pk], [request.POST["remove"]])
    elif form.is_valid():
        add_tags(membership.team, {pk: form.cleaned_data["tags"]})
    if request.method == "POST" and not form.errors and not is_fragment(request):
        return redirect("runs-detail", pk)
    context = {
        "membership": membership,
        "run": run,
        "can_change": True,
        "typed_tags": form["tags"].value() if form.errors else "",
        "tags_error": form.errors["tags"][0] if form.errors else "",
        "is_in_use": True,
        "tag_names": names_of(pk),
        "team_tags": names_in_use(run.team_id),
    }
    return render(request, "runs/edit/tags.html", context, status=422 if form.errors else 200)


@login_required
@page_methods
def times(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the unit of the times in CAMB.AI's answer."""
    run, membership = get_changeable_run(request, pk)
    form = TimesForm(request.POST if request.method == "POST" else None, initial={"unit": run.time_unit})
    if request.method == "POST" and form.is_valid():
        if not choose_time_unit(run, form.cleaned_data["unit"]):
            messages.info(request, _("The times change when the run is refreshed. Select Refresh."))
        return redirect("runs-detail", pk)
    context = {"membership": membership, "run": run, "times_form": form}
    return render(request, "runs/edit/times.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = get_changeable_run(request, pk)
    # A success needs no message: the run's page shows that CAMB.AI is being asked, and then the result.
    try:
        is_requested = request_refresh(run)
    except QueueUnreachableError as error:
        messages.warning(request, str(error))
        return redirect("runs-detail", pk)
    if not is_requested:
        obstacle = refresh_obstacle(membership.team, run)
        if not obstacle:
            messages.info(request, _("This run is already being refreshed, or was a moment ago."))
        elif run.due_at is None:  # the page of an unfinished run shows the obstacle itself
            messages.error(request, obstacle)
    return redirect("runs-detail", pk)


@login_required
@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = get_changeable_run(request, pk)
    at = clock.now()
    archive_runs(membership.team, [pk], at=at)
    done, here = _("%(run)s is archived.") % {"run": quoted(run)}, reverse("runs-detail", args=[pk])
    offer_undo(request, membership.team, "archived", at.isoformat(), done, here)
    return redirect("runs-detail", pk)


@login_required
@require_POST
def unarchive(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = get_changeable_run(request, pk)
    unarchive_runs(membership.team, [pk])
    messages.success(request, _("%(run)s is restored. It appears in search in a moment.") % {"run": quoted(run)})
    return redirect("runs-detail", pk)


@login_required
@page_methods
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = get_removable_run(request, pk)
    if request.method == "POST":
        removal = remove_runs(membership.team, [pk], by=str(request.user))
        done, here = _("%(run)s is removed.") % {"run": quoted(run)}, reverse("runs-detail", args=[pk])
        offer_undo(request, membership.team, "removed", removal.at.isoformat(), done, here)
        return redirect("runs-list", membership.team.slug)
    return render(request, "runs/edit/remove.html", {"membership": membership, "run": run})
