"""Page model of the list by source: one row a source, with a chip for each dub and its status."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape  # Django's takes three times as long
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import BooleanField, Case, Value, When
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.pages.markup import icon, language_label
from dashboard.pages.run_pictures import RunPictures
from dashboard.pages.run_query import RunListQuery
from results.models import Dub, LanguageSource, Run, Source
from results.runs.listed import ListedRun, read_runs
from results.transcripts import timecode

MAX_CHIPS = 12

Status = Run.Status


class SourceDub(NamedTuple):
    """One dub of a source, or a run of the source that has no dub yet."""

    run: Run | ListedRun
    language: str
    is_guess: bool
    status: str

    @property
    def name(self) -> str:
        """The language's name; of a dub without one, what tells its run from the others of the source."""
        name = str(self.run) if self.run.source_id else self.run.camb_name
        return language_label(self.language, is_guess=self.is_guess) or name

    @property
    def href(self) -> str:
        address = run_address(self.run.pk)
        return f"{address}?{urlencode({'dub': self.language})}" if self.language else address


class SourceRow(NamedTuple):
    """One source, ready to print. `pk` is that of the run that stands for it in the list."""

    pk: str
    href: str
    name: str
    picture: SafeString
    runs: str
    chips: SafeString
    ready: SafeString
    length: str


def run_address(pk: int) -> str:
    """Return the address of a run's page."""
    return str(pk).join(_page())


@lru_cache(maxsize=1)
def _page() -> list[str]:
    """Return a run page's path before and after the id: one reverse() for all rows."""
    return reverse("runs-detail", args=[0]).rsplit("0", 1)


def with_companions(runs: Sequence[ListedRun]) -> list[ListedRun]:
    """Return these runs and all other runs of their sources, by one query."""
    sources = {run.source_id for run in runs if run.source_id}
    others = Run.objects.present().filter(source__in=sources).exclude(pk__in=[run.pk for run in runs])
    return sorted([*runs, *(read_runs(others, with_tags=False) if sources else [])], key=lambda run: run.pk)


def dubs_of(runs: Iterable[Run | ListedRun]) -> list[SourceDub]:
    """Return the dubs of these runs, by one query, in the runs' order; a run without one stands for itself."""
    runs = list(runs)
    by_run = defaultdict[int, list[tuple[str, str, int, bool]]](list)
    has_audio = Case(When(audio_url="", then=Value(False)), default=Value(True), output_field=BooleanField())
    rows = Dub.objects.filter(run__in=[run.pk for run in runs]).order_by("pk").annotate(has_audio=has_audio)
    for run_id, *fields in rows.values_list("run", "language", "language_source", "cue_count", "has_audio"):
        by_run[run_id].append(tuple(fields))
    found = []
    for run in runs:
        found += [
            SourceDub(run, language, origin == LanguageSource.GUESS, _dub_status(cue_count, is_heard))
            for language, origin, cue_count, is_heard in by_run[run.pk]
        ] or [SourceDub(run, "", False, run.status)]
    return found


def build_source_rows(runs: Sequence[ListedRun], wanted: RunListQuery) -> list[SourceRow]:
    """Return the rows of the sources that these runs stand for, by four queries for any number of them."""
    by_source = defaultdict[int, list[ListedRun]](list)
    for run in with_companions(runs):
        if (run.archived_at is not None) == wanted.is_archive:
            by_source[run.source_id or -run.pk].append(run)
    titles = dict(Source.objects.filter(pk__in=[pk for pk in by_source if pk > 0]).values_list("pk", "title"))
    dubs = defaultdict[int, list[SourceDub]](list)
    for dub in dubs_of(run for own in by_source.values() for run in own):
        dubs[dub.run.source_id or -dub.run.pk].append(dub)
    media = RunPictures(run for own in by_source.values() for run in own)
    chips = {status: (escape(str(status.label)), icon(f"status-{status.value}")) for status in Status}
    return [
        _row(
            run,
            titles.get(key, ""),
            by_source[key],
            dubs[key],
            _chips(dubs[key], chips),
            media,
        )
        for run, key in ((run, run.source_id or -run.pk) for run in runs)
    ]


def _row(
    run: ListedRun,
    title: str,
    runs: Sequence[ListedRun],
    dubs: Sequence[SourceDub],
    chips: SafeString,
    media: RunPictures,
) -> SourceRow:
    length_ms = max((media.length_ms(own) for own in runs), default=0)
    return SourceRow(
        pk=str(run.pk),
        href=run_address(run.pk),
        name=title or str(run),
        picture=media.picture(run, *runs),
        runs=ngettext("%(n)s run", "%(n)s runs", len(runs)) % {"n": len(runs)} if run.source_id else "",
        chips=chips,
        ready=_ready(dubs, is_moved=not runs),
        length=timecode.short(length_ms) if length_ms else "",
    )


def _chips(dubs: Sequence[SourceDub], labels: Mapping[Run.Status, tuple[str, SafeString]]) -> SafeString:
    """Return a link for each of the first dubs, and the number of the others.

    `labels` hold the name and the icon of each status. A page may have 600 chips, so their parts are escaped here.
    """
    chips = []
    for dub in dubs[:MAX_CHIPS]:
        (label, symbol), name = labels[Status(dub.status)], escape(dub.name)
        start = f'<a class="tag dub-chip {dub.status}" href="{escape(dub.href)}" title="{name}: {label}">'
        chips.append(f"{start}{symbol}<bdi>{name}</bdi></a>")
    if rest := dubs[MAX_CHIPS:]:
        names = ", ".join(dub.name for dub in rest)
        chips.append(format_html('<span class="tag" title="{}">+{}</span>', names, len(rest)))
    return mark_safe("".join(chips))  # noqa: S308


def _ready(dubs: Sequence[SourceDub], *, is_moved: bool) -> SafeString:
    """Return how many of the dubs are ready, with the icon and the colour of the status that this comes to."""
    if is_moved:
        return format_html('<span class="status">{}{}</span>', icon("archive"), _("Moved"))
    ready = sum(dub.status == Status.READY for dub in dubs)
    if ready == len(dubs):
        style = Status.READY
    elif any(dub.status in (Status.FAILED, Status.NOT_FOUND) for dub in dubs):
        style = Status.FAILED
    else:
        style = Status.PARTLY if ready else Status.WAITING
    words = _("%(ready)s of %(all)s ready") % {"ready": ready, "all": len(dubs)}
    return format_html('<span class="status {0}">{1}{2}</span>', str(style), icon(f"status-{style.value}"), words)


def _dub_status(cue_count: int, is_heard: bool) -> str:
    return Status.READY if cue_count and is_heard else Status.PARTLY
