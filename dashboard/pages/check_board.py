"""Page model of the board of review checks: the open checks of all of a team's runs, the most severe kind first."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import QueryDict
from django.utils.translation import gettext as _

from dashboard.pages.run_query import LANGUAGE_FILTERS, NO_LANGUAGE
from dashboard.pages.source_list import run_address
from results import tags
from results.models import Cue, Dub, OpenCheck, Run, Tag
from results.transcripts import languages, timecode
from results.transcripts.review import Kind, ReviewCheck

PAGE_SIZE = 50
_EXPORT_SIZE = 1000
_CURSOR = re.compile(r"([0-9]{1,2})-([0-9]{1,18})")
_KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True)
class CheckQuery:
    """The filter and the page that a URL of the board asks for. A malformed value counts as absent."""

    kind: str = ""
    language: str = ""
    """The tag of a language without its region, or NO_LANGUAGE."""
    tag: str = ""
    after: str = ""
    """The severity and the id of the last check of the page before."""

    @classmethod
    def read(cls, query: QueryDict) -> "CheckQuery":
        return cls.cleaned(*(query.get(name, "") for name in ("kind", "language", "tag", "after")))

    @classmethod
    def cleaned(cls, kind: str, language: str, tag: str, after: str) -> "CheckQuery":
        return cls(
            kind if kind in _KINDS else "",
            _language(language),
            tags.clean(tag)[: Tag.MAX_NAME],
            after if _CURSOR.fullmatch(after) else "",
        )

    def query(self, **changes: str) -> str:
        """Return the query string of this board with the changes; its first page unless they name another."""
        wanted = replace(self, **({"after": ""} | changes))
        return "?" + urlencode({name: value for name, value in vars(wanted).items() if value})

    @property
    def is_filtered(self) -> bool:
        return bool(self.kind or self.language or self.tag)

    def matching(self, team_id: int) -> QuerySet[OpenCheck]:
        """Return the team's open checks that pass the filter, in no order."""
        checks = OpenCheck.objects.filter(team=team_id)
        # A worker deletes those of an archived run soon; until then the run is skipped, as searches skip it. Seldom
        # is there such a run, and without this condition the index alone answers how many checks there are.
        leaving = Run.objects.filter(team=team_id).to_unindex()
        if leaving.exists():
            checks = checks.exclude(run__in=leaving.values("pk"))
        if self.kind:
            checks = checks.filter(severity=_KINDS[self.kind].severity)
        if self.language:
            checks = checks.filter(language="" if self.language == NO_LANGUAGE else self.language)
        if self.tag:
            tagged = Run.objects.filter(tags.tagged_with(self.tag), team=team_id)
            checks = checks.filter(run__in=tagged.values("pk"))
        return checks


def _language(text: str) -> str:
    """Return the filter by language that this text asks for; empty if it is none."""
    if text == NO_LANGUAGE:
        return text
    return languages.primary(text) if languages.is_tag(text) else ""


class KindChip(NamedTuple):
    """A link to the checks of one kind, or of all kinds, with their number."""

    name: str
    number: int
    href: str
    is_current: bool


class FilterChip(NamedTuple):
    """A filter that is on, with the query string of the board without it."""

    name: str
    without: str


class CheckRow(NamedTuple):
    """One open check, ready to print."""

    kind: str
    words: str
    href: str
    clock: str
    text: str
    lang: str
    run_name: str
    language: str


class CheckPage(NamedTuple):
    """One page of the board, and the cursor of the next; empty if there is none."""

    checks: Sequence[OpenCheck]
    after: str


def language_choices(team_id: int) -> list[tuple[str, str]]:
    """Return the values and names by which the board can be filtered by language."""
    used = Dub.objects.filter(team=team_id).order_by().values_list("language", flat=True).distinct()
    spoken = {languages.primary(tag): languages.name(languages.primary(tag)) for tag in used if tag}
    named = sorted(spoken.items(), key=lambda choice: choice[1].casefold())
    return [*named, (NO_LANGUAGE, str(LANGUAGE_FILTERS[NO_LANGUAGE]))] if spoken else []


def kind_chips(team_id: int, wanted: CheckQuery) -> list[KindChip]:
    """Return the kinds of which there are checks, the most severe first, and all kinds before them."""
    every = replace(wanted, kind="").matching(team_id).order_by()
    by_severity = dict(every.values_list("severity").annotate(Count("pk")))
    counts = {value: by_severity[kind.severity] for value, kind in _KINDS.items() if kind.severity in by_severity}
    chips = [KindChip(_("All review checks"), sum(counts.values()), wanted.query(kind=""), not wanted.kind)]
    return chips + [
        KindChip(kind.label, counts.get(value, 0), wanted.query(kind=value), value == wanted.kind)
        for value, kind in _KINDS.items()
        if value in counts or value == wanted.kind
    ]


def filter_chips(wanted: CheckQuery) -> list[FilterChip]:
    """Return the filters by language and tag that are on."""
    language = str(LANGUAGE_FILTERS.get(wanted.language, languages.name(wanted.language)))
    named = {"language": language if wanted.language else "", "tag": wanted.tag}
    return [FilterChip(name, wanted.query(**{field: ""})) for field, name in named.items() if name]


def get_checks(team_id: int, wanted: CheckQuery, size: int = 0) -> CheckPage:
    """Return a page of open checks with their dubs, runs, and the `text` and `speaker` of their lines.

    Pages begin after a key, so the last is as quick as the first. Without a `size` it is PAGE_SIZE.
    """
    size = size or PAGE_SIZE
    cue = Cue.objects.filter(dub=OuterRef("dub"), position=OuterRef("position"))
    checks = wanted.matching(team_id).select_related("dub", "run")
    checks = checks.annotate(text=Subquery(cue.values("text")), speaker=Subquery(cue.values("speaker")))
    checks = checks.order_by("severity", "-pk")
    if last := _CURSOR.fullmatch(wanted.after):
        # Two queries, each of which begins at its place in the index.
        severity, pk = map(int, last.groups())
        found = list(checks.filter(severity=severity, pk__lt=pk)[: size + 1])
        found += checks.filter(severity__gt=severity)[: size + 1 - len(found)]
    else:
        found = list(checks[: size + 1])
    is_more, found = len(found) > size, found[:size]
    return CheckPage(found, f"{found[-1].severity}-{found[-1].pk}" if is_more else "")


def all_checks(team_id: int, wanted: CheckQuery) -> Iterator[OpenCheck]:
    """Yield the open checks of all pages."""
    page = get_checks(team_id, replace(wanted, after=""), _EXPORT_SIZE)
    yield from page.checks
    while page.after:
        page = get_checks(team_id, replace(wanted, after=page.after), _EXPORT_SIZE)
        yield from page.checks


def review_check(row: OpenCheck) -> ReviewCheck:
    """Return the stored check as one, which says in words what is wrong."""
    return ReviewCheck(_KINDS[row.kind], row.amount, row.allowed, row.is_of_text, row.other_language)


def check_href(row: OpenCheck) -> str:
    """Return the address of the check's line in its run, at its moment, among the checks of its kind."""
    query = urlencode({"dub": row.dub.language, "check": row.kind, "t": max(row.start_ms, 0) // 1000})
    return f"{run_address(row.run_id)}?{query}#cue-{row.position}"


def build_row(row: OpenCheck) -> CheckRow:
    """Return the row of an open check from `get_checks`."""
    check = review_check(row)
    return CheckRow(
        kind=row.kind,
        words=str(check),
        href=check_href(row),
        clock=timecode.short(row.start_ms),
        text=row.text or "",  # type: ignore[attr-defined]
        lang=languages.html_tag(row.dub.language),
        run_name=str(row.run),
        language=languages.name(row.dub.language),
    )
