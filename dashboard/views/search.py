"""Which moments of a team's dubs say what somebody looks for?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import escape, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url

from results import languages
from results.models import Cue, Run
from results.search import Hit, Page, search
from results.timecode import short
from teams.access import membership_or_404
from teams.models import Membership

HITS_A_PAGE = 50
# A line of speech is shorter; of a longer one, the part around what was found is shown.
LONGEST_LINE = 600
LONGEST_NEIGHBOUR = 200


@login_required
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "search/page.html", _found(request, membership_or_404(request.user, slug)))


@login_required
@require_safe
def hits(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer the hits alone, as somebody types; with `before`, the next ones to be put below them."""
    found = _found(request, membership_or_404(request.user, slug))
    if found["before"] is not None:
        return render(request, "search/_groups.html", found)
    address = reverse("search", args=[slug]) + (f"?{urlencode({'q': found['q']})}" if found["q"] else "")
    return replace_url(render(request, "search/_hits.html", found), address)


class Line(NamedTuple):
    """A hit, ready to be printed, with the lines before and after it unless these stand there already."""

    href: str
    media: str
    clock: str
    speaker: str
    language: str
    lang: str
    text: SafeString
    before: str
    after: str


@dataclass
class Group:
    """The hits in one run, in the order in which they are spoken."""

    run: Run
    lines: list[Line] = field(default_factory=list)


def _found(request: HttpRequest, membership: Membership) -> dict[str, Any]:
    q = request.GET.get("q", "").replace("\0", "").strip()
    before = _number(request.GET.get("before", ""))
    result = search(membership.team_id, q, before_id=before, limit=HITS_A_PAGE)
    groups = _groups(result.hits)
    return {
        "membership": membership,
        "q": q,
        "before": before,
        "hint": result.hint,
        "groups": groups,
        "summary": _summary(result, len(groups)) if result.hits else "",
        "more": urlencode({"q": q, "before": result.next_before}) if result.next_before else "",
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _summary(result: Page, runs: int) -> str:
    count = result.count
    if not result.is_exact:
        return _("%(count)s+ moments, newest runs first") % {"count": f"{count:,}"}
    moments = ngettext("%(count)s moment", "%(count)s moments", count) % {"count": f"{count:,}"}
    if result.next_before:
        return _("%(moments)s, newest runs first") % {"moments": moments}
    return ngettext("%(moments)s in %(runs)s run", "%(moments)s in %(runs)s runs", runs) % {
        "moments": moments,
        "runs": runs,
    }


def _groups(found: Sequence[Hit]) -> list[Group]:
    places = {(hit.cue.dub_id, hit.cue.position) for hit in found}
    neighbours = _neighbours(places)
    groups: dict[int, Group] = {}
    for hit in found:
        groups.setdefault(hit.cue.run_id, Group(hit.cue.run))
    for hit in sorted(found, key=lambda hit: (hit.cue.dub_id, hit.cue.position)):
        cue = hit.cue
        # pop: what stands below one hit is not repeated above the next.
        before = neighbours.pop((cue.dub_id, cue.position - 1), "")
        after = neighbours.pop((cue.dub_id, cue.position + 1), "")
        groups[cue.run_id].lines.append(_line(hit, before, after))
    return list(groups.values())


def _neighbours(places: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The lines next to these places of (dub, position) that are not among them."""
    wanted = {(dub, position + step) for dub, position in places for step in (-1, 1)} - places
    if not wanted:
        return {}
    by_dub = groupby(sorted(wanted), key=lambda place: place[0])
    conditions = (Q(dub=dub, position__in=[position for _dub, position in of_dub]) for dub, of_dub in by_dub)
    cues = Cue.objects.filter(reduce(or_, conditions)).order_by()
    return {
        (dub, position): text
        for dub, position, text in cues.values_list("dub", "position", Left("text", LONGEST_NEIGHBOUR))
    }


def _line(hit: Hit, before: str, after: str) -> Line:
    cue, dub = hit.cue, hit.cue.dub
    query = urlencode({"dub": dub.language, "t": cue.start_ms // 1000})
    kind = "audio" if dub.audio_url else "video" if dub.video_url else ""
    span = f"#t={cue.start_ms / 1000},{max(cue.end_ms, cue.start_ms + 1000) / 1000}"
    return Line(
        href=f"{reverse('runs-detail', args=[cue.run_id])}?{query}#cue-{cue.position}",
        media=reverse(f"dubs-{kind}", args=[dub.pk]) + span if kind else "",
        clock=short(cue.start_ms),
        speaker=cue.speaker,
        language=languages.name(dub.language) if dub.language else "",
        lang=languages.html_tag(dub.language),
        text=marked(cue.text, hit.marks),
        before=before,
        after=after,
    )


def marked(text: str, marks: Iterable[tuple[int, int]]) -> SafeString:
    """Return the text, escaped piece by piece, with each found span in a <mark>; a very long one is cut."""
    spans = sorted(marks)
    first, last = 0, len(text)
    if len(text) > LONGEST_LINE:
        first = max(0, (spans[0][0] if spans else 0) - LONGEST_LINE // 3)
        last = min(len(text), first + LONGEST_LINE)
    pieces, done = [], first
    for start, end in spans:
        start, end = max(start, done), min(end, last)
        if start < end:
            pieces.append((text[done:start], text[start:end]))
            done = end
    lead, tail = ("…" if first else "", "…" if last < len(text) else "")
    return escape(lead) + format_html_join("", "{}<mark>{}</mark>", pieces) + escape(text[done:last] + tail)
