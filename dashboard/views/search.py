"""Search in the transcripts of a team: the page, its hits while the user types, the CSV export, saved searches."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.htmx import replace_url
from dashboard.pages.named_runs import find_named_runs
from dashboard.pages.search import (
    SearchRequest,
    build_found,
    build_save_search,
    build_saved_row,
    build_search_box,
    summarise,
)
from dashboard.pages.search_hits import cached_url, cue_url, group_hits
from results.exports.csv import csv_pieces
from results.models import SavedSearch
from results.search import index, saved
from results.search.query import clean, parse
from results.search.saved import OwnSearch
from results.search.service import Hit, HitPage, iter_hits, search
from results.transcripts import timecode
from results.transcripts.languages import quoted
from teams import audit
from teams.access import can_manage, membership_or_404, require_change, require_export
from teams.models import Membership

logger = logging.getLogger(__name__)

PAGE_SIZE = 50


@login_required
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    wanted = SearchRequest.read(request)
    own = saved.find_own(membership, wanted.q)
    if own:
        saved.mark_seen(own)
    return _page(request, membership, wanted, own)


@login_required
@require_safe
def hits(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the hits alone, while the user types; with `before`, with the next hits to append."""
    membership, wanted = membership_or_404(request.user, slug), SearchRequest.read(request)
    if wanted.before is not None:
        return _next_hits(request, membership, wanted)
    context = {"oob": True, **_context(request, membership, wanted, saved.find_own(membership, wanted.q))}
    return replace_url(render(request, "search/_hits.html", context), wanted.address(slug))


def _next_hits(request: HttpRequest, membership: Membership, wanted: SearchRequest) -> HttpResponse:
    result, slug = _search(membership, wanted), membership.team.slug
    context = {
        "groups": group_hits(result.hits, wanted.q),
        "more": wanted.next_query(result),
        "place": wanted.place,
        "is_best_first": wanted.is_best_first,
        "page_url": cached_url("search", slug),
        "hits_url": cached_url("search-hits", slug),
    }
    return render(request, "search/_groups.html", context)


@login_required
@require_safe
def export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Answer with all hits as a CSV file, written while the hits are read."""
    membership = membership_or_404(request.user, slug)
    require_export(membership)
    logger.info("Hits of team %s exported by user %s", membership.team_id, request.user.pk)
    audit.record(membership.team, audit.Action.EXPORTED, "lines of a search, csv")
    header = ("run", "title", "language", "start", "end", "speaker", "text", "address")
    # Parsed here: when the rows are read, the user's time zone no longer holds.
    rows = _csv_rows(request, iter_hits(membership.team_id, parse(SearchRequest.read(request).q)))
    name = f"{slug}-{timezone.localdate().isoformat()}.csv"
    return StreamingHttpResponse(
        csv_pieces(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=name)},
    )


def _csv_rows(request: HttpRequest, found: Iterable[Hit]) -> Iterator[Sequence[object]]:
    for hit in found:
        cue = hit.cue
        clocks = timecode.full(cue.start_ms), timecode.full(cue.end_ms)
        address = request.build_absolute_uri(cue_url(cue))
        yield cue.run.camb_run_id, cue.run.title, cue.dub.language, *clocks, cue.speaker, cue.text, address


@login_required
@require_POST
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Save a search for its owner, or with `is_shared` for the team; its owner is told of new dubs with hits."""
    membership = membership_or_404(request.user, slug)
    wanted, is_shared = SearchRequest(q=clean(request.POST.get("q", "")).strip()), "is_shared" in request.POST
    if is_shared:
        require_change(membership)
    if not wanted.q:
        return _page(request, membership, wanted, None, status=422)
    try:
        saved.save_search(membership, wanted.q, is_shared=is_shared)
    except saved.TooManySearchesError:
        messages.error(
            request, _("You can save up to %(count)s searches. Remove one first.") % {"count": saved.MAX_SAVED}
        )
    else:
        messages.success(request, _("The search is saved. The search page tells you when a new dub matches."))
    return redirect(wanted.address(slug))


@login_required
@require_POST
def saved_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    saved_search = get_object_or_404(saved.visible_to(membership), pk=pk)
    if not _can_remove(membership, saved_search):
        raise PermissionDenied(_("Only the person who saved it, an owner or a manager can remove a shared search."))
    saved.remove_search(saved_search)
    messages.success(request, _("The saved search %(q)s is removed.") % {"q": quoted(saved_search.q)})
    return redirect("search", slug)


def _can_remove(membership: Membership, saved_search: SavedSearch) -> bool:
    """Allow the owner of a saved search to remove it, and owners of the team to remove a shared one."""
    is_own = saved_search.owner_id == membership.user_id
    return is_own or (saved_search.is_shared and can_manage(membership))


def _search(membership: Membership, wanted: SearchRequest) -> HitPage:
    return search(
        membership.team_id,
        wanted.q,
        before_id=wanted.before,
        skip=wanted.skip,
        limit=PAGE_SIZE,
        best_first=wanted.is_best_first,
        with_facets=wanted.before is None,
    )


def _page(
    request: HttpRequest, membership: Membership, wanted: SearchRequest, own: OwnSearch | None, status: int = 200
) -> HttpResponse:
    box = build_search_box(wanted, membership.team.slug)
    context = {"search_box": box, **_context(request, membership, wanted, own)}
    return render(request, "search/page.html", context, status=status)


def _context(
    request: HttpRequest, membership: Membership, wanted: SearchRequest, own: OwnSearch | None
) -> dict[str, Any]:
    """Return what the hits show; `own` is the member's saved search of this text."""
    slug, result = membership.team.slug, _search(membership, wanted)
    context = {
        "membership": membership,
        "wanted": wanted,
        "hint": result.hint,
        "missing_runs": index.missing_runs(membership.team_id),
        "named_runs": find_named_runs(membership, wanted.q),
        # Django takes longer to find an address than to print it, so each is looked up once.
        "page_url": cached_url("search", slug),
        "hits_url": cached_url("search-hits", slug),
        "summary": summarise(result, wanted) if result.hits else "",
        "suggestion": result.suggestion,
        "suggested": replace(wanted, q=result.suggestion).address(slug) if result.suggestion else "",
        **_saved_context(request, membership, wanted, own),
    }
    if result.hits:
        groups = group_hits(result.hits, wanted.q)
        above = context["summary"], groups, context["save_search"]
        context["found"] = build_found(result, wanted, membership, *above)
    return context


def _saved_context(
    request: HttpRequest, membership: Membership, wanted: SearchRequest, own: OwnSearch | None
) -> dict[str, Any]:
    """Return the forms that save this search; before anything is typed, all saved searches."""
    if wanted.q:
        token = get_token(request)
        # The page takes this token too: another one would be as long in making as a query.
        return {"save_search": build_save_search(membership, own, wanted.q, token), "csrf_token": token}
    searches = saved.visible_to(membership)
    return {
        "searches": [build_saved_row(membership, one, can_remove=_can_remove(membership, one)) for one in searches]
    }
