"""The audit trail as a page, a CSV file and the API list it: the filter, and pages of entries, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict

from dashboard.http.ids import parse_id
from results import clock
from teams.models import AuditEntry, Team

PAGE_SIZE = 100
_EXPORT_SIZE = 1000
_MAX_TEXT = 100

Action = AuditEntry.Action


@dataclass(frozen=True)
class AuditFilter:
    """Which entries of the trail are listed. A malformed value counts as absent."""

    kind: str = ""
    person: str = ""
    """Part of the person's name or email address."""
    since: date | None = None
    until: date | None = None
    """The days are in the user's time zone; both are included."""
    after: int = 0
    """Only entries older than the one of this id."""

    @classmethod
    def read(cls, query: QueryDict) -> "AuditFilter":
        kind = query.get("kind", "")
        return cls(
            kind if kind in Action.values else "",
            query.get("person", "").replace("\0", "").strip()[:_MAX_TEXT],
            _day(query.get("since", "")),
            _day(query.get("until", "")),
            parse_id(query.get("after", "")) or 0,
        )

    def query(self, **changes: Any) -> str:
        """Return the query string of this filter with the changes, for the newest entries unless they say else."""
        wanted = replace(self, **({"after": 0} | changes))
        return "?" + urlencode({name: value for name, value in vars(wanted).items() if value})

    def matching(self, team: Team) -> QuerySet[AuditEntry]:
        """Return the team's entries that pass the filter, newest first."""
        entries = AuditEntry.objects.filter(team=team)
        if self.kind:
            entries = entries.filter(kind=self.kind)
        if self.person:
            entries = entries.filter(person__icontains=self.person)
        if self.since:
            entries = entries.filter(at__gte=clock.midnight(self.since))
        if self.until:
            entries = entries.filter(at__lt=clock.end_of_day(self.until))
        if self.after:
            entries = entries.filter(pk__lt=self.after)
        return entries.order_by("-pk")


def get_page(team: Team, wanted: AuditFilter, size: int = PAGE_SIZE) -> tuple[list[AuditEntry], int]:
    """Return a page of entries, and the id of its last one if older ones follow, else 0."""
    found = list(wanted.matching(team)[: size + 1])
    return found[:size], found[size - 1].pk if len(found) > size else 0


def all_entries(team: Team, wanted: AuditFilter) -> Iterator[AuditEntry]:
    """Yield the entries of all pages, read in parts."""
    wanted = replace(wanted, after=0)
    while True:
        entries, last = get_page(team, wanted, _EXPORT_SIZE)
        yield from entries
        if not last:
            return
        wanted = replace(wanted, after=last)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-05-31") else None
    except ValueError:
        return None
