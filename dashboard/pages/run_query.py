"""The query of the list of runs: the filter, order and page that a URL asks for."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

from django.db.models import Exists, F, OrderBy, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from dashboard.http.ids import parse_id, parse_ids
from results import clock, tags
from results.models import Event, MediaCopy, Run, RunQuerySet, SavedView, Tag
from results.notifications.summary import OF_RUNS
from results.runs.listed import ListedRun
from results.search import titles
from results.transcripts import languages

PAGE_SIZE = 50
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
    GUESSED: gettext_lazy("Guessed language"),
    READS_OTHERWISE: gettext_lazy("Text in another language"),
}
# The values of `copies` in URLs.
KEPT, NOT_KEPT = "kept", "none"
# The value of `checks` in URLs: only runs with open review checks.
OPEN = "open"
# The values of `order` in URLs, each with the field that it sorts by; with "-" in front, the other way round. Runs
# without one of them are sorted by the time at which they were added, the newest first.
ORDERS = {
    "oldest": "pk",
    "title": "title",
    "id": "camb_run_id",
    "length": "duration_ms",
    "lines": "cue_count",
    "checks": "check_count",
    "status": "status",
    "checked": "checked_at",
}
# The value of `view` in URLs for the list without a saved view.
ALL_RUNS = "all"
# The value of `by` in URLs for a list with one row a source.
BY_SOURCE = "source"
# The columns that may be hidden, and the value of `cols` in URLs for a list without any of them.
COLUMNS = {
    "id": gettext_lazy("Id"),
    "languages": gettext_lazy("Languages"),
    "length": gettext_lazy("Length"),
    "cues": gettext_lazy("Lines"),
    "checks": gettext_lazy("Review checks"),
    "by": gettext_lazy("Added by"),
    "checked": gettext_lazy("Checked"),
}
NO_COLUMNS = "none"
# What the Filter menu sets. It adds one tag to those that the list is filtered by.
IN_MENU = ("status", "lang", "who", "since", "until", "copies", "checks")


@dataclass(frozen=True)
class RunListQuery:
    """The filter, the order and the page that a URL of the list asks for. A malformed value counts as absent."""

    q: str = ""
    tag: tuple[str, ...] = ()
    lang: str = ""
    who: int = 0
    """Only runs that this user added."""
    since: str = ""
    until: str = ""
    """Only runs added on these days, in ISO 8601; both are included."""
    copies: str = ""
    checks: str = ""
    status: str = ""
    order: str = ""
    by: str = ""
    events: str = ""
    """Only runs that these events are about, as first-last and then kinds: `12-40-ready`."""
    view: str = ""
    """The id of the saved view that this began as, or ALL_RUNS; it keeps the team's default view away."""
    cols: str = ""
    """The columns that a view shows, as `id-length`, or NO_COLUMNS; empty: those that the person chose."""
    after: int = 0
    before: int = 0

    @classmethod
    def read(cls, query: QueryDict) -> "RunListQuery":
        status, order, by, copies, view = (
            query.get(name, "") for name in ("status", "order", "by", "copies", "view")
        )
        return cls.cleaned(
            query.get("q", ""),
            query.getlist("tag")[:MAX_TAG_FILTERS],
            lang=language_filter(query.get("lang", "")),
            who=parse_id(query.get("who", "")) or 0,
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
            copies=copies if copies in (KEPT, NOT_KEPT) else "",
            checks=OPEN if query.get("checks") == OPEN else "",
            status=status if status in (*Status.values, ARCHIVED) else "",
            order=order if order.removeprefix("-") in ORDERS and order != "-oldest" else "",
            by=by if by == BY_SOURCE else "",
            events=event_filter(query.get("events", "")),
            view=view if view == ALL_RUNS or parse_id(view) else "",
            cols=_columns(query.get("cols", "")),
            after=parse_id(query.get("after", "")) or 0,
            before=parse_id(query.get("before", "")) or 0,
        )

    @classmethod
    def read_text(cls, query: str) -> "RunListQuery":
        """Read a query string as saved views keep it."""
        return cls.read(QueryDict(query.removeprefix("?")))

    @classmethod
    def cleaned(cls, q: str, tag: Iterable[str], **others: Any) -> "RunListQuery":
        """Return the query of these values. A text or a tag that is empty once cleaned counts as not given."""
        names = (tags.clean(name)[: Tag.MAX_NAME] for name in tag)
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
        return self.query(status="", order="", by="", view="", cols="") != "?"

    @property
    def is_filtered(self) -> bool:
        """Whether the list is filtered by what the Filter menu offers."""
        return self.query(q="", status="", order="", by="", view="", cols="") != "?"

    @property
    def is_everything(self) -> bool:
        """Whether the list shows all runs that are not archived."""
        return not self.is_narrowed and not self.status

    def is_list_of(self, view: SavedView) -> bool:
        """Return whether this list is what the saved view shows, without any change."""
        return self.query(view="") == RunListQuery.read_text(view.query).query(view="")

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The names and values of the filter and the order, for the hidden fields of a form."""
        return parse_qsl(self.query().removeprefix("?"))

    @property
    def fields_beside_menu(self) -> list[tuple[str, str]]:
        """Those of `fields` that the Filter menu leaves as they are."""
        return [(name, value) for name, value in self.fields if name not in IN_MENU]

    @property
    def unfiltered(self) -> str:
        """The query string of the list without its filters. The tab, the order and the view stay."""
        kept = ("q", "status", "order", "by", "view", "cols")
        return RunListQuery(**{name: getattr(self, name) for name in kept}).query()

    @property
    def sorted_by(self) -> str:
        """The field by which the runs are sorted."""
        return ORDERS.get(self.order.removeprefix("-"), "pk")

    @property
    def is_descending(self) -> bool:
        return self.order.startswith("-") or not self.order

    def named(self, runs: RunQuerySet) -> RunQuerySet:
        """Return the runs that pass the filter, and that the words of `q` name."""
        for name in self.tag:
            runs = runs.filter(tags.tagged_with(name))
        if self.lang:
            runs = _in_language(runs, self.lang)
        if self.who:
            runs = runs.filter(added_by=self.who)
        if self.since:
            runs = runs.filter(created_at__gte=clock.midnight(date.fromisoformat(self.since)))
        if self.until:
            runs = runs.filter(created_at__lt=clock.end_of_day(date.fromisoformat(self.until)))
        if self.copies:
            kept = Exists(MediaCopy.objects.filter(state=MediaCopy.State.KEPT, dub__run=OuterRef("pk")))
            runs = runs.filter(kept if self.copies == KEPT else ~kept)
        if self.checks:
            runs = runs.filter(check_count__gt=0)
        if self.events:
            runs = _of_events(runs, self.events)
        return titles.named(runs, self.q) if self.q else runs

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


def runs_of_view(runs: RunQuerySet, query: str) -> RunQuerySet:
    """Return those of the runs that a saved view with this query shows."""
    return RunListQuery.read_text(query).matching(runs)


def join_columns(names: Collection[str]) -> str:
    """Return the value of `cols` in a URL for a list with these columns; other names are passed over."""
    return "-".join(name for name in COLUMNS if name in names) or NO_COLUMNS


def _columns(text: str) -> str:
    joined = join_columns(text.split("-"))
    return joined if text == NO_COLUMNS or joined != NO_COLUMNS else ""


def event_filter(text: str) -> str:
    """Return the value of `events` in a URL, or an empty string if it is malformed.

    It names kinds that every member is told of: what a private search found is its owner's alone.
    """
    kinds = "|".join(OF_RUNS)
    return text if re.fullmatch(rf"\d{{1,18}}-\d{{1,18}}(-({kinds}))*", text, re.ASCII) else ""


def _of_events(runs: RunQuerySet, events: str) -> RunQuerySet:
    first, last, *kinds = events.split("-")
    about = Event.objects.filter(run=OuterRef("pk"), pk__gte=int(first), pk__lte=int(last))
    about = about.without_superseded(int(last))
    return runs.filter(Exists(about.filter(kind__in=kinds or OF_RUNS)))


def _day(text: str) -> str:
    """Return the day in ISO 8601, or an empty string if it is none."""
    try:
        return date.fromisoformat(text).isoformat() if len(text) == len("2026-05-31") else ""
    except ValueError:
        return ""


def language_filter(text: str) -> str:
    """Return the language of a URL's filter, or one of LANGUAGE_FILTERS; empty if it is neither."""
    return text if text in LANGUAGE_FILTERS or languages.is_tag(text) else ""


def _in_language(runs: RunQuerySet, lang: str) -> RunQuerySet:
    """Return the runs with a dub in this language, in any of its regions, or of one of LANGUAGE_FILTERS."""
    if lang == GUESSED:
        return runs.exclude(guessed_languages=None)
    if lang == READS_OTHERWISE:
        return runs.exclude(language_mismatches=None)
    # The tags that a run repeats are read as text: that takes no longer than the filter by title.
    runs = runs.alias(tags_as_text=Cast("languages", TextField()))
    parts = ['""'] if lang == NO_LANGUAGE else [f'"{lang}"', f'"{lang}-']
    return runs.filter(reduce(or_, (Q(("tags_as_text__contains", part)) for part in parts)))


def selected_runs(runs: RunQuerySet, data: QueryDict) -> RunQuerySet:
    """Return the runs that a form selects: those named by `pk`, or with `all` those of the list's filter.

    In a list by source, `pk` names a source by one of its runs, and selects all of them that match the filter.
    """
    wanted = RunListQuery.read(data)
    if "all" in data:
        return wanted.matching(runs)
    named = runs.present().filter(pk__in=parse_ids(data.getlist("pk")[:MAX_SELECTED]))
    if not wanted.is_by_source:
        return named
    of_sources = wanted.matching(runs).filter(source__in=named.exclude(source=None).values("source"))
    return runs.filter(Q(pk__in=named.values("pk")) | Q(pk__in=of_sources.values("pk")))


Row = TypeVar("Row", Run, ListedRun)


@dataclass(frozen=True)
class RunPage(Generic[Row]):
    """One page of the list, with the query strings of the pages before and after it; empty where there is none."""

    runs: list[Row]
    before: str = ""
    after: str = ""


def get_page(runs: RunQuerySet, wanted: RunListQuery, size: int = PAGE_SIZE) -> RunPage[Run]:
    """Return one page of the list by keyset pagination, so the last page is as quick as the first."""
    return read_page(runs, wanted, list, size)


def read_page(
    runs: RunQuerySet, wanted: RunListQuery, read: Callable[[RunQuerySet], list[Row]], size: int = PAGE_SIZE
) -> RunPage[Row]:
    """Return one page as `get_page` does, of the rows as which `read` reads its runs."""
    return as_page(read(ordered(runs, wanted, size)), wanted, size)


def ordered(runs: RunQuerySet, wanted: RunListQuery, size: int) -> RunQuerySet:
    """Return the runs of one page in the list's order, or in the reverse for a page before a run, and one more."""
    runs = wanted.with_row(runs)
    is_ascending = wanted.is_descending == bool(wanted.before)
    if key := wanted.before or wanted.after:
        runs = runs.filter(_behind(wanted.sorted_by, key, is_ascending=is_ascending))
    return runs.order_by(*_ordering(wanted.sorted_by, is_ascending=is_ascending))[: size + 1]


def as_page(found: list[Row], wanted: RunListQuery, size: int) -> RunPage[Row]:
    """Return the page of these runs, which `ordered` has found."""
    is_backwards = bool(wanted.before)
    is_more, found = len(found) > size, found[:size]
    if is_backwards:
        found.reverse()
    has_before, has_after = (is_more, True) if is_backwards else (bool(wanted.after), is_more)
    return RunPage(
        found,
        wanted.query(before=found[0].pk) if found and has_before else "",
        wanted.query(after=found[-1].pk) if found and has_after else "",
    )


def _ordering(field: str, *, is_ascending: bool) -> list[OrderBy]:
    """Return the order by this field and then by pk. Runs without a value are first in ascending order."""
    # Where a value is never missing, its index is used only without a word on missing ones.
    is_optional = Run._meta.get_field(field).null if field != "pk" else False
    if is_ascending:
        return [F(field).asc(nulls_first=is_optional or None), F("pk").asc()]
    return [F(field).desc(nulls_last=is_optional or None), F("pk").desc()]


def _behind(field: str, key: int, *, is_ascending: bool) -> Q:
    """Return the condition of runs that are sorted behind the run of this pk; if it is gone, all are."""
    later = Q(pk__gt=key) if is_ascending else Q(pk__lt=key)
    if field == "pk":
        return later
    found = Run.objects.filter(pk=key).values_list(field).first()
    if found is None:
        return Q()
    (value,) = found
    same = Q((field, value)) & later
    if value is None:
        return same | Q((f"{field}__isnull", False)) if is_ascending else same
    if is_ascending:
        return same | Q((f"{field}__gt", value))
    return same | Q((f"{field}__lt", value)) | Q((f"{field}__isnull", True))
