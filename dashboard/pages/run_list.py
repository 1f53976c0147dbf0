"""Page model of the list of runs: the filter, order and page that a URL asks for, the tabs and the rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.db.models import CharField, Count, Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.http.ids import parse_id, parse_ids
from dashboard.pages.markup import icon, language_check_label, language_label, status_label
from dashboard.units import date_and_time
from results import tags
from results.models import ApiKey, Dub, Run, RunQuerySet, Tag
from results.transcripts import languages, timecode

PAGE_SIZE = 50
LANGUAGES_SHOWN = 3
TAGS_SHOWN = 2
MAX_TAG_FILTERS = 5
MAX_TEXT = 200
MAX_SELECTED = 1000

Status = Run.Status
# Takes the place of a status in URLs: archived runs have a tab of their own.
ARCHIVED = "archived"
# Take the place of a language in URLs; no tag looks so.
NO_LANGUAGE, GUESSED, READS_OTHERWISE = "-none", "-guessed", "-otherwise"
LANGUAGE_FILTERS = {
    NO_LANGUAGE: gettext_lazy("No language"),
    GUESSED: gettext_lazy("Guessed"),
    READS_OTHERWISE: gettext_lazy("Reads otherwise"),
}
# The value of `by` in URLs for a list with one row a source.
BY_SOURCE = "source"


# --- The query of the list ---------------------------------------------------------------------------


@dataclass(frozen=True)
class RunListQuery:
    """The filter, the order and the page that a URL of the list asks for. A malformed value counts as absent."""

    q: str = ""
    tag: tuple[str, ...] = ()
    lang: str = ""
    status: str = ""
    order: str = ""
    by: str = ""
    after: int = 0
    before: int = 0

    @classmethod
    def read(cls, query: QueryDict) -> "RunListQuery":
        status, order, by = (query.get(name, "") for name in ("status", "order", "by"))
        return cls.cleaned(
            query.get("q", ""),
            query.getlist("tag")[:MAX_TAG_FILTERS],
            lang=language_filter(query.get("lang", "")),
            status=status if status in (*Status.values, ARCHIVED) else "",
            order=order if order == "oldest" else "",
            by=by if by == BY_SOURCE else "",
            after=parse_id(query.get("after", "")) or 0,
            before=parse_id(query.get("before", "")) or 0,
        )

    @classmethod
    def cleaned(cls, q: str, tag: Iterable[str], **others: Any) -> "RunListQuery":
        """Return the query of these values. A text or a tag that is empty once cleaned counts as not given."""
        names = (tags.clean(name)[: Tag.LONGEST] for name in tag)
        return cls(q.replace("\0", "").strip()[:MAX_TEXT], tuple(filter(None, names)), **others)

    def query(self, **changes: Any) -> str:
        """Return the query string of this list with the changes; its first page unless they name another."""
        wanted = replace(self, **({"after": 0, "before": 0} | changes))
        return "?" + urlencode({name: value for name, value in vars(wanted).items() if value}, doseq=True)

    @property
    def is_archive(self) -> bool:
        return self.status == ARCHIVED

    @property
    def is_by_source(self) -> bool:
        return self.by == BY_SOURCE

    @property
    def is_narrowed(self) -> bool:
        """Whether the list is filtered by more than its tab."""
        return bool(self.q or self.tag or self.lang)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The names and values of the filter and the order, for the hidden fields of a form."""
        return parse_qsl(self.query().removeprefix("?"))

    @property
    def chips(self) -> list[tuple[str, str]]:
        """Each tag of the filter, with the query string of the list without the tag."""
        return [(name, self.query(tag=[other for other in self.tag if other != name])) for name in self.tag]

    def named(self, runs: RunQuerySet) -> RunQuerySet:
        """Return the runs with all tags and the language, and with `q` in the title or at the start of the id."""
        for name in self.tag:
            runs = runs.filter(tags.tagged_with(name))
        if self.lang:
            runs = _in_language(runs, self.lang)
        if not self.q:
            return runs
        found = Q(title__icontains=self.q)
        if self.q.isdecimal():
            runs = runs.alias(id_as_text=Cast("camb_run_id", CharField()))
            found |= Q(id_as_text__startswith=str(int(self.q[:19])))
        return runs.filter(found)

    def matching(self, runs: RunQuerySet) -> RunQuerySet:
        """Return the runs that the list shows, on all its pages."""
        if self.is_archive:
            return self.named(runs.archived())
        current = self.named(runs.current())
        return current.filter(status=self.status) if self.status else current

    def with_row(self, runs: RunQuerySet) -> RunQuerySet:
        """Return the runs that have a row of the list: by source, of each source the newest run that matches.

        So the list by source takes the indexes of the plain list, and looks up the newer runs of a source only for
        the rows of the page.
        """
        if not self.is_by_source:
            return self.matching(runs)
        newer = self.matching(runs.filter(source=OuterRef("source"), pk__gt=OuterRef("pk")))
        return self.matching(runs).filter(Q(source=None) | ~Exists(newer))


def language_filter(text: str) -> str:
    """Return the language of a URL's filter, or one of LANGUAGE_FILTERS; empty if it is neither."""
    return text if text in LANGUAGE_FILTERS or languages.is_tag(text) else ""


def _in_language(runs: RunQuerySet, lang: str) -> RunQuerySet:
    """Return the runs with a dub in this language, in any of its regions, or of one of LANGUAGE_FILTERS."""
    if lang == GUESSED:
        return runs.exclude(guessed_languages=None)
    if lang == READS_OTHERWISE:
        return runs.exclude(language_checks=None)
    # The tags that a run repeats are read as text: that takes no longer than the filter by title.
    runs = runs.alias(tags_as_text=Cast("languages", TextField()))
    parts = ['""'] if lang == NO_LANGUAGE else [f'"{lang}"', f'"{lang}-']
    return runs.filter(reduce(or_, (Q(("tags_as_text__contains", part)) for part in parts)))


def language_choices(team_id: int) -> list[tuple[str, str]]:
    """Return the values and names by which the team's list can be filtered by language."""
    used = Dub.objects.filter(team=team_id).order_by().values_list("language", flat=True).distinct()
    spoken = {languages.primary(tag): languages.name(languages.primary(tag)) for tag in used if tag}
    filters = [(value, str(name)) for value, name in LANGUAGE_FILTERS.items()]
    return [*sorted(spoken.items(), key=lambda choice: choice[1].casefold()), *filters] if spoken else []


def selected_runs(runs: RunQuerySet, data: QueryDict) -> RunQuerySet:
    """Return the runs that a form selects: those named by `pk`, or with `all` those of the list's filter.

    In a list by source, `pk` names a source by one of its runs, and selects all of them that match the filter.
    """
    wanted = RunListQuery.read(data)
    if "all" in data:
        return wanted.matching(runs)
    named = runs.filter(pk__in=parse_ids(data.getlist("pk")[:MAX_SELECTED]))
    if not wanted.is_by_source:
        return named
    of_sources = wanted.matching(runs).filter(source__in=named.exclude(source=None).values("source"))
    return runs.filter(Q(pk__in=named.values("pk")) | Q(pk__in=of_sources.values("pk")))


@dataclass(frozen=True)
class RunPage:
    """One page of the list, with the query strings of the pages before and after it; empty where there is none."""

    runs: list[Run]
    before: str = ""
    after: str = ""


def get_page(runs: RunQuerySet, wanted: RunListQuery, size: int = PAGE_SIZE) -> RunPage:
    """Return one page of the list by keyset pagination, so the last page is as quick as the first."""
    runs = wanted.with_row(runs)
    is_backwards = bool(wanted.before)
    is_ascending = (wanted.order == "oldest") != is_backwards
    if key := wanted.before or wanted.after:
        runs = runs.filter(pk__gt=key) if is_ascending else runs.filter(pk__lt=key)
    found = list(runs.order_by("pk" if is_ascending else "-pk")[: size + 1])
    is_more, found = len(found) > size, found[:size]
    if is_backwards:
        found.reverse()
    has_before, has_after = (is_more, True) if is_backwards else (bool(wanted.after), is_more)
    return RunPage(
        found,
        wanted.query(before=found[0].pk) if found and has_before else "",
        wanted.query(after=found[-1].pk) if found and has_after else "",
    )


def count_new(runs: RunQuerySet, wanted: RunListQuery, shown: Sequence[int], since: int) -> int:
    """Return the number of runs that came into this page since a version: added, restored, or by a new status."""
    shown_sources = runs.filter(pk__in=shown).exclude(source=None).values("source")
    runs = wanted.with_row(runs).filter(version__gt=since).exclude(pk__in=shown)
    if wanted.is_by_source:
        runs = runs.exclude(source__in=shown_sources)
    is_ascending = wanted.order == "oldest"
    # The first page of the list is open at its beginning, and the last page at its end.
    if shown and (wanted.after or wanted.before):
        runs = runs.filter(pk__gt=min(shown)) if is_ascending else runs.filter(pk__lt=max(shown))
    if len(shown) == PAGE_SIZE:
        runs = runs.filter(pk__lt=max(shown)) if is_ascending else runs.filter(pk__gt=min(shown))
    return runs.count()


def for_list(runs: RunQuerySet) -> RunQuerySet:
    """Return the runs with the related objects and fields that the list prints, and no others."""
    return runs.select_related("added_by").prefetch_related("tags").only(
        "camb_run_id", "camb_task_id", "title", "status", "reason", "checked_at", "due_at", "languages",
        "guessed_languages", "language_checks", "given_language",
        "duration_ms", "cue_count", "version", "archived_at", "added_by__name", "added_by__email", "source",
    )  # fmt: skip


# --- The tabs and the rows ---------------------------------------------------------------------------


@dataclass(frozen=True)
class StatusTab:
    """A tab that filters the list by one status."""

    name: str
    count: int
    href: str
    status: str
    is_current: bool


class RunRow(NamedTuple):
    """One run, ready to print: the template only inserts these strings."""

    pk: str
    href: str
    title_href: str
    name: str
    tags: SafeString
    camb_run_id: str
    languages: str
    languages_in_full: str
    language_href: str
    language_check: str
    status: SafeString
    reason: str
    reason_in_full: str
    checked: str
    checked_text: str
    due: str
    due_text: str
    pause: str
    length: str
    cues: str
    added_by: str


def status_counts(runs: RunQuerySet) -> dict[str, int]:
    """Return the number of current runs by status, and the number of archived runs under `ARCHIVED`."""
    counted = dict(runs.current().order_by().values_list("status").annotate(Count("pk")))
    return {status: counted.get(status, 0) for status in Status.values} | {ARCHIVED: runs.archived().count()}


def build_tabs(wanted: RunListQuery, counts: dict[str, int]) -> list[StatusTab]:
    """Return the tabs: All, and each status that has runs. They count runs, also in a list by source.

    The chosen tab stays even without runs, so that it does not vanish while the user looks at it.
    """
    names = {status.value: str(status.label) for status in Status} | {ARCHIVED: _("Archived")}
    current = sum(counts.values()) - counts[ARCHIVED]
    tabs = [StatusTab(_("All"), current, wanted.query(status=""), "", not wanted.status)]
    tabs += [
        StatusTab(names[status], count, wanted.query(status=status), status, status == wanted.status)
        for status, count in counts.items()
        if count or status == wanted.status
    ]
    return tabs


def build_rows(runs: Iterable[Run], key: ApiKey | None, wanted: RunListQuery) -> list[RunRow]:
    """Return the rows of these runs. Without a working `key` they say why the next check waits."""
    labels = {status: status_label(status) for status in Status.values}
    # One reverse() for all rows: the URLs, split where the id goes.
    names = ("runs-detail", "runs-edit-title", "runs-languages")
    page, title, language = (reverse(name, args=[0]).rsplit("0", 1) for name in names)
    pause = _("needs a key") if key is None else _("paused") if key.is_in_trouble else ""
    # A run that leaves the list while a page shows it keeps its row, which says so.
    move = _("Restored") if wanted.is_archive else _("Archived")
    moved = format_html('<span class="status">{}{}</span>', icon("archive"), move)
    return [
        _row(
            run,
            labels[run.status] if (run.archived_at is not None) == wanted.is_archive else moved,
            page,
            title,
            language,
            pause,
            _chips(run.tag_names, wanted),
        )
        for run in runs
    ]


def _chips(names: list[str], wanted: RunListQuery) -> SafeString:
    """Return the first tags, each a link to the list of the runs with the tag, and the number of the others."""
    links = ((wanted.query(tag=dict.fromkeys((*wanted.tag, name))), name) for name in names[:TAGS_SHOWN])
    chips = format_html_join("", '<a class="tag" href="{}"><bdi>{}</bdi></a>', links)
    if rest := names[TAGS_SHOWN:]:
        chips += format_html('<span class="tag" title="{}">+{}</span>', ", ".join(rest), len(rest))
    return chips


def _row(
    run: Run,
    status: SafeString,
    page: list[str],
    title: list[str],
    language: list[str],
    pause: str,
    chips: SafeString,
) -> RunRow:
    pk = str(run.pk)
    guesses = run.guessed_languages or ()
    tags_shown = run.languages or [run.given_language]
    spoken = list(
        dict.fromkeys(language_label(languages.primary(tag), is_guess=tag in guesses) for tag in tags_shown if tag)
    )
    checks = [language_check_label(reads, lines) for _tag, reads, lines in run.language_checks or ()]
    more = f" +{len(spoken) - LANGUAGES_SHOWN}" if len(spoken) > LANGUAGES_SHOWN else ""
    checked, checked_text = _time_texts(run.checked_at)
    due, due_text = _time_texts(run.due_at)
    return RunRow(
        pk=pk,
        href=pk.join(page),
        title_href=pk.join(title),
        name=str(run),
        tags=chips,
        camb_run_id=str(run.camb_run_id or ""),
        languages=", ".join(spoken[:LANGUAGES_SHOWN]) + more,
        languages_in_full=", ".join(language_label(tag, is_guess=tag in guesses) for tag in tags_shown if tag),
        # Where there are several dubs, each has its language set on the run's page.
        language_href=pk.join(language) + "?row" if len(run.languages) <= 1 else "",
        language_check=", ".join(checks),
        status=status,
        reason=Truncator(run.reason).chars(70),
        reason_in_full=run.reason,
        checked=checked,
        checked_text=checked_text,
        due=due,
        due_text=due_text,
        pause=pause if due else "",
        length=timecode.short(run.duration_ms) if run.duration_ms else "",
        cues=str(run.cue_count) if run.cue_count else "",
        added_by=str(run.added_by) if run.added_by else "",
    )


def _time_texts(at: datetime | None) -> tuple[str, str]:
    """Return a time in ISO 8601, and as text for a browser that runs no script."""
    return (at.isoformat(timespec="seconds"), date_and_time(at)) if at else ("", "")
