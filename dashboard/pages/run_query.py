"""The query of the list of runs: the filter, order and page that a URL asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import CharField, Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from dashboard.http.ids import parse_id, parse_ids
from results import tags
from results.models import Dub, Run, RunQuerySet, Tag
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
    GUESSED: gettext_lazy("Guessed"),
    READS_OTHERWISE: gettext_lazy("Reads otherwise"),
}
# The value of `by` in URLs for a list with one row a source.
BY_SOURCE = "source"


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
