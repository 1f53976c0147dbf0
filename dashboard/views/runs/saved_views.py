"""Saved views of the list of runs, and the columns that a person sees in it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.forms.run import ViewForm
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.run_list import build_views, shown_columns
from dashboard.pages.run_query import COLUMNS, RunListQuery, join_columns
from results.models import SavedView
from results.runs import saved_views
from results.transcripts.languages import quoted
from teams.access import can_change, membership_or_404, require_change
from teams.models import Membership


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
def save(request: SignedInRequest, slug: str) -> HttpResponse:
    """Save the list under a name: filter, order and columns. A shared view needs the right to change runs."""
    membership = membership_or_404(request.user, slug)
    form = ViewForm(request.POST)
    wanted = RunListQuery.read_text(request.POST.get("query", ""))
    if not form.is_valid():
        context = {"membership": membership, "form": form, "query": wanted.query()}
        context["can_share"] = can_change(membership)
        return render(request, "runs/saved_views/save.html", context, status=422)
    _require_sharing(membership, form)
    try:
        view = saved_views.save_view(
            membership,
            form.cleaned_data["name"],
            _kept_query(request),
            is_shared=form.cleaned_data["is_shared"],
            is_default=form.cleaned_data["is_default"],
        )
    except saved_views.TooManyViewsError:
        messages.error(
            request, _("You can save up to %(n)s views. Remove one first.") % {"n": saved_views.MAX_VIEWS}
        )
        return redirect(reverse("runs-list", args=[slug]) + wanted.query())
    messages.success(request, _("The view %(name)s is saved.") % {"name": quoted(view.name)})
    return _to_list_of(view, slug)


@login_required
@require_POST
def change(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Let a view show the list as it is now. Its name stays, and who sees it."""
    view = _changeable_view(membership_or_404(request.user, slug), pk)
    saved_views.change_query(view, _kept_query(request))
    messages.success(request, _("The view %(name)s is saved.") % {"name": quoted(view.name)})
    return _to_list_of(view, slug)


@login_required
@page_methods
def edit(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Rename a view, and say who sees it."""
    membership = membership_or_404(request.user, slug)
    view = _changeable_view(membership, pk)
    form = ViewForm(request.POST if request.method == "POST" else None, initial=model_to_dict(view))
    if form.is_valid():
        _require_sharing(membership, form)
        try:
            saved_views.rename_and_share(view, **form.cleaned_data)
        except saved_views.NameTakenError:
            form.add_error("name", _("There is already a view with this name. Choose another one."))
        else:
            messages.success(request, _("The view %(name)s is saved.") % {"name": quoted(view.name)})
            return _to_list_of(view, slug)
    context = {"membership": membership, "view": view, "form": form, "can_share": can_change(membership)}
    return render(request, "runs/saved_views/edit.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    view = _changeable_view(membership_or_404(request.user, slug), pk)
    saved_views.remove_view(view)
    messages.success(request, _("The view %(name)s is removed.") % {"name": quoted(view.name)})
    return redirect(reverse("runs-list", args=[slug]) + RunListQuery(view="all").query())


@login_required
@require_POST
def columns(request: HttpRequest, slug: str) -> HttpResponse:
    """Remember which columns the person wants to see, in every team. Those of a view are in the list's address."""
    user = membership_or_404(request.user, slug).user
    wanted, shown = RunListQuery.read(request.POST), request.POST.getlist("column")
    if wanted.view.isdecimal():
        return redirect(reverse("runs-list", args=[slug]) + wanted.query(cols=join_columns(shown)))
    user.hidden_columns = [name for name in COLUMNS if name not in shown] or None
    user.save(update_fields=["hidden_columns"])
    return redirect(reverse("runs-list", args=[slug]) + wanted.query(cols=""))


def _changeable_view(membership: Membership, pk: int) -> SavedView:
    """Return the view. Raises Http404 for who does not see it, and PermissionDenied for who may not change it."""
    view = get_object_or_404(saved_views.visible_to(membership), pk=pk)
    if not saved_views.can_change(membership, view):
        raise PermissionDenied(_("Only the person who saved it, an owner or a manager can change a shared view."))
    return view


def _require_sharing(membership: Membership, form: ViewForm) -> None:
    """Raise PermissionDenied if the form shares the view and the member may not change what the team sees."""
    if form.cleaned_data["is_shared"] or form.cleaned_data["is_default"]:
        require_change(membership)


def _kept_query(request: SignedInRequest) -> str:
    """Return the posted list's query as a view keeps it: with the columns that the person sees."""
    wanted = RunListQuery.read_text(request.POST.get("query", ""))
    return wanted.query(view="", cols=join_columns(shown_columns(wanted, request.user)))


def _to_list_of(view: SavedView, slug: str) -> HttpResponseRedirect:
    return redirect(reverse("runs-list", args=[slug]) + RunListQuery.read_text(view.query).query(view=view.pk))
