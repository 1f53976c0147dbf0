"""The languages of a run's dubs: set by a person, and confirmed where they are guesses."""

from collections.abc import Sequence

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dashboard.forms.run import LanguageForm
from dashboard.htmx import is_fragment
from dashboard.http.ids import parse_id
from dashboard.http.requests import page_methods
from dashboard.pages.run_list import CheckState, build_rows
from dashboard.pages.run_query import GUESSED, RunListQuery
from dashboard.views.runs.lookup import get_changeable_run
from dashboard.views.undo import offer_undo
from results import queue
from results.dubs import languages as dub_languages
from results.models import ApiKey, Dub, Run
from results.runs.listed import read_runs
from results.transcripts import languages
from teams.access import membership_or_404, require_change
from teams.models import Membership


@login_required
@page_methods
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the language of the dub `dub`, else of the run's first dub; without one, of the dub to come."""
    run, membership = get_changeable_run(request, pk)
    dubs = list(run.dubs.order_by("pk"))
    dub = _wanted_dub(request, dubs)
    is_posted = request.method == "POST"
    is_in_list = "row" in request.GET or "row" in request.POST
    form = LanguageForm(
        request.POST if is_posted else None, initial={"language": languages.name(_current(run, dub))}
    )
    if is_posted and form.is_valid():
        tag = form.cleaned_data["language"]
        words = dub_languages.set_language(run, dub, tag)
        if is_in_list and is_fragment(request):
            return _row(request, run, membership)
        done = _("The language is now %(language)s.") % {"language": languages.name(tag)}
        here = reverse("runs-detail", args=[pk]) + (f"?{urlencode({'dub': tag})}" if dub and tag else "")
        automatic = _("The language is chosen automatically again.")
        offer_undo(request, membership.team, "languages", words, done if tag else automatic, here)
        return redirect(here)
    context = {
        "membership": membership,
        "run": run,
        "dub": dub,
        "dubs": [(other, languages.name(other.language)) for other in dubs],
        "form": form,
        "is_in_list": is_in_list,
        "choices": languages.choices(),
    }
    return render(request, "runs/languages/page.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    """Confirm every guessed language of the runs that the list shows, or of the run `run` only."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    runs = Run.objects.present().filter(team=membership.team)
    run_id, wanted = parse_id(request.POST.get("run", "")), RunListQuery.read(request.POST)
    chosen = runs.filter(pk=run_id) if run_id else wanted.matching(runs)
    words, count = dub_languages.confirm_guesses(membership.team, chosen)
    done = ngettext("%(n)s guessed language is confirmed.", "%(n)s guessed languages are confirmed.", count)
    here = reverse("runs-list", args=[slug]) + wanted.query(lang="" if wanted.lang == GUESSED else wanted.lang)
    if run_id and runs.filter(pk=run_id).exists():
        here = reverse("runs-detail", args=[run_id])
    offer_undo(request, membership.team, "languages", words, done % {"n": f"{count:,}"}, here)
    return redirect(here)


def _wanted_dub(request: HttpRequest, dubs: Sequence[Dub]) -> Dub | None:
    """Return the dub that the request names, or the first; None without any. Raises Http404 for another run's."""
    wanted = parse_id(request.POST.get("dub", "") or request.GET.get("dub", ""))
    if not wanted:
        return dubs[0] if dubs else None
    dub = next((dub for dub in dubs if dub.pk == wanted), None)
    if dub is None:
        raise Http404
    return dub


def _current(run: Run, dub: Dub | None) -> str:
    return dub.language if dub else run.given_language


def _row(request: HttpRequest, run: Run, membership: Membership) -> HttpResponse:
    """Answer the form within the list: with the run's row anew."""
    runs = read_runs(Run.objects.filter(pk=run.pk))
    key = ApiKey.objects.filter(team=run.team_id).first()
    checks = CheckState(run.due_at, key, queue.worker_missing_since())
    rows = build_rows(runs, checks.pause, RunListQuery(status="archived" if run.archived_at else ""))
    return render(request, "runs/languages/_row.html", {"rows": rows, "can_change": True, "oob": True})
