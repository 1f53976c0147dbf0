"""What may be done with many runs at once: the picked ones, or all that the list lets through?"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dashboard.forms import TagsForm
from dashboard.pages.run_list import RunListQuery, selected_runs
from results import tags
from results.models import ApiKey, Run
from results.runs.archive import archive_runs, restore_runs
from results.runs.request import refresh_obstacle, request_refresh_many
from teams.access import membership_or_404, require_change

# What says which runs are meant; a form that comes back must still say it.
CARRIED = ("pk", "all", "q", "tag", "status", "order")


@login_required
@require_POST
def refresh(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the picked runs asked."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    runs = selected_runs(Run.objects.filter(team=membership.team), request.POST)
    if not ApiKey.objects.filter(team=membership.team).exists():
        messages.error(request, refresh_obstacle(membership.team))
    elif count := request_refresh_many(runs, membership.team):
        said = ngettext(
            "CAMB.AI is asked about %(n)s run as soon as the team's key allows.",
            "CAMB.AI is asked about %(n)s runs as soon as the team's key allows.",
            count,
        )
        messages.info(request, said % {"n": f"{count:,}"})
    else:
        messages.info(request, _("No run was selected, so CAMB.AI is not asked."))
    return _list(request, slug)


@login_required
@require_POST
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """Put the picked runs under the typed tags, or with `remove` take them from under these."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    runs = selected_runs(Run.objects.filter(team=membership.team), request.POST)
    form = TagsForm(request.POST)
    if not form.is_valid():
        carried = [(name, value) for name, values in request.POST.lists() for value in values if name in CARRIED]
        context = {"membership": membership, "form": form, "count": runs.count(), "carried": carried}
        return render(request, "runs/bulk/tag.html", context, status=422)
    names = form.cleaned_data["tags"]
    if "remove" in request.POST:
        count = tags.remove_tags(membership.team, runs.pks(), names)
        said = ngettext("%(tags)s: taken off %(n)s run.", "%(tags)s: taken off %(n)s runs.", count)
    else:
        count = tags.add_tags(membership.team, dict.fromkeys(runs.pks(), names))
        said = ngettext("%(n)s run was tagged %(tags)s.", "%(n)s runs were tagged %(tags)s.", count)
    if count:
        messages.success(request, said % {"n": f"{count:,}", "tags": ", ".join(f"“{name}”" for name in names)})
    else:
        messages.info(request, _("No run was selected, so nothing was tagged."))
    return _list(request, slug)


@login_required
@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    pks = selected_runs(Run.objects.filter(team=membership.team), request.POST).pks()
    if count := archive_runs(membership.team, pks):
        said = ngettext(
            "%(n)s run was archived; it can be restored under “Archived”.",
            "%(n)s runs were archived; they can be restored under “Archived”.",
            count,
        )
        messages.success(request, said % {"n": f"{count:,}"})
    else:
        messages.info(request, _("No run was selected, so nothing was archived."))
    return _list(request, slug)


@login_required
@require_POST
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    pks = selected_runs(Run.objects.filter(team=membership.team), request.POST).pks()
    if count := restore_runs(membership.team, pks):
        said = ngettext("%(n)s run was restored.", "%(n)s runs were restored.", count)
        messages.success(request, said % {"n": f"{count:,}"})
    else:
        messages.info(request, _("No run was selected, so nothing was restored."))
    return _list(request, slug)


def _list(request: HttpRequest, slug: str) -> HttpResponse:
    return redirect(reverse("runs-list", args=[slug]) + RunListQuery.read(request.POST).query())
