"""Page model of search hits: grouped by run, each with its neighbouring lines and a link to its moment."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape  # Django's takes three times as long
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.pages.markup import icon, language_label, with_marks
from dashboard.pages.run_pictures import RunPictures
from results.db.replica import fetch_rows
from results.models import Dub, Run
from results.search.parallel_lines import FoundCue, ParallelLine, parallel_lines
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
    lines: list[str] = field(default_factory=list)

    @property
    def href(self) -> str:
        return cached_url("runs-detail", self.run.pk)

    @property
    def items(self) -> SafeString:
        return SafeString("\n".join(self.lines))


def group_hits(found: Sequence[Hit], typed: str) -> list[HitGroup]:
    """Return the hits of the typed search by run; the runs keep the order of their first hits."""
    hits = {(hit.cue.dub_id, hit.cue.position): hit for hit in found}
    neighbours, others = _neighbours(hits.keys()), parallel_lines(hit.cue for hit in found)
    page = _Page(typed)
    runs = {run.pk: run for run in (hit.cue.run for hit in found)}
    media = RunPictures(runs.values())
    groups = {pk: HitGroup(run, media.picture(run)) for pk, run in runs.items()}
    for (dub, position), hit in sorted(hits.items(), key=itemgetter(0)):
        # A line below one hit is not repeated above the next, so each neighbour is taken out.
        before = neighbours.pop((dub, position - 1), "")
        after = neighbours.pop((dub, position + 1), "")
        groups[hit.cue.run_id].lines.append(page.item(hit, before, after, others.get(hit.cue.pk, ())))
    return list(groups.values())


def _neighbours(places: Set[tuple[int, int]]) -> dict[tuple[int, int], str]:
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


def cue_url(cue: FoundCue) -> str:
    """Return the URL of the run's page that shows the cue's dub at its moment."""
    return f"{_dub_url(cue.dub)}&t={cue.start_ms // 1000}#cue-{cue.position}"


def _dub_url(dub: Dub) -> str:
    return f"{cached_url('runs-detail', dub.run_id)}?{_dub_query(dub.language)}"


@lru_cache(maxsize=1024)
def _dub_query(language: str) -> str:
    return urlencode({"dub": language})


class _Shared(NamedTuple):
    """What all hits in a dub share: the URLs of the run's page and of the media, and the name of the language."""

    url: str
    media: str
    language: str


class _Page:
    """Makes the list items of a page of hits from what they share. All texts are escaped here."""

    def __init__(self, typed: str) -> None:
        self._find = escape(f"&{urlencode({'find': typed})}")
        self._icons = icon("play") + icon("pause")
        self._others_summary = f"<summary>{escape(_('In other dubs'))}</summary>"
        self._play = escape(_("Play %(clock)s here"))
        self._shared: dict[int, _Shared] = {}

    def item(self, hit: Hit, before: str, after: str, others: Iterable[ParallelLine]) -> str:
        """Return a hit with the lines before and after it as a list item."""
        cue = hit.cue
        dub = cue.dub
        shared = self._shared.get(dub.pk) or self._share(dub)
        clock, direction = timecode.short(cue.start_ms), languages.direction(dub.language, cue.text)
        speaker = f'<bdi class="truncate">{escape(cue.speaker)}</bdi>' if cue.speaker else ""
        near = f'<span class="near" dir="{direction}">'
        lines = (
            f"{near}{escape(before)}</span>" if before else "",
            f'<span class="found" dir="{direction}">{highlight(cue.text, hit.marks)}</span>',
            f'<span class="said">{_said(hit.said)}</span>' if hit.said else "",
            f"{near}{escape(after)}</span>" if after else "",
        )
        find = "" if hit.said else self._find
        return (
            f'<li class="hit">{self._button(cue, shared.media, clock)}'
            f'<a href="{shared.url}&amp;t={cue.start_ms // 1000}{find}#cue-{cue.position}">'
            f'<span class="hit-facts"><span class="clock">{clock}</span> {speaker} {shared.language}</span>'
            f'<span class="hit-lines" lang="{languages.html_tag(dub.language)}">{" ".join(lines)}</span></a>'
            f"{self._others(hit, others) if others else ''}</li>"
        )

    def _share(self, dub: Dub) -> _Shared:
        kind = "audio" if dub.audio_url else "video" if dub.video_url else ""
        language = escape(language_label(dub.language, is_guess=dub.is_guess))
        self._shared[dub.pk] = _Shared(
            url=escape(_dub_url(dub)),
            media=cached_url(f"media-{kind}", dub.pk) if kind else "",
            language=f'<span class="hit-language">{language}</span>' if language else "",
        )
        return self._shared[dub.pk]

    def _button(self, cue: FoundCue, media: str, clock: str) -> str:
        """Return the button that plays the moment; empty without media."""
        if not media:
            return ""
        span = f"#t={cue.start_ms / 1000},{max(cue.end_ms, cue.start_ms + 1000) / 1000}"
        return (
            f'<button type="button" class="icon-button needs-script" data-play="{media}{span}" '
            f'aria-pressed="false" aria-label="{self._play % {"clock": clock}}">{self._icons}</button>'
        )

    def _others(self, hit: Hit, others: Iterable[ParallelLine]) -> str:
        """Return the lines of other dubs at the same moment, with the names of their languages."""
        pairs = "".join(
            f'<div><dt>{escape(languages.name(line.language))}</dt><dd lang="{languages.html_tag(line.language)}" '
            f'dir="{languages.direction(line.language, line.text)}">{escape(line.text)}</dd></div>'
            for line in others
            if hit.said is None or line.other_id != hit.said.cue.pk
        )
        return f'<details class="other-languages">{self._others_summary}<dl>{pairs}</dl></details>' if pairs else ""


def _said(hit: Hit) -> str:
    """Return the line of another dub in which the words were found, with its language."""
    tag, text = hit.cue.dub.language, hit.cue.text
    return (
        f'<span class="hit-language">{escape(language_label(tag, is_guess=hit.cue.dub.is_guess))}</span> '
        f'<span lang="{languages.html_tag(tag)}" dir="{languages.direction(tag, text)}">'
        f"{highlight(text, hit.marks)}</span>"
    )


def highlight(text: str, marks: Iterable[tuple[int, int]]) -> SafeString:
    """Return the escaped text with each matched span in a <mark>; a text over `MAX_LINE` is cut."""
    spans = sorted(marks)
    if len(text) <= MAX_LINE:
        return with_marks(text, spans)
    first = max(0, (spans[0][0] if spans else 0) - MAX_LINE // 3)
    last = min(len(text), first + MAX_LINE)
    cut = [(max(start - first, 0), min(end, last) - first) for start, end in spans]
    lead, tail = ("…" if first else "", "…" if last < len(text) else "")
    return SafeString(f"{lead}{with_marks(text[first:last], cut)}{tail}")
