"""The tab Audit of a team: who did what, when and from where, for its owners."""

from collections.abc import Iterator, Sequence

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.http.file_response import attachment_headers
from dashboard.http.requests import SignedInRequest
from dashboard.pages.audit_log import AuditFilter, all_entries, get_page
from dashboard.pages.team_tabs import tab_context
from results.exports.csv import csv_pieces
from teams import audit
from teams.access import membership_or_404, require_own
from teams.models import AuditEntry, Membership


@login_required
@require_safe
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_own(membership)
    wanted = AuditFilter.read(request.GET)
    entries, last = get_page(membership.team, wanted)
    context = {
        **tab_context(membership, "audit"),
        "wanted": wanted,
        "is_filtered": wanted.query() != "?",
        "kinds": AuditEntry.Action.choices,
        "entries": entries,
        "older": wanted.query(after=last) if last else "",
        "csv": wanted.query(),
    }
    return render(request, "audit/page.html", context)


@login_required
@require_safe
def export(request: SignedInRequest, slug: str) -> StreamingHttpResponse:
    """Answer with all entries that pass the filter as a CSV file, written while they are read."""
    membership = membership_or_404(request.user, slug)
    require_own(membership)
    audit.record(membership.team, audit.Action.EXPORTED, "audit trail, csv")
    return StreamingHttpResponse(
        csv_pieces(
            ("time", "action", "person", "where", "token", "ip_address", "details", "count"),
            _csv_rows(membership, AuditFilter.read(request.GET)),
        ),
        content_type="text/csv; charset=utf-8",
        headers=attachment_headers(f"{slug}-audit-{timezone.localdate()}.csv"),
    )


def _csv_rows(membership: Membership, wanted: AuditFilter) -> Iterator[Sequence[object]]:
    for entry in all_entries(membership.team, wanted):
        at = entry.at.isoformat(timespec="seconds")
        yield at, entry.kind, entry.person, entry.way, entry.token, entry.address or "", entry.detail, entry.count
