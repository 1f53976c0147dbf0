"""Page model of the table of languages: the sources as rows, the team's languages as columns."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.http.ids import parse_id
from dashboard.pages.markup import icon
from dashboard.pages.run_query import BY_SOURCE, RunListQuery, read_page
from dashboard.pages.source_list import SourceDub, dubs_of, run_address, with_companions
from results.models import Dub, Run, RunQuerySet, Source
from results.runs.listed import ListedRun, read_runs
from results.transcripts import languages
from teams.models import Team

PAGE_SIZE = 50
# A page has room for so many columns; the CSV file has them all.
MAX_COLUMNS = 24
_EXPORT_SIZE = 1000

Status = Run.Status


@dataclass(frozen=True)
class LanguageTableQuery:
    """What a URL of the table asks for: sources that miss this language, that miss any, or with `all` every one."""

    missing: str = ""
    is_all: bool = False
    after: int = 0

    @classmethod
    def read(cls, query: QueryDict) -> "LanguageTableQuery":
        missing = query.get("missing", "").replace("\0", "")[: languages.MAX_LANGUAGE_TAG]
        return cls(missing, "all" in query, parse_id(query.get("after", "")) or 0)

    def query(self, **changes: str | bool | int) -> str:
        """Return the query string of this table with the changes; its first page unless they name another."""
        wanted = replace(self, **({"after": 0} | changes))  # type: ignore[arg-type]
        values = {"missing": wanted.missing, "all": "1" if wanted.is_all else "", "after": wanted.after}
        return "?" + urlencode({name: value for name, value in values.items() if value})


class Column(NamedTuple):
    """A language of the team, and the query string of the sources that miss it, or of all if that is on."""

    tag: str
    name: str
    href: str
    is_current: bool


class LanguageRow(NamedTuple):
    """A source with the status of its dub in each language that it has."""

    pk: int
    name: str
    href: str
    run_count: int
    status_of: dict[str, str]
    cells: list[SafeString]


class LanguagePage(NamedTuple):
    """One page of the table, and the query string of the next; empty if there is none."""

    rows: list[LanguageRow]
    next: str


@dataclass(frozen=True)
class LanguageTable:
    """The table of a team. `tags` are the languages of its dubs, the most frequent first.

    `merged` maps a language without a region to its column, that of the only region which the team's dubs have: a
    guess says Spanish where CAMB.AI says Spanish (Spain).
    """

    team: Team
    wanted: LanguageTableQuery
    tags: tuple[str, ...]
    merged: Mapping[str, str]

    @classmethod
    def of(cls, team: Team, wanted: LanguageTableQuery) -> "LanguageTable":
        spoken = Dub.objects.filter(team=team).exclude(language="").order_by().values_list("language")
        counts = Counter[str](dict(spoken.annotate(n=Count("pk")).order_by("-n", "language")))
        merged = _merged(counts)
        for tag, column in merged.items():
            counts[column] += counts.pop(tag)
        return cls(team, wanted, tuple(tag for tag, _n in counts.most_common()), merged)

    @property
    def shown_tags(self) -> tuple[str, ...]:
        return self.tags[:MAX_COLUMNS]

    @property
    def columns(self) -> list[Column]:
        wanted = self.wanted
        return [
            Column(
                tag,
                languages.name(tag),
                wanted.query(missing="" if tag == wanted.missing else tag, is_all=False),
                tag == wanted.missing,
            )
            for tag in self.shown_tags
        ]

    @property
    def hidden_count(self) -> int:
        return len(self.tags) - len(self.shown_tags)

    @cached_property
    def links(self) -> dict[str, str]:
        """The query strings of the whole table, of what misses any language, and of the CSV file."""
        return {
            "all": self.wanted.query(missing="", is_all=True),
            "missing": self.wanted.query(missing="", is_all=False),
            "csv": self.wanted.query(),
        }

    def page(self, size: int = PAGE_SIZE, after: int = 0) -> LanguagePage:
        """Return the page after the source that this run stands for, by keyset pagination."""
        listed = RunListQuery(by=BY_SOURCE, after=after or self.wanted.after)
        found = read_page(self._runs(), listed, read_runs, size)
        following = self.wanted.query(after=found.runs[-1].pk) if found.after else ""
        return LanguagePage(self._rows(found.runs), following)

    def all_rows(self) -> Iterator[LanguageRow]:
        """Yield the rows of all pages."""
        page = replace(self, wanted=replace(self.wanted, after=0)).page(_EXPORT_SIZE)
        while page.rows:
            yield from page.rows
            page = self.page(_EXPORT_SIZE, page.rows[-1].pk) if page.next else LanguagePage([], "")

    def _runs(self) -> RunQuerySet:
        """Return the runs whose sources the table has; each source is found by its newest run."""
        runs = Run.objects.filter(team=self.team)
        of_run, of_source = Q(run=OuterRef("pk")), Q(run__source=OuterRef("source"), run__archived_at=None)
        dubs = Dub.objects.filter(team=self.team).order_by()
        if self.wanted.missing:
            spoken = dubs.filter(language__in=self._tags_of(self.wanted.missing))
            own, common = (~Q(Exists(spoken.filter(of))) for of in (of_run, of_source))
        elif self.wanted.is_all:
            return runs
        else:
            spoken = dubs.filter(language__in=[tag for column in self.shown_tags for tag in self._tags_of(column)])
            moved = [When(language=tag, then=Value(column)) for tag, column in self.merged.items()]
            number = Count(Case(*moved, default=F("language")), distinct=True)
            counts = (
                Coalesce(Subquery(spoken.filter(of).values(key).annotate(n=number).values("n")), 0)
                for of, key in ((of_run, "run"), (of_source, "run__source"))
            )
            runs = runs.alias(**dict(zip(("own_count", "source_count"), counts, strict=True)))
            own, common = (Q(**{f"{name}__lt": len(self.shown_tags)}) for name in ("own_count", "source_count"))
        return runs.filter(Q(source=None) & own | Q(source__isnull=False) & common)

    def _tags_of(self, column: str) -> list[str]:
        return [column, *(tag for tag, of_tag in self.merged.items() if of_tag == column)]

    def _rows(self, runs: list[ListedRun]) -> list[LanguageRow]:
        by_source = defaultdict[int, list[ListedRun]](list)
        for run in with_companions(runs):
            if run.archived_at is None:
                by_source[run.source_id or -run.pk].append(run)
        titles = dict(Source.objects.filter(pk__in=[pk for pk in by_source if pk > 0]).values_list("pk", "title"))
        dubs = defaultdict[int, dict[str, SourceDub]](dict)
        for dub in dubs_of(run for own in by_source.values() for run in own):
            known = dubs[dub.run.source_id or -dub.run.pk]
            column = self.merged.get(dub.language, dub.language)
            if column and (column not in known or dub.status == Status.READY):
                known[column] = dub
        return [
            self._row(run, titles.get(key, ""), len(by_source[key]), dubs[key])
            for run, key in ((run, run.source_id or -run.pk) for run in runs)
        ]

    def _row(self, run: ListedRun, title: str, run_count: int, dubs: dict[str, SourceDub]) -> LanguageRow:
        return LanguageRow(
            pk=run.pk,
            name=title or str(run),
            href=run_address(run.pk),
            run_count=run_count,
            status_of={tag: dub.status for tag, dub in dubs.items()},
            cells=[_cell(dubs.get(tag)) for tag in self.shown_tags],
        )


def _merged(tags: Iterable[str]) -> dict[str, str]:
    """Return the languages without a region, each with the tag of its only region among these tags."""
    tags = list(tags)
    regions = {tag: [other for other in tags if other.startswith(f"{tag}-")] for tag in tags}
    return {tag: others[0] for tag, others in regions.items() if len(others) == 1 and "-" not in tag}


def _cell(dub: SourceDub | None) -> SafeString:
    """Return the status of a dub as a link to it; empty where there is none."""
    if dub is None:
        return SafeString("")
    label = Status(dub.status).label
    words = '<a class="status {}" href="{}" title="{}">{}<span class="visually-hidden">{}</span></a>'
    return format_html(words, dub.status, dub.href, label, icon(f"status-{dub.status}"), label)
