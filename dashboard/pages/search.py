"""Page model of the search page: the search in the URL, its summary, its facets and the saved searches."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape  # Django's takes three times as long
from typing import NamedTuple
from urllib.parse import quote_plus, urlencode

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.http.ids import parse_id
from dashboard.pages.markup import icon
from dashboard.pages.render_once import CSRF_TOKEN, render_once
from dashboard.pages.search_hits import cached_url
from results.models import Run, SavedSearch
from results.search.query import clean, periods
from results.search.saved import OwnSearch
from results.search.service import SAMPLE_SIZE, Facets, HitPage
from results.transcripts import languages
from teams.access import can_change, can_export
from teams.models import Membership

CHOICES_PER_FACET = 8
FIRST_PLACE = "first-0"
"""Names the first page of hits; a later one is named after the line and the number of hits before it."""


# --- The search in the URL ---------------------------------------------------------------------------


@dataclass(frozen=True)
class SearchRequest:
    """The search that a URL asks for: its text, its order, and the page of hits."""

    q: str
    is_best_first: bool = False
    before: int | None = None
    skip: int = 0

    @classmethod
    def read(cls, request: HttpRequest) -> "SearchRequest":
        before, skip = parse_id(request.GET.get("before", "")), parse_id(request.GET.get("skip", ""))
        return cls(clean(request.GET.get("q", "")), request.GET.get("order") == "best", before, skip or 0)

    def address(self, slug: str) -> str:
        """Return the URL of the search page that shows the first hits."""
        query = urlencode({"q": self.q} | self.order) if self.q else ""
        return cached_url("search", slug) + (f"?{query}" if query else "")

    def next_query(self, result: HitPage) -> str:
        """Return the query string of the page of hits after this result; empty after the last."""
        if not result.next_before:
            return ""
        places = {"skip": result.next_skip, "before": result.next_before}
        return urlencode({"q": self.q} | self.order | {name: place for name, place in places.items() if place})

    @property
    def place(self) -> str:
        return FIRST_PLACE if self.before is None else f"{self.before}-{self.skip}"

    @property
    def order(self) -> dict[str, str]:
        return {"order": "best"} if self.is_best_first else {}

    def without_field(self, field: str) -> "SearchRequest":
        """Return the search without this field."""
        return replace(self, q=f" {self.q} ".replace(f" {field} ", " ", 1).strip())

    def has_field(self, field: str) -> bool:
        return f" {field} " in f" {self.q} "


# --- The summary -------------------------------------------------------------------------------------


def summarise(result: HitPage, wanted: SearchRequest) -> str:
    """Return the sentence above the hits: how many there are, in how many runs, and in which order."""
    if result.facets is None:
        return _("More moments") if wanted.is_best_first else _("Older moments")
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
    if not wanted.is_best_first:
        return _("%(moments)s, newest runs first") % {"moments": moments}
    if result.facets.is_all:
        return _("%(moments)s, best first") % {"moments": moments}
    return _("%(moments)s, the best of the newest %(most)s first") % {
        "moments": moments,
        "most": f"{SAMPLE_SIZE:,}",
    }


# --- The facets --------------------------------------------------------------------------------------


class FacetChoice(NamedTuple):
    """A value of a facet with its number of hits.

    `href` leads to the search with the value, or without the value when it is on.
    """

    label: str
    hits: str
    href: str
    is_on: bool


def build_facets(facets: Facets, wanted: SearchRequest, slug: str) -> SafeString:
    """Return each facet with its heading and choices, which a template would take longer to make.

    Facets that leave no choice are left out.
    """
    # The address of the search with one more field in front, in two halves. The text's end may be the beginning of
    # a word that is still being typed, so the end must stay the end.
    before, after = wanted.address(slug).split("?q=", 1)

    def choice(label: str, count: int, field: str) -> FacetChoice:
        is_on = wanted.has_field(field)
        href = wanted.without_field(field).address(slug) if is_on else f"{before}?q={_quote(field)}+{after}"
        return FacetChoice(label, f"{count:,}", href, is_on)

    def choices(name: str, counts: Sequence[tuple[str, int]], label: Callable[[str], str]) -> list[FacetChoice]:
        most = counts[:CHOICES_PER_FACET]
        made = [choice(label(value), count, f"{name}:{_quoted(value)}") for value, count in most]
        return made if len(made) > 1 or any(one.is_on for one in made) else []

    labels = periods(timezone.localdate())
    dates = [choice(labels.get(period, period), count, period) for period, count in _useful_dates(facets, wanted)]
    made = {
        _("Language"): choices("lang", facets.languages, languages.name),
        _("Speaker"): choices("speaker", facets.speakers, str),
        _("Status"): choices("status", facets.statuses, lambda value: str(Run.Status(value).label)),
        _("Added"): dates,
        _("Tag"): choices("tag", facets.tags, str),
    }
    shown = [(heading, _items(of_facet)) for heading, of_facet in made.items() if of_facet]
    return SafeString("".join(_facet(number, *facet) for number, facet in enumerate(shown, start=1)))


# The fields are the same from search to search: languages, speakers, statuses, tags, dates.
_quote = lru_cache(maxsize=1024)(quote_plus)


def _facet(number: int, heading: str, items: str) -> str:
    return (
        f'\n  <div class="facet">\n    <h2 id="facet-{number}">{escape(heading)}</h2>\n'
        f'    <ul class="choices" aria-labelledby="facet-{number}">\n      {items}\n    </ul>\n  </div>\n  '
    )


def _items(choices: Iterable[FacetChoice]) -> str:
    """Return the choices as list items. All texts are escaped here."""
    remove = f'{icon("close")}<span class="visually-hidden">{escape(_("(remove)"))}</span>'
    items = []
    for label, hits, href, is_on in choices:
        current, end = (' aria-current="true"', remove) if is_on else ("", f'<span class="count">{hits}</span>')
        link = f'<a class="chip" href="{escape(href)}"{current}><bdi>{escape(label)}</bdi> {end}</a>'
        items.append(f"<li>{link}</li>")
    return "\n".join(items)


def _quoted(value: str) -> str:
    """Return the value as a search field takes it: in quotation marks unless it is one word."""
    bare = value.replace('"', "")
    return bare if bare.replace("-", "").isalnum() else f'"{bare}"'


def _useful_dates(facets: Facets, wanted: SearchRequest) -> list[tuple[str, int]]:
    """Return the periods that narrow the search down, and those that already do.

    Periods contain each other: a period with all hits, or with the hits of a shorter one, narrows nothing down.
    """
    shortest: dict[tuple[str, int], str] = {}
    for period, count in facets.dates:
        shortest.setdefault((period.partition(":")[0], count), period)
    useless = (0, facets.of if facets.is_all else None)
    return [
        (period, count)
        for period, count in facets.dates
        if (count not in useless and period in shortest.values()) or wanted.has_field(period)
    ]


# --- What is found -----------------------------------------------------------------------------------

# Each stands in cached HTML for what one search puts there. They are random, so no text contains them.
_TYPED, _SUMMARY, _SAVE_SEARCH, _FACETS, _GROUPS, _MORE = (get_random_string(32) for _ in range(6))


def build_found(
    result: HitPage, wanted: SearchRequest, membership: Membership, summary: str, groups: str, save_search: str
) -> SafeString:
    """Return the first page of hits with what stands above it, which a template would take longer to make."""
    slug, facets, more = membership.team.slug, result.facets, wanted.next_query(result)
    html = render_once(
        "search/_found.html",
        page_url=cached_url("search", slug),
        hits_url=cached_url("search-hits", slug),
        export_url=cached_url("search-export", slug),
        is_best_first=wanted.is_best_first,
        can_export=can_export(membership),
        place=FIRST_PLACE,
        facets_of="" if facets is None or facets.is_all else f"{SAMPLE_SIZE:,}",
        q=_TYPED,
        summary=_SUMMARY,
        save_search=_SAVE_SEARCH,
        facets=_FACETS,
        groups=_GROUPS,
        more=_MORE if more else "",
    )
    pieces = {
        _TYPED: quote_plus(wanted.q),
        _SUMMARY: escape(summary),
        _SAVE_SEARCH: save_search,
        _FACETS: build_facets(facets, wanted, slug) if facets else "",
        _MORE: escape(more),
        _GROUPS: groups,
    }
    for sign, piece in pieces.items():
        html = SafeString(html.replace(sign, piece))
    return html


# --- The box and the saved searches ------------------------------------------------------------------


def build_search_box(wanted: SearchRequest, slug: str) -> SafeString:
    """Return the page's search box, whose hits come while the user types."""
    html = render_once(
        "search/_box.html",
        page_url=cached_url("search", slug),
        hits_url=cached_url("search-hits", slug),
        is_best_first=wanted.is_best_first,
        has_query=bool(wanted.q),
        q=_TYPED,
    )
    return SafeString(html.replace(_TYPED, escape(wanted.q)))


def build_save_search(membership: Membership, own: OwnSearch | None, q: str, csrf_token: str) -> SafeString:
    """Return the forms that save this search, share it or remove it; `own` is the member's saved search of it."""
    html = render_once(
        "search/_save_search.html",
        slug=membership.team.slug,
        pk=own.pk if own else 0,
        is_shared=bool(own and own.is_shared),
        can_share=can_change(membership),
        q=_TYPED,
    )
    return SafeString(html.replace(CSRF_TOKEN, csrf_token).replace(_TYPED, escape(q)))


class SavedSearchRow(NamedTuple):
    """A saved search, ready to print. Only its owner sees `news`, the number of new dubs with hits."""

    pk: int
    q: str
    href: str
    news: int
    sharer: str
    is_shared: bool
    can_remove: bool


def build_saved_row(membership: Membership, search: SavedSearch, *, can_remove: bool) -> SavedSearchRow:
    is_own = search.owner_id == membership.user_id
    return SavedSearchRow(
        pk=search.pk,
        q=search.q,
        href=SearchRequest(search.q).address(membership.team.slug),
        news=search.news if is_own else 0,  # type: ignore[attr-defined]
        sharer="" if is_own else str(search.owner),
        is_shared=search.is_shared,
        can_remove=can_remove,
    )
