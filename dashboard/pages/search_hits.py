"""Page model of search hits: grouped by run, each with its neighbouring lines and a link to its moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape  # Django's takes three times as long
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from dashboard.pages.markup import icon, language_label, with_marks
from dashboard.pages.run_pictures import RunPictures
from results.db.replica import fetch_rows
from results.models import Cue, Run
from results.search.parallel_lines import ParallelLine, parallel_lines
from results.search.service import Hit
from results.transcripts import languages, timecode

# Lines of speech are shorter. A longer line is cut to the part around the first match.
MAX_LINE = 600
MAX_NEIGHBOUR = 200
# Raw SQL, as the ORM takes longer than the database to handle a condition for each dub.
_NEIGHBOURS = "select dub_id, position, substr(text, 1, %s) from results_cue where {places}"


@dataclass
class HitGroup:
    """The hits in one run, in the order of time, each as a list item: a template would take longer."""

    run: Run
    picture: SafeString
    lines: list[SafeString] = field(default_factory=list)


def group_hits(found: Sequence[Hit], typed: str) -> list[HitGroup]:
    """Return the hits of the typed search by run; the runs keep the order of their first hits."""
    places = {(hit.cue.dub_id, hit.cue.position) for hit in found}
    neighbours, others = _neighbours(places), parallel_lines(hit.cue for hit in found)
    icons = icon("play") + icon("pause")
    page = _Page(urlencode({"find": typed}), icons, _("In other dubs"), _("Play %(clock)s here"))
    runs = {hit.cue.run_id: hit.cue.run for hit in found}
    media = RunPictures(runs.values())
    groups = {pk: HitGroup(run, media.picture(run)) for pk, run in runs.items()}
    for hit in sorted(found, key=lambda hit: (hit.cue.dub_id, hit.cue.position)):
        cue = hit.cue
        # A line below one hit is not repeated above the next, so each neighbour is taken out.
        before = neighbours.pop((cue.dub_id, cue.position - 1), "")
        after = neighbours.pop((cue.dub_id, cue.position + 1), "")
        groups[cue.run_id].lines.append(page.item(hit, before, after, others.get(cue.pk, ())))
    return list(groups.values())


def _neighbours(places: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return the texts of the lines next to these places, by place: the dub's id and the position of the line.

    Lines at the places themselves are hits, and are left out.
    """
    neighbours = sorted({(dub, position + step) for dub, position in places for step in (-1, 1)} - places)
    if not neighbours:
        return {}
    conditions, args = [], []
    for dub, of_dub in groupby(neighbours, key=lambda place: place[0]):
        positions = [position for _dub, position in of_dub]
        conditions.append(f"(dub_id = %s and position in ({', '.join(['%s'] * len(positions))}))")
        args += [dub, *positions]
    rows = fetch_rows(_NEIGHBOURS.format(places=" or ".join(conditions)), [MAX_NEIGHBOUR, *args])
    return {(dub, position): text for dub, position, text in rows}


@lru_cache(maxsize=4096)
def cached_url(name: str, argument: int | str) -> str:
    """Return the URL of this name, from a cache: a page of hits has hundreds of URLs."""
    return reverse(name, args=[argument])


def cue_url(cue: Cue) -> str:
    """Return the URL of the run's page that shows the cue's dub at its moment."""
    query = f"{_dub_query(cue.dub.language)}&t={cue.start_ms // 1000}"
    return f"{cached_url('runs-detail', cue.run_id)}?{query}#cue-{cue.position}"


@lru_cache(maxsize=1024)
def _dub_query(language: str) -> str:
    return urlencode({"dub": language})


class _Page(NamedTuple):
    """What all hits of a page share: the query that finds their words in a run's page, icons and words."""

    find: str
    icons: str
    in_other_dubs: str
    play: str

    def item(self, hit: Hit, before: str, after: str, others: Iterable[ParallelLine]) -> SafeString:
        """Return a hit with the lines before and after it as a list item. All texts are escaped here."""
        cue, dub, clock = hit.cue, hit.cue.dub, timecode.short(hit.cue.start_ms)
        lang = escape(languages.html_tag(dub.language))
        direction = languages.direction(dub.language, cue.text)
        language = language_label(dub.language, is_guess=dub.is_guess)
        address = cue_url(cue) if hit.said else cue_url(cue).replace("#", f"&{self.find}#", 1)
        facts = (
            f'<span class="clock">{clock}</span>',
            f'<bdi class="truncate">{escape(cue.speaker)}</bdi>' if cue.speaker else "",
            f'<span class="hit-language">{escape(language)}</span>' if language else "",
        )
        near = f'<span class="near" dir="{direction}">{{}}</span>'
        lines = (
            near.format(escape(before)) if before else "",
            f'<span class="found" dir="{direction}">{highlight(cue.text, hit.marks)}</span>',
            f'<span class="said">{_said(hit.said)}</span>' if hit.said else "",
            near.format(escape(after)) if after else "",
        )
        return mark_safe(  # noqa: S308
            f'<li class="hit">{self._button(hit, clock)}<a href="{escape(address)}">'
            f'<span class="hit-facts">{" ".join(facts)}</span>'
            f'<span class="hit-lines" lang="{lang}">{" ".join(lines)}</span></a>{self._others(hit, others)}</li>'
        )

    def _button(self, hit: Hit, clock: str) -> str:
        """Return the button that plays the moment; empty without media."""
        cue, dub = hit.cue, hit.cue.dub
        kind = "audio" if dub.audio_url else "video" if dub.video_url else ""
        if not kind:
            return ""
        span = f"#t={cue.start_ms / 1000},{max(cue.end_ms, cue.start_ms + 1000) / 1000}"
        media, label = cached_url(f"media-{kind}", dub.pk) + span, escape(self.play % {"clock": clock})
        return (
            f'<button type="button" class="icon-button needs-script" data-play="{media}" aria-pressed="false" '
            f'aria-label="{label}">{self.icons}</button>'
        )

    def _others(self, hit: Hit, others: Iterable[ParallelLine]) -> str:
        """Return the lines of other dubs at the same moment, with the names of their languages."""
        pairs = "".join(
            f'<div><dt>{escape(languages.name(line.language))}</dt><dd lang="{languages.html_tag(line.language)}" '
            f'dir="{languages.direction(line.language, line.text)}">{escape(line.text)}</dd></div>'
            for line in others
            if hit.said is None or line.other_id != hit.said.cue.pk
        )
        summary = f"<summary>{escape(self.in_other_dubs)}</summary>"
        return f'<details class="other-languages">{summary}<dl>{pairs}</dl></details>' if pairs else ""


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
    """Return the escaped text with each matched span in a <mark>; a text over `MAX_LINE` is cut."""
    spans = sorted(marks)
    first, last = 0, len(text)
    if len(text) > MAX_LINE:
        first = max(0, (spans[0][0] if spans else 0) - MAX_LINE // 3)
        last = min(len(text), first + MAX_LINE)
    cut = [(max(start - first, 0), min(end, last) - first) for start, end in spans]
    lead, tail = ("…" if first else "", "…" if last < len(text) else "")
    return mark_safe(f"{lead}{with_marks(text[first:last], cut)}{tail}")  # noqa: S308
