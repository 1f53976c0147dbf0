"""Page model of search hits: grouped by run, each with its neighbouring lines and a link to its moment."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from html import escape  # Django's takes three times as long
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.pages.markup import escape_all, escape_marked, icon, language_label, marked, to_mark
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


def group_hits(found: Sequence[Hit], typed: str) -> SafeString:
    """Return the hits of the typed search as a section a run, which a template would take longer to make.

    The runs keep the order of their first hits, and the hits in a run are in the order of time.
    """
    hits = {(hit.cue.dub_id, hit.cue.position): hit for hit in found}
    neighbours, page = _neighbours(hits.keys()), _Page(typed)
    others = page.others(parallel_lines(hit.cue for hit in found), found)
    runs = {dub.run_id: dub.run for dub in {hit.cue.dub_id: hit.cue.dub for hit in found}.values()}
    media = RunPictures(runs.values())
    items: dict[int, list[str]] = {pk: [] for pk in runs}
    in_order = sorted(hits.items(), key=itemgetter(0))
    texts = escape_marked(_to_highlight(hit.cue.text, hit.marks) for _place, hit in in_order)
    for ((dub, position), hit), text in zip(in_order, texts, strict=False):
        # A line below one hit is not repeated above the next, so each neighbour is taken out.
        before = neighbours.pop((dub, position - 1), "")
        after = neighbours.pop((dub, position + 1), "")
        items[hit.cue.run_id].append(page.item(hit, text, before, after, others.get(hit.cue.pk, "")))
    return SafeString("".join(_section(runs[pk], media.picture(runs[pk]), of_run) for pk, of_run in items.items()))


def _section(run: Run, picture: str, items: Iterable[str]) -> str:
    """Return the section of a run: its picture, its name, and its hits as list items."""
    number = f'\n    <span class="muted small">{run.camb_run_id}</span>' if run.title else ""
    lines = "\n".join(items)
    return (
        f'<section class="group">\n    <h2>{picture}<a href="{cached_url("runs-detail", run.pk)}">'
        f"<bdi>{escape(str(run))}</bdi></a>{number}</h2>\n"
        f'    <ol class="hit-list">\n    {lines}\n    </ol>\n  </section>\n  '
    )


def _neighbours(places: Set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return the escaped texts of the lines next to these places, by place: the dub's id and the line's position.

    Lines at the places themselves are hits, and are left out.
    """
    neighbours = sorted({(dub, position + step) for dub, position in places for step in (-1, 1)} - places)
    if not neighbours:
        return {}
    conditions, args = [], []
    for dub, of_dub in groupby(neighbours, key=itemgetter(0)):
        positions = [position for _dub, position in of_dub]
        conditions.append(f"(dub_id = %s and position in ({', '.join(['%s'] * len(positions))}))")
        args += [dub, *positions]
    rows = fetch_rows(_NEIGHBOURS.format(places=" or ".join(conditions)), [MAX_NEIGHBOUR, *args])
    texts = escape_all(text for _dub, _position, text in rows)
    return {(dub, position): text for (dub, position, _text), text in zip(rows, texts, strict=False)}


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
    """What all hits in a dub share: URLs of the run's page and of the media, and the language with its attributes.

    `direction` is empty where the text of each line decides it.
    """

    url: str
    media: str
    language: str
    lang: str
    direction: str


class _Page:
    """Makes the list items of a page of hits from what they share. All texts are escaped here."""

    def __init__(self, typed: str) -> None:
        self._find = escape(f"&{urlencode({'find': typed})}")
        self._icons = icon("play") + icon("pause")
        self._others_summary = f"<summary>{escape(_('In other dubs'))}</summary>"
        self._play = escape(_("Play %(clock)s here"))
        self._shared: dict[int, _Shared] = {}
        self._speakers: dict[str, str] = {}
        self._others_in: dict[str, str] = {}

    def item(self, hit: Hit, text: str, before: str, after: str, others: str) -> str:
        """Return a hit as a list item.

        The other arguments are HTML: the text with its marks, the lines beside it, and those of other dubs.
        """
        cue = hit.cue
        shared = self._shared.get(cue.dub_id) or self._share(cue.dub)
        clock = timecode.short(cue.start_ms)
        direction = shared.direction or languages.direction(cue.dub.language, cue.text)
        speaker = self._speakers.get(cue.speaker) or self._speaker(cue.speaker)
        near = f'<span class="near" dir="{direction}">'
        said = f'<span class="said">{_said(hit.said)}</span>' if hit.said else ""
        lines = (
            f"{near}{before}</span>" if before else "",
            f'<span class="found" dir="{direction}">{text}</span>',
            said,
            f"{near}{after}</span>" if after else "",
        )
        return (
            f'<li class="hit">{self._button(cue, shared.media, clock)}'
            f'<a href="{shared.url}&amp;t={cue.start_ms // 1000}{"" if said else self._find}#cue-{cue.position}">'
            f'<span class="hit-facts"><span class="clock">{clock}</span> {speaker} {shared.language}</span>'
            f'<span class="hit-lines" lang="{shared.lang}">{" ".join(lines)}</span></a>{others}</li>'
        )

    def _share(self, dub: Dub) -> _Shared:
        kind = "audio" if dub.audio_url else "video" if dub.video_url else ""
        language = escape(language_label(dub.language, is_guess=dub.is_guess))
        self._shared[dub.pk] = _Shared(
            url=escape(_dub_url(dub)),
            media=cached_url(f"media-{kind}", dub.pk) if kind else "",
            language=f'<span class="hit-language">{language}</span>' if language else "",
            lang=languages.html_tag(dub.language),
            direction=languages.direction(dub.language) if languages.script_of(dub.language) else "",
        )
        return self._shared[dub.pk]

    def _speaker(self, name: str) -> str:
        self._speakers[name] = f'<bdi class="truncate">{escape(name)}</bdi>' if name else ""
        return self._speakers[name]

    def _button(self, cue: FoundCue, media: str, clock: str) -> str:
        """Return the button that plays the moment; empty without media."""
        if not media:
            return ""
        span = f"#t={cue.start_ms / 1000},{max(cue.end_ms, cue.start_ms + 1000) / 1000}"
        return (
            f'<button type="button" class="icon-button needs-script" data-play="{media}{span}" '
            f'aria-pressed="false" aria-label="{self._play % {"clock": clock}}">{self._icons}</button>'
        )

    def others(self, parallel: Mapping[int, Sequence[ParallelLine]], found: Iterable[Hit]) -> dict[int, str]:
        """Return the lines of other dubs at each hit's moment, with their languages' names, by the hit's cue."""
        said = {hit.cue.pk: hit.said.cue.pk for hit in found if hit.said}
        lines = [line for some in parallel.values() for line in some if line.other_id != said.get(line.cue_id)]
        pairs = defaultdict[int, list[str]](list)
        for line, text in zip(lines, escape_all(line.text for line in lines), strict=False):
            start = self._others_in.get(line.language) or self._other_in(line)
            pairs[line.cue_id].append(f"{start}{text}</dd></div>")
        summary = f'<details class="other-languages">{self._others_summary}<dl>'
        return {cue: f"{summary}{''.join(some)}</dl></details>" for cue, some in pairs.items()}

    def _other_in(self, line: ParallelLine) -> str:
        """Return how a line of another dub begins: with the name of its language, and its direction."""
        tag = line.language
        start = (
            f'<div><dt>{escape(languages.name(tag))}</dt><dd lang="{languages.html_tag(tag)}" '
            f'dir="{languages.direction(tag, line.text)}">'
        )
        if languages.script_of(tag):
            self._others_in[tag] = start
        return start


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
    return SafeString(marked(escape(_to_highlight(text, marks))))


def _to_highlight(text: str, marks: Iterable[tuple[int, int]]) -> str:
    spans = sorted(marks)
    if len(text) <= MAX_LINE:
        return to_mark(text, spans)
    first = max(0, (spans[0][0] if spans else 0) - MAX_LINE // 3)
    last = min(len(text), first + MAX_LINE)
    cut = [(max(start - first, 0), min(end, last) - first) for start, end in spans]
    lead, tail = ("…" if first else "", "…" if last < len(text) else "")
    return f"{lead}{to_mark(text[first:last], cut)}{tail}"
