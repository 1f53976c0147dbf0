"""Exports transcripts as files: one dub, two dubs side by side, or a ZIP of many runs."""

import logging
import zlib

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.http.file_response import attachment_headers, download_response, transcript_response
from dashboard.http.ids import parse_ids
from dashboard.pages.run_query import RunListQuery, selected_runs
from dashboard.views.runs.lookup import get_changeable_run, get_exportable_dub
from results.exports import archive, names
from results.exports.formats import FORMATS, Format
from results.models import Dub, RawAnswer, Run
from teams import audit
from teams.access import membership_or_404, require_export

logger = logging.getLogger(__name__)


@login_required
@require_safe
def dub(request: HttpRequest, pk: int, format_key: str) -> HttpResponse:
    """Answer with the transcript of a dub."""
    dub, kind = get_exportable_dub(request, pk), _format_or_404(format_key)
    logger.info("Dub %s exported as %s by user %s", pk, format_key, request.user.pk)
    audit.record(dub.team_id, audit.Action.EXPORTED, f"{dub.run.camb_name} · transcript, {format_key}")
    return transcript_response(dub, kind, with_marks=_wants_marks(request.GET))


@login_required
@require_safe
def pair(request: HttpRequest, pk: int, format_key: str, other_pk: int) -> HttpResponse:
    """Answer with the transcripts of two dubs of a source, in one run or in two, aligned by time."""
    dub, kind = get_exportable_dub(request, pk), _format_or_404(format_key)
    is_of_source = Q(run=dub.run_id) | Q(run__source__isnull=False, run__source=dub.run.source_id)
    others = Dub.objects.present().filter(is_of_source, team=dub.team)
    other = get_object_or_404(others.exclude(pk=pk).select_related("run"), pk=other_pk)
    if not kind.is_bilingual:
        raise Http404
    logger.info("Dubs %s and %s exported as %s by user %s", pk, other_pk, format_key, request.user.pk)
    told = f"{dub.run.camb_name} · transcript beside {other.run.camb_name}, {format_key}"
    audit.record(dub.team_id, audit.Action.EXPORTED, told, count=2)
    content = kind.bilingual_file(dub, other, with_marks=_wants_marks(request.GET))
    return download_response(kind, content, dub, other)


@login_required
@require_safe
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with CAMB.AI's newest raw answer about a run, as it was stored."""
    run, membership = get_changeable_run(request, pk)
    require_export(membership)
    stored = get_object_or_404(RawAnswer, run=run)
    logger.info("Raw answer about run %s exported by user %s", pk, request.user.pk)
    audit.record(run.team_id, audit.Action.EXPORTED, f"{run.camb_name} · raw answer")
    return HttpResponse(
        zlib.decompress(stored.body),
        content_type="application/json",
        headers=attachment_headers(f"{names.stem(run, '')}.answer.json"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def selection(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Answer with a ZIP of the transcripts of many runs.

    The runs are those with these `ids`, else those that the form selects, else all that the list shows. POST is
    allowed though nothing changes, as a URL has no room for thousands of ids. `direction_marks=off` leaves the
    marks out of right-to-left files, here and in the exports of a dub.
    """
    membership = membership_or_404(request.user, slug)
    require_export(membership)
    data = request.POST if request.method == "POST" else request.GET
    kind = _format_or_404(data.get("format", "srt"))
    team_runs = Run.objects.present().filter(team=membership.team)
    if "ids" in data:
        pks = sorted(set(parse_ids(",".join(data.getlist("ids")).split(","))))
    elif request.method == "POST":
        pks = selected_runs(team_runs, data).pks()
    else:
        pks = RunListQuery.read(data).matching(team_runs).pks()
    if not pks:
        messages.info(request, _("There was no run to export."))
        return redirect("runs-list", slug)
    logger.info("Team %s: %s runs exported as %s by user %s", slug, len(pks), kind.key, request.user.pk)
    audit.record(membership.team, audit.Action.EXPORTED, f"transcripts, {kind.key}", count=len(pks))
    return StreamingHttpResponse(
        archive.stream_zip(team_runs, pks, kind, with_marks=_wants_marks(data)),
        content_type="application/zip",
        headers=attachment_headers(f"{slug}-{timezone.localdate()}-{kind.key}.zip"),
    )


def _wants_marks(data: QueryDict) -> bool:
    return data.get("direction_marks") != "off"


def _format_or_404(format_key: str) -> Format:
    if format_key not in FORMATS:
        raise Http404
    return FORMATS[format_key]
