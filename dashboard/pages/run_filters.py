"""Page model of the Filter menu of the list: the choices of each filter, with the number of their runs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext as _

from dashboard.pages.run_list import status_counts
from dashboard.pages.run_query import (
    ARCHIVED,
    GUESSED,
    KEPT,
    LANGUAGE_FILTERS,
    NO_LANGUAGE,
    NOT_KEPT,
    OPEN,
    READS_OTHERWISE,
    RunListQuery,
)
from results import tags
from results.models import Run, RunQuerySet
from results.transcripts import languages
from teams.models import User


class Choice(NamedTuple):
    """What a filter may be set to. The number is that of the runs which this shows, by the other filters too."""

    value: str
    name: str
    runs: int


class RunFilter(NamedTuple):
    """One filter of the menu, with what it may be set to; `field` is its name in URLs."""

    field: str
    label: str
    without: str
    """What the list shows without this filter."""
    choices: list[Choice]
    value: str


def build_filters(team_id: int, wanted: RunListQuery) -> list[RunFilter]:
    """Return the filters that have a choice. They take the same number of queries for any number of runs."""
    runs = Run.objects.filter(team=team_id)
    every, anyone = _("All"), _("Anyone")
    who = str(wanted.who or "")
    filters = [
        RunFilter("status", _("Status"), every, _statuses(runs, wanted), wanted.status),
        RunFilter("lang", _("Language"), every, _languages(runs, wanted), wanted.lang),
        RunFilter("tag", _("Tag"), every, _tags(runs, wanted), ""),
        RunFilter("who", _("Added by"), anyone, _people(team_id, runs, wanted), who),
        RunFilter("copies", _("Media"), every, _copies(runs, wanted), wanted.copies),
        RunFilter("checks", _("Review checks"), every, _checks(runs, wanted), wanted.checks),
    ]
    return [one for one in filters if one.choices]


def who_name(team_id: int, user_id: int) -> str:
    """Return the name of a person of the team, or of one who added runs and has left; "?" for others, "" for 0."""
    return _names(team_id, [user_id]).get(user_id, "?") if user_id else ""


def _names(team_id: int, user_ids: Iterable[int]) -> dict[int, str]:
    added = Run.objects.filter(team=team_id, added_by=OuterRef("pk"))
    known = Q(memberships__team=team_id) | Exists(added)
    return {user.pk: str(user) for user in User.objects.filter(known, pk__in=user_ids).distinct()}


def _count(runs: RunQuerySet, wanted: RunListQuery, **changes: str) -> int:
    return replace(wanted, **changes).matching(runs).count()  # type: ignore[arg-type]


def _statuses(runs: RunQuerySet, wanted: RunListQuery) -> list[Choice]:
    counts = status_counts(wanted.named(runs))
    names = {status.value: str(status.label) for status in Run.Status} | {ARCHIVED: _("Archived")}
    return [Choice(value, names[value], n) for value, n in counts.items() if n or value == wanted.status]


def _languages(runs: RunQuerySet, wanted: RunListQuery) -> list[Choice]:
    """Return the languages of the runs, each with its regions, and the filters that stand beside languages."""
    counts: Counter[str] = Counter()
    spoken = replace(wanted, lang="").matching(runs).order_by().values_list("languages").annotate(Count("pk"))
    for in_run, count in spoken:
        counts.update(dict.fromkeys({languages.primary(tag) if tag else NO_LANGUAGE for tag in in_run}, count))
    if not counts and not wanted.lang:
        return []
    special = {NO_LANGUAGE: counts.pop(NO_LANGUAGE, 0)}
    special |= {value: _count(runs, wanted, lang=value) for value in (GUESSED, READS_OTHERWISE)}
    if wanted.lang not in {"", *counts, *special}:
        counts[wanted.lang] = _count(runs, wanted)
    named = sorted(((languages.name(tag), tag) for tag in counts), key=lambda choice: choice[0].casefold())
    return [Choice(tag, name, counts[tag]) for name, tag in named] + [
        Choice(value, str(LANGUAGE_FILTERS[value]), count) for value, count in special.items()
    ]


def _tags(runs: RunQuerySet, wanted: RunListQuery) -> list[Choice]:
    """Return the tags that can be added to those of the filter: the most used ones, by name."""
    on = {tags.fold(name) for name in wanted.tag}
    counts = Counter(tags.counts_among(wanted.matching(runs))).most_common(tags.MAX_OFFERED)
    offered = [Choice(name, name, count) for name, count in counts if tags.fold(name) not in on]
    return sorted(offered, key=lambda choice: choice.name.casefold())


def _people(team_id: int, runs: RunQuerySet, wanted: RunListQuery) -> list[Choice]:
    """Return those who added the runs, also those who have left the team."""
    added = replace(wanted, who=0).matching(runs).exclude(added_by=None).order_by().values_list("added_by")
    counts = dict(added.annotate(Count("pk")))
    if wanted.who:
        counts.setdefault(wanted.who, 0)
    names = _names(team_id, counts)
    offered = [Choice(str(pk), names.get(pk, "?"), count) for pk, count in counts.items()]
    return sorted(offered, key=lambda choice: choice.name.casefold())


def _copies(runs: RunQuerySet, wanted: RunListQuery) -> list[Choice]:
    kept, every = _count(runs, wanted, copies=KEPT), _count(runs, wanted, copies="")
    return [Choice(KEPT, _("Kept here"), kept), Choice(NOT_KEPT, _("Not kept"), every - kept)]


def _checks(runs: RunQuerySet, wanted: RunListQuery) -> list[Choice]:
    return [Choice(OPEN, _("Has some"), _count(runs, wanted, checks=OPEN))]
