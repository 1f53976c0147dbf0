"""Which moments of a team's dubs say what somebody looks for?"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import replace_url

from dashboard.http.ids import parse_id
from dashboard.pages.search_hits import cached_url, group_hits, moment_url
from results.exports import csv
from results.models import Cue, Run, SavedSearch
from results.search import saved
from results.search.query import clean, periods
from results.search.service import SAMPLE_SIZE, Facets, HitPage, iter_cues, search
from results.transcripts import languages, timecode
from teams.access import can_change, can_manage, membership_or_404, require_change, require_export
from teams.models import Membership

logger = logging.getLogger(__name__)

HITS_A_PAGE = 50
CHOICES_A_FACET = 8


@login_required
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    asked = SearchRequest.read(request)
    saved.mark_seen(membership, asked.q)
    return render(request, "search/page.html", _found(membership, asked))


@login_required
@require_safe
def hits(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer the hits alone, as somebody types; with `before`, the next ones to be put below them."""
    asked = SearchRequest.read(request)
    found = _found(membership_or_404(request.user, slug), asked)
    if asked.before is not None:
        return render(request, "search/_groups.html", found)
    return replace_url(render(request, "search/_hits.html", found), asked.address(slug))


@login_required
@require_safe
def export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Answer with all hits as a table for spreadsheets, written while they are read."""
    membership = membership_or_404(request.user, slug)
    require_export(membership)
    logger.info("Hits of team %s exported by user %s", membership.team_id, request.user.pk)
    header = ("run", "title", "language", "start", "end", "speaker", "text", "address")
    rows = _rows(request, iter_cues(membership.team_id, SearchRequest.read(request).q))
    name = f"{slug}-{timezone.localdate().isoformat()}.csv"
    return StreamingHttpResponse(
        csv.pieces(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=name)},
    )


def _rows(request: HttpRequest, cues: Iterable[Cue]) -> Iterator[Sequence[object]]:
    for cue in cues:
        clocks = timecode.full(cue.start_ms), timecode.full(cue.end_ms)
        address = request.build_absolute_uri(moment_url(cue))
        yield cue.run.camb_run_id, cue.run.title, cue.dub.language, *clocks, cue.speaker, cue.text, address


@login_required
@require_POST
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep a search, to be told when a new dub has hits."""
    membership = membership_or_404(request.user, slug)
    asked, is_shared = SearchRequest(q=clean(request.POST.get("q", ""))), "is_shared" in request.POST
    if is_shared:
        require_change(membership)
    if not asked.q:
        return render(request, "search/page.html", _found(membership, asked), status=422)
    try:
        saved.save_search(membership, asked.q, is_shared=is_shared)
    except saved.TooManySearchesError:
        messages.error(
            request, _("You keep %(count)s searches here, and that is the most.") % {"count": saved.MAX_SAVED}
        )
    else:
        messages.success(request, _("Saved. The search page will tell you when a new dub says it."))
    return redirect(asked.address(slug))


@login_required
@require_POST
def saved_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    search_ = get_object_or_404(saved.visible_to(membership), pk=pk)
    if not _can_remove(membership, search_):
        raise PermissionDenied("A shared search is removed by who saved it, or by an owner of the team.")
    search_.delete()
    messages.success(request, _("The search “%(q)s” is not kept any more.") % {"q": search_.q})
    return redirect("search", slug)


def _can_remove(membership: Membership, saved_search: SavedSearch) -> bool:
    """Allow the owner of a saved search to remove it, and owners of the team to remove a shared one."""
    is_own = saved_search.owner_id == membership.user_id
    return is_own or (saved_search.is_shared and can_manage(membership))


@dataclass(frozen=True)
class SearchRequest:
    """What the address asks for."""

    q: str
    is_best_first: bool = False
    before: int | None = None
    skip: int = 0

    @classmethod
    def read(cls, request: HttpRequest) -> "SearchRequest":
        before, skip = parse_id(request.GET.get("before", "")), parse_id(request.GET.get("skip", ""))
        return cls(clean(request.GET.get("q", "")), request.GET.get("order") == "best", before, skip or 0)

    def address(self, slug: str) -> str:
        """The page that shows it from the beginning."""
        query = urlencode({"q": self.q} | self.order) if self.q else ""
        return cached_url("search", slug) + (f"?{query}" if query else "")

    @property
    def order(self) -> dict[str, str]:
        return {"order": "best"} if self.is_best_first else {}

    def with_(self, field: str) -> "SearchRequest":
        """With one more field, in front: what is typed last may be the beginning of a word, and stays so."""
        return replace(self, q=f"{field} {self.q}")

    def without(self, field: str) -> "SearchRequest":
        return replace(self, q=f" {self.q} ".replace(f" {field} ", " ", 1).strip())

    def has(self, field: str) -> bool:
        return f" {field} " in f" {self.q} "


class FacetChoice(NamedTuple):
    """A value of a facet: how many have it, and the address of the search with it, or without it when it is on."""

    label: str
    hits: str
    href: str
    is_on: bool


def _found(membership: Membership, asked: SearchRequest) -> dict[str, Any]:
    slug = membership.team.slug
    result = search(
        membership.team_id,
        asked.q,
        before_id=asked.before,
        skip=asked.skip,
        limit=HITS_A_PAGE,
        best_first=asked.is_best_first,
        with_facets=asked.before is None,
    )
    groups = group_hits(result.hits)
    more = {"skip": result.next_skip, "before": result.next_before}
    return {
        "membership": membership,
        "asked": asked,
        "hint": result.hint,
        "groups": groups,
        "summary": _summary(result, asked) if result.hits else "",
        "more": urlencode({"q": asked.q} | asked.order | {name: at for name, at in more.items() if at})
        if result.next_before
        else "",
        "suggestion": result.suggestion,
        "suggested": replace(asked, q=result.suggestion).address(slug),
        "newest_first": replace(asked, is_best_first=False).address(slug),
        "best_first": replace(asked, is_best_first=True).address(slug),
        "facets": _facets(result.facets, asked, slug) if result.facets else {},
        "facets_of": f"{SAMPLE_SIZE:,}" if result.facets and not result.facets.is_all else "",
        "can_share": can_change(membership),
        **_saved(membership, asked),
    }


def _saved(membership: Membership, asked: SearchRequest) -> dict[str, Any]:
    """Before anything is typed, the searches that are kept; then, whether the person keeps this one."""
    if asked.q:
        return {"kept": saved.own(membership).filter(q=asked.q).first()}
    return {"searches": [_kept(membership, one) for one in saved.visible_to(membership)]}


class SavedSearchRow(NamedTuple):
    """A saved search, ready to be printed."""

    pk: int
    q: str
    href: str
    news: int
    sharer: str
    is_shared: bool
    can_remove: bool


def _kept(membership: Membership, one: SavedSearch) -> SavedSearchRow:
    is_own = one.owner_id == membership.user_id
    return SavedSearchRow(
        pk=one.pk,
        q=one.q,
        href=SearchRequest(one.q).address(membership.team.slug),
        news=one.news if is_own else 0,  # type: ignore[attr-defined]
        sharer="" if is_own else str(one.owner),
        is_shared=one.is_shared,
        can_remove=_can_remove(membership, one),
    )


def _facets(facets: Facets, asked: SearchRequest, slug: str) -> dict[str, list[FacetChoice]]:
    """The choices by what they are about; what leaves nothing to choose is left out."""

    def choice(label: str, count: int, field: str) -> FacetChoice:
        is_on = asked.has(field)
        there = asked.without(field) if is_on else asked.with_(field)
        return FacetChoice(label, f"{count:,}", there.address(slug), is_on)

    def choices(name: str, counts: Iterable[tuple[str, int]], label: Callable[[str], str]) -> list[FacetChoice]:
        made = []
        for value, count in counts:
            bare = value.replace('"', "")
            quoted = bare if bare.replace("-", "").isalnum() else f'"{bare}"'
            made.append(choice(label(value), count, f"{name}:{quoted}"))
        return made[:CHOICES_A_FACET] if len(made) > 1 or any(one.is_on for one in made) else []

    # Periods lie within each other: one with all hits, or with those of a shorter one, narrows nothing down.
    shortest: dict[tuple[str, int], str] = {}
    for period, count in facets.dates:
        shortest.setdefault((period.partition(":")[0], count), period)
    none_out = (0, facets.of if facets.is_all else None)
    labels = periods(timezone.localdate())
    dates = [
        (period, count)
        for period, count in facets.dates
        if (count not in none_out and period in shortest.values()) or asked.has(period)
    ]
    found = {
        _("Language"): choices("lang", facets.languages, languages.name),
        _("Speaker"): choices("speaker", facets.speakers, str),
        _("Status"): choices("status", facets.statuses, lambda value: str(Run.Status(value).label)),
        _("Added"): [choice(labels.get(period, period), count, period) for period, count in dates],
        _("Tag"): choices("tag", facets.tags, str),
    }
    return {name: made for name, made in found.items() if made}


def _summary(result: HitPage, asked: SearchRequest) -> str:
    if result.facets is None:
        return _("More moments") if asked.is_best_first else _("Older moments")
    count = f"{result.count:,}" if result.is_exact else f"{result.count:,}+"
    moments = ngettext("%(count)s moment", "%(count)s moments", result.count) % {"count": count}
    if result.facets.is_all:
        runs = result.facets.runs
        moments = ngettext("%(moments)s in %(runs)s run", "%(moments)s in %(runs)s runs", runs) % {
            "moments": moments,
            "runs": f"{runs:,}",
        }
    if not result.next_before:
        return moments
    if not asked.is_best_first:
        return _("%(moments)s, newest runs first") % {"moments": moments}
    if result.facets.is_all:
        return _("%(moments)s, best first") % {"moments": moments}
    return _("%(moments)s, the best of the newest %(most)s first") % {
        "moments": moments,
        "most": f"{SAMPLE_SIZE:,}",
    }
