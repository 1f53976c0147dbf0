"""Saved views of the list of runs, and the columns that a person sees in it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.forms.run import ViewForm
from dashboard.pages.run_list import COLUMNS, build_views
from dashboard.pages.run_query import RunListQuery
from results.runs import views
from results.transcripts.languages import quoted
from teams.access import can_change, membership_or_404, require_change


@login_required
@require_safe
def entries(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the views that the person may choose, each with the number of its runs."""
    membership = membership_or_404(request.user, slug)
    wanted = RunListQuery.read(request.GET)
    context = {"membership": membership, "wanted": wanted, "views": build_views(membership, wanted)}
    return render(request, "runs/saved_views/_entries.html", context)


@login_required
@require_POST
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the filter and order of the list under a name; a shared one needs the right to change runs."""
    membership = membership_or_404(request.user, slug)
    form = ViewForm(request.POST)
    wanted = RunListQuery.read(QueryDict(request.POST.get("query", "").removeprefix("?")))
    if not form.is_valid():
        context = {"membership": membership, "form": form, "query": wanted.query()}
        context["can_share"] = can_change(membership)
        return render(request, "runs/saved_views/save.html", context, status=422)
    if form.cleaned_data["is_shared"] or form.cleaned_data["is_default"]:
        require_change(membership)
    try:
        view = views.save_view(
            membership,
            form.cleaned_data["name"],
            wanted.query(view=""),
            is_shared=form.cleaned_data["is_shared"],
            is_default=form.cleaned_data["is_default"],
        )
    except views.TooManyViewsError:
        messages.error(request, _("You can save up to %(n)s views. Remove one first.") % {"n": views.MAX_VIEWS})
        return redirect(reverse("runs-list", args=[slug]) + wanted.query())
    messages.success(request, _("The view %(name)s is saved.") % {"name": quoted(view.name)})
    return redirect(reverse("runs-list", args=[slug]) + wanted.query(view=str(view.pk)))


@login_required
@require_POST
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    view = get_object_or_404(views.visible_to(membership), pk=pk)
    if not views.can_change(membership, view):
        raise PermissionDenied("A shared view is removed by who saved it, or by an owner or manager of the team.")
    views.remove_view(view)
    messages.success(request, _("The view %(name)s was removed.") % {"name": quoted(view.name)})
    return redirect(reverse("runs-list", args=[slug]) + RunListQuery(view="all").query())


@login_required
@require_POST
def columns(request: HttpRequest, slug: str) -> HttpResponse:
    """Remember which columns the person wants to see, in every team."""
    user = membership_or_404(request.user, slug).user
    shown = set(request.POST.getlist("column"))
    user.hidden_columns = [name for name in COLUMNS if name not in shown] or None
    user.save(update_fields=["hidden_columns"])
    return redirect(reverse("runs-list", args=[slug]) + RunListQuery.read(request.POST).query())
