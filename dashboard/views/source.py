"""A team's sources: runs that are suggested as one, and the table of which source misses which language."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.http.file_response import attachment_headers
from dashboard.http.ids import parse_id, parse_ids
from dashboard.pages.language_table import LanguageTable, LanguageTableQuery
from dashboard.pages.suggestion_list import suggestion_page
from dashboard.views.undo import before_joins, offer_undo
from results.exports.csv import csv_pieces
from results.models import Run
from results.runs.source import TooManyRunsError, join_groups, refuse_suggestion
from results.runs.source_suggestions import suggested, suggestion_groups
from teams import audit
from teams.access import can_export, membership_or_404, require_change, require_export
from teams.models import Membership


@login_required
@require_safe
def suggestions(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the runs that look like dubs of one original, the newest suggestion first."""
    membership = _changing_membership(request, slug)
    before = parse_id(request.GET.get("before", "")) or 0
    context = suggestion_page(Run.objects.filter(team=membership.team), before)
    return render(request, "source/suggestions.html", {"membership": membership, **context})


@login_required
@require_POST
def accept(request: HttpRequest, slug: str) -> HttpResponse:
    """Join the chosen runs of a suggestion and leave out its others, or with `all` join every suggestion."""
    membership = _changing_membership(request, slug)
    runs = suggested(Run.objects.filter(team=membership.team))
    left_out: set[int] = set()
    if "all" in request.POST:
        groups = suggestion_groups(runs)
    else:
        offered = set(runs.filter(suggestion=parse_id(request.POST.get("suggestion", "")) or 0).pks())
        chosen = offered & set(parse_ids(request.POST.getlist("run")))
        groups = [sorted(chosen)] if len(chosen) > 1 else []
        left_out = offered - chosen if groups else left_out
    try:
        joins = join_groups(membership.team, groups)
    except TooManyRunsError as error:
        messages.error(request, str(error))
        return redirect("source-suggestions", slug)
    if not joins:
        messages.info(request, _("Choose two runs or more."))
        return redirect("source-suggestions", slug)
    refused = refuse_suggestion(membership.team, left_out) if left_out else []
    done = ngettext("%(n)s source was created.", "%(n)s sources were created.", len(joins))
    _offer_undo(request, membership, before_joins(joins, refused), done % {"n": f"{len(joins):,}"})
    return redirect("source-suggestions", slug)


@login_required
@require_POST
def refuse(request: HttpRequest, slug: str) -> HttpResponse:
    """Note that the runs of a suggestion are of different sources."""
    membership = _changing_membership(request, slug)
    number = parse_id(request.POST.get("suggestion", "")) or 0
    runs = suggested(Run.objects.filter(team=membership.team)).filter(suggestion=number)
    if refused := refuse_suggestion(membership.team, runs.pks()):
        done = _("These runs will not be suggested as one source again.")
        _offer_undo(request, membership, before_joins([], refused), done)
    return redirect("source-suggestions", slug)


def _offer_undo(request: HttpRequest, membership: Membership, before: list[Any], done: str) -> None:
    here = reverse("source-suggestions", args=[membership.team.slug])
    offer_undo(request, membership.team, "joins", before, done, here)


@login_required
@require_safe
def languages(request: HttpRequest, slug: str) -> HttpResponse:
    """Show which sources miss which language."""
    membership = membership_or_404(request.user, slug)
    wanted = LanguageTableQuery.read(request.GET)
    context = {"membership": membership, "can_export": can_export(membership), **_table(membership, wanted)}
    return render(request, "source/languages.html", context)


@login_required
@require_safe
def languages_export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Answer with the table's rows of all pages as a CSV file, written while they are read."""
    membership = membership_or_404(request.user, slug)
    require_export(membership)
    audit.record(membership.team, audit.Action.EXPORTED, "languages of sources, csv")
    table = LanguageTable.of(membership.team, LanguageTableQuery.read(request.GET))
    return StreamingHttpResponse(
        csv_pieces(("source", "runs", *table.tags, "missing", "address"), _csv_rows(request, table)),
        content_type="text/csv; charset=utf-8",
        headers=attachment_headers(f"{slug}-languages-{timezone.localdate()}.csv"),
    )


def _csv_rows(request: HttpRequest, table: LanguageTable) -> Iterator[Sequence[object]]:
    for row in table.all_rows():
        cells = [row.status_of.get(tag, "") for tag in table.tags]
        missing = " ".join(tag for tag in table.tags if tag not in row.status_of)
        yield row.name, row.run_count, *cells, missing, request.build_absolute_uri(row.href)


def _table(membership: Membership, wanted: LanguageTableQuery) -> dict[str, Any]:
    table = LanguageTable.of(membership.team, wanted)
    return {"wanted": wanted, "table": table, "page": table.page()}


def _changing_membership(request: HttpRequest, slug: str) -> Membership:
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    return membership
