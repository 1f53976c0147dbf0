"""The board of review checks over all runs, and the dismissal of checks, with a reason."""

import logging
from collections.abc import Iterator, Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboard.forms.run import DismissalForm
from dashboard.htmx import is_fragment, refresh_page
from dashboard.http.file_response import attachment_headers
from dashboard.http.ids import parse_id
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.check_board import (
    CheckQuery,
    all_checks,
    build_row,
    check_href,
    filter_chips,
    get_checks,
    kind_chips,
    language_choices,
    review_check,
)
from dashboard.pages.transcript import TranscriptPage
from dashboard.pages.transcript_parts import STRETCH, TranscriptFilter
from dashboard.views.runs.lookup import get_changeable_run
from dashboard.views.undo import offer_undo
from results import tags
from results.dubs import checks
from results.exports.csv import csv_pieces
from results.models import Cue, OpenCheck
from results.transcripts import timecode
from results.transcripts.review import Kind
from teams import audit
from teams.access import can_export, membership_or_404, require_export
from teams.models import Membership

logger = logging.getLogger(__name__)


@login_required
@require_safe
def board(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the open review checks of all runs, filtered by kind, language and tag."""
    membership = membership_or_404(request.user, slug)
    team_id, wanted = membership.team_id, CheckQuery.read(request.GET)
    page = get_checks(team_id, wanted)
    context = {
        "membership": membership,
        "can_export": can_export(membership),
        "wanted": wanted,
        "kinds": kind_chips(team_id, wanted),
        "filters": filter_chips(wanted),
        "team_tags": tags.names_in_use(team_id),
        "language_choices": language_choices(team_id),
        "rows": [build_row(row) for row in page.checks],
        "following": wanted.query(after=page.after) if page.after else "",
        "csv_query": wanted.query(),
    }
    return render(request, "runs/checks/board.html", context)


@login_required
@require_safe
def export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Answer with the checks of all pages as a CSV file, written while they are read."""
    membership = membership_or_404(request.user, slug)
    require_export(membership)
    audit.record(membership.team, audit.Action.EXPORTED, "review checks, csv")
    logger.info("Review checks of team %s exported by user %s", membership.team_id, request.user.pk)
    header = ("kind", "details", "run", "title", "language", "start", "speaker", "text", "address")
    return StreamingHttpResponse(
        csv_pieces(header, _csv_rows(request, all_checks(membership.team_id, CheckQuery.read(request.GET)))),
        content_type="text/csv; charset=utf-8",
        headers=attachment_headers(f"{slug}-checks-{timezone.localdate()}.csv"),
    )


def _csv_rows(request: HttpRequest, found: Iterator[OpenCheck]) -> Iterator[Sequence[object]]:
    for row in found:
        run, words, address = row.run, str(review_check(row)), request.build_absolute_uri(check_href(row))
        line = timecode.full(row.start_ms), row.speaker, row.text  # type: ignore[attr-defined]
        yield row.kind, words, run.camb_run_id, run.title, row.dub.language, *line, address


@login_required
@page_methods
def dismiss(request: SignedInRequest, pk: int) -> HttpResponse:
    """Dismiss the check `kind` of the cue `line`, or with `restore` bring it back.

    With the `scope` of a stretch or a dub, all checks of the kind there are dismissed. Within the run's page the
    answer is a single check anew: the player and the place in the text stay as they are.
    """
    run, membership = get_changeable_run(request, pk)
    cue = Cue.objects.filter(run=run, pk=parse_id(request.GET.get("line", "")) or 0).select_related("dub").first()
    page = TranscriptPage(cue.dub, TranscriptFilter()) if cue else None
    line_check = page.check_of(cue.pk, request.GET.get("kind", "")) if page and cue else None
    if cue is None or page is None or line_check is None:
        messages.info(request, _("This line has changed, and the review check is gone."))
        here = reverse("runs-detail", args=[pk])
        return refresh_page(request, here)
    kind = line_check.check.kind
    scopes = page.dismissal_scopes(cue, kind)
    form = DismissalForm(
        request.POST if request.method == "POST" else None,
        initial={"reason": line_check.dismissed.reason if line_check.dismissed else ""},
        scopes=[] if line_check.dismissed else scopes,
    )
    back = reverse("runs-detail", args=[pk]) + f"{TranscriptFilter(cue.dub.language).query}#cue-{cue.position}"
    context = {"membership": membership, "run": run, "cue": cue, "form": form, "back": back}
    is_reopened = "restore" in request.POST
    if not is_reopened and not form.is_valid():
        context |= {"line_check": line_check}
        return render(request, "runs/checks/dismiss.html", context, status=422 if form.errors else 200)
    if not is_reopened and form.cleaned_data["scope"]:
        _dismiss_all(request, membership, cue, kind, form)
        return refresh_page(request, back)
    if is_reopened:
        checks.reopen(cue, kind)
    else:
        checks.dismiss(cue, kind, form.cleaned_data["reason"], request.user)
    if not is_fragment(request):
        return redirect(back)
    context["line_check"] = TranscriptPage(cue.dub, TranscriptFilter()).check_of(cue.pk, kind.value)
    return render(request, "runs/checks/_done.html", context)


def _dismiss_all(
    request: SignedInRequest, membership: Membership, cue: Cue, kind: Kind, form: DismissalForm
) -> None:
    """Dismiss the checks of this kind in the stretch or the dub that the form names, and offer Undo."""
    lines = checks.stretch_of(cue.dub, cue.position) if form.cleaned_data["scope"] == STRETCH else None
    count, at = checks.dismiss_all(cue.dub, kind, form.cleaned_data["reason"], request.user, lines)
    done = ngettext("%(n)s review check was dismissed.", "%(n)s review checks were dismissed.", count) % {
        "n": f"{count:,}"
    }
    before = [cue.dub_id, kind.value, at.isoformat()]
    here = reverse("runs-detail", args=[cue.run_id]) + TranscriptFilter(cue.dub.language).query
    offer_undo(request, membership.team, "checks", before, done, here)
