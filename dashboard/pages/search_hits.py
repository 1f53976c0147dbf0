"""Page model of search hits: grouped by run, each with its neighbouring lines and a link to its moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import groupby
from operator import or_
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Q
from django.db.models.functions import Left
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.pages.markup import language_label, with_marks
from results.models import Cue, Run
from results.search.parallel_lines import ParallelLine, parallel_lines
from results.search.service import Hit
from results.transcripts import languages, timecode

# Lines of speech are shorter. A longer line is cut to the part around the first match.
LONGEST_LINE = 600
LONGEST_NEIGHBOUR = 200


class HitLine(NamedTuple):
    """A hit, ready to print, with the lines before and after it unless the page shows these already.

    A page has fifty hits, so all look-ups, computations and loops are done here and not in the template.
    """

    href: str
    media: str
    clock: str
    speaker: str
    language: str
    lang: str
    direction: str
    text: SafeString
    before: str
    after: str
    others: SafeString
    play: str
    said: SafeString


@dataclass
class HitGroup:
    """The hits in one run, in the order of time."""

    run: Run
    lines: list[HitLine] = field(default_factory=list)


def group_hits(found: Sequence[Hit], typed: str) -> list[HitGroup]:
    """Return the hits of the typed search by run; the runs keep the order of their first hits."""
    places = {(hit.cue.dub_id, hit.cue.position) for hit in found}
    neighbours, others = _neighbours(places), parallel_lines(hit.cue for hit in found)
    groups: dict[int, HitGroup] = {}
    for hit in found:
        groups.setdefault(hit.cue.run_id, HitGroup(hit.cue.run))
    for hit in sorted(found, key=lambda hit: (hit.cue.dub_id, hit.cue.position)):
        cue = hit.cue
        # A line below one hit is not repeated above the next, so each neighbour is taken out.
        before = neighbours.pop((cue.dub_id, cue.position - 1), "")
        after = neighbours.pop((cue.dub_id, cue.position + 1), "")
        groups[cue.run_id].lines.append(_line(hit, typed, before, after, others.get(cue.pk, ())))
    return list(groups.values())


def _neighbours(places: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return the texts of the lines next to these places, by place: the dub's id and the position of the line.

    Lines at the places themselves are hits, and are left out.
    """
    neighbours = {(dub, position + step) for dub, position in places for step in (-1, 1)} - places
    if not neighbours:
        return {}
    by_dub = groupby(sorted(neighbours), key=lambda place: place[0])
    conditions = (Q(dub=dub, position__in=[position for _dub, position in of_dub]) for dub, of_dub in by_dub)
    cues = Cue.objects.filter(reduce(or_, conditions)).order_by()
    return {
        (dub, position): text
        for dub, position, text in cues.values_list("dub", "position", Left("text", LONGEST_NEIGHBOUR))
    }


@lru_cache(maxsize=4096)
def cached_url(name: str, argument: int | str) -> str:
    """Return the URL of this name, from a cache: a page of hits has hundreds of URLs."""
    return reverse(name, args=[argument])


def cue_url(cue: Cue, find: str = "") -> str:
    """Return the URL of the run's page that shows the cue's dub at its moment, with what `find` finds marked."""
    found = {"find": find} if find else {}
    query = urlencode({"dub": cue.dub.language, "t": cue.start_ms // 1000, **found})
    return f"{cached_url('runs-detail', cue.run_id)}?{query}#cue-{cue.position}"


def _line(hit: Hit, typed: str, before: str, after: str, others: Iterable[ParallelLine]) -> HitLine:
    cue, dub, clock = hit.cue, hit.cue.dub, timecode.short(hit.cue.start_ms)
    kind = "audio" if dub.audio_url else "video" if dub.video_url else ""
    span = f"#t={cue.start_ms / 1000},{max(cue.end_ms, cue.start_ms + 1000) / 1000}"
    return HitLine(
        href=cue_url(cue, "" if hit.said else typed),
        media=cached_url(f"media-{kind}", dub.pk) + span if kind else "",
        clock=clock,
        speaker=cue.speaker,
        language=language_label(dub.language, is_guess=dub.is_guess),
        lang=languages.html_tag(dub.language),
        direction=languages.direction(dub.language, cue.text),
        text=highlight(cue.text, hit.marks),
        before=before,
        after=after,
        others=format_html_join(
            "",
            '<div><dt>{}</dt><dd lang="{}" dir="{}">{}</dd></div>',
            (
                (
                    languages.name(line.language),
                    languages.html_tag(line.language),
                    languages.direction(line.language, line.text),
                    line.text,
                )
                for line in others
                if hit.said is None or line.other_id != hit.said.cue.pk
            ),
        ),
        play=_("Play %(clock)s here") % {"clock": clock},
        said=_said(hit.said) if hit.said else SafeString(),
    )


def _said(hit: Hit) -> SafeString:
    """Return the line of another dub in which the words were found, with its language."""
    tag, text = hit.cue.dub.language, hit.cue.text
    return format_html(
        '<span class="hit-language">{}</span> <span lang="{}" dir="{}">{}</span>',
        language_label(tag, is_guess=hit.cue.dub.is_guess),
        languages.html_tag(tag),
        languages.direction(tag, text),
        highlight(text, hit.marks),
    )


def highlight(text: str, marks: Iterable[tuple[int, int]]) -> SafeString:
    """Return the escaped text with each matched span in a <mark>; a text over `LONGEST_LINE` is cut."""
    spans = sorted(marks)
    first, last = 0, len(text)
    if len(text) > LONGEST_LINE:
        first = max(0, (spans[0][0] if spans else 0) - LONGEST_LINE // 3)
        last = min(len(text), first + LONGEST_LINE)
    cut = [(max(start - first, 0), min(end, last) - first) for start, end in spans]
    lead, tail = ("…" if first else "", "…" if last < len(text) else "")
    return escape(lead) + with_marks(text[first:last], cut) + escape(tail)
