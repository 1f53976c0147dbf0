"""Page model of the Filter menu of the list: the choices of each filter, with the number of their runs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django.db.models import Case, Count, Exists, OuterRef, Q, When
from django.db.models.functions import Coalesce
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
from results.models import MediaCopy, Run, RunQuerySet
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


class RunGroup(NamedTuple):
    """Runs that are alike in what the filters tell apart."""

    added_by: int
    has_checks: bool
    is_guessed: bool
    reads_otherwise: bool
    languages: list[str]
    """The tag of each dub; empty for a dub without one."""
    runs: int

    def is_in(self, lang: str) -> bool:
        """Return whether the filter by this language, or one of LANGUAGE_FILTERS, lets these runs through."""
        if lang == GUESSED:
            return self.is_guessed
        if lang == READS_OTHERWISE:
            return self.reads_otherwise
        tag = "" if lang == NO_LANGUAGE else lang
        return tag in self.languages or any(tag and spoken.startswith(f"{tag}-") for spoken in self.languages)


def _passing(groups: Iterable[RunGroup], wanted: RunListQuery) -> list[RunGroup]:
    """Return the groups that pass the filters by language, person and review checks."""
    return [
        group
        for group in groups
        if (not wanted.lang or group.is_in(wanted.lang))
        and wanted.who in (0, group.added_by)
        and (not wanted.checks or group.has_checks)
    ]


def _groups(runs: RunQuerySet) -> list[RunGroup]:
    """Return these runs in groups, by one query: what takes long is to group 100,000 runs."""
    # One number in place of four columns: SQLite groups by it in less than half the time.
    kind = Coalesce("added_by", 0) * 8 + _flag(4, check_count__gt=0)
    kind += _flag(2, guessed_languages__isnull=False) + _flag(1, language_mismatches__isnull=False)
    counted = runs.order_by().annotate(kind=kind).values_list("languages", "kind").annotate(Count("pk"))
    return [
        RunGroup(kind // 8, bool(kind & 4), bool(kind & 2), bool(kind & 1), tags_of_runs, count)
        for tags_of_runs, kind, count in counted
    ]


def _flag(value: int, **condition: Any) -> Case:
    return Case(When(**condition, then=value), default=0)


def build_filters(team_id: int, wanted: RunListQuery) -> list[RunFilter]:
    """Return the filters that have a choice. They take the same number of queries for any number of runs."""
    runs = Run.objects.filter(team=team_id)
    groups = _groups(replace(wanted, lang="", who=0, checks="").matching(runs))
    count = sum(group.runs for group in _passing(groups, wanted))
    spoken = _languages(_passing(groups, replace(wanted, lang="")), wanted)
    people = _people(team_id, _passing(groups, replace(wanted, who=0)), wanted)
    reviewed = _checks(_passing(groups, replace(wanted, checks=OPEN)))
    every, anyone = _("All"), _("Anyone")
    filters = [
        RunFilter("status", _("Status"), every, _statuses(runs, wanted), wanted.status),
        RunFilter("lang", _("Language"), every, spoken, wanted.lang),
        RunFilter("tag", _("Tag"), every, _tags(team_id, runs, wanted, count), ""),
        RunFilter("who", _("Added by"), anyone, people, str(wanted.who or "")),
        RunFilter("copies", _("Media"), every, _copies(team_id, runs, wanted, count), wanted.copies),
        RunFilter("checks", _("Review checks"), every, reviewed, wanted.checks),
    ]
    return [one for one in filters if one.choices]


def who_name(team_id: int, user_id: int) -> str:
    """Return the name of a person of the team, or of one who added runs and has left; "?" for others, "" for 0."""
    return _names(team_id, [user_id]).get(user_id, "?") if user_id else ""


def _names(team_id: int, user_ids: Iterable[int]) -> dict[int, str]:
    added = Run.objects.filter(team=team_id, added_by=OuterRef("pk"))
    known = Q(memberships__team=team_id) | Exists(added)
    return {user.pk: str(user) for user in User.objects.filter(known, pk__in=user_ids).distinct()}


def _statuses(runs: RunQuerySet, wanted: RunListQuery) -> list[Choice]:
    counts = status_counts(wanted.named(runs))
    names = {status.value: str(status.label) for status in Run.Status} | {ARCHIVED: _("Archived")}
    return [Choice(value, names[value], n) for value, n in counts.items() if n or value == wanted.status]


def _languages(groups: Sequence[RunGroup], wanted: RunListQuery) -> list[Choice]:
    """Return the languages of the runs, each with its regions, and the filters that stand beside languages."""
    counts: Counter[str] = Counter()
    special = Counter(dict.fromkeys(LANGUAGE_FILTERS, 0))
    for group in groups:
        for tag in {languages.primary(tag) for tag in group.languages if tag}:
            counts[tag] += group.runs
        for value in LANGUAGE_FILTERS:
            special[value] += group.runs if group.is_in(value) else 0
    if not groups and not wanted.lang:
        return []
    if wanted.lang not in {"", *counts, *special}:
        counts[wanted.lang] = sum(group.runs for group in groups if group.is_in(wanted.lang))
    named = sorted(((languages.name(tag), tag) for tag in counts), key=lambda choice: choice[0].casefold())
    return [Choice(tag, name, counts[tag]) for name, tag in named] + [
        Choice(value, str(LANGUAGE_FILTERS[value]), count) for value, count in special.items()
    ]


def _tags(team_id: int, runs: RunQuerySet, wanted: RunListQuery, count: int) -> list[Choice]:
    """Return the tags that can be added to those of the filter: the most used ones, by name.

    `count` is the number of runs that the filter lets through.
    """
    on = {tags.fold(name) for name in wanted.tag}
    matching = wanted.matching(runs)
    if 2 * count > runs.count():
        others = runs.filter(archived_at__isnull=False)
        others = others if wanted.is_everything else runs.exclude(pk__in=matching.values("pk"))
        found = Counter(tags.counts_beside(team_id, others))
    else:
        found = Counter(tags.counts_among(matching))
    offered = [
        Choice(name, name, n) for name, n in found.most_common(tags.MAX_OFFERED) if tags.fold(name) not in on
    ]
    return sorted(offered, key=lambda choice: choice.name.casefold())


def _people(team_id: int, groups: Iterable[RunGroup], wanted: RunListQuery) -> list[Choice]:
    """Return those who added the runs, also those who have left the team."""
    counts = Counter({wanted.who: 0} if wanted.who else {})
    for group in groups:
        if group.added_by:
            counts[group.added_by] += group.runs
    names = _names(team_id, counts)
    offered = [Choice(str(pk), names.get(pk, "?"), count) for pk, count in counts.items()]
    return sorted(offered, key=lambda choice: choice.name.casefold())


def _copies(team_id: int, runs: RunQuerySet, wanted: RunListQuery, count: int) -> list[Choice]:
    every = replace(wanted, copies="").matching(runs)
    copies = MediaCopy.objects.filter(state=MediaCopy.State.KEPT, dub__team=team_id)
    # Read once for all runs, and not for each run as by the list's filter.
    kept = every.filter(pk__in=copies.values("dub__run")).count() if copies.exists() else 0
    not_kept = (every.count() if wanted.copies else count) - kept
    return [Choice(KEPT, _("Kept here"), kept), Choice(NOT_KEPT, _("Not kept"), not_kept)]


def _checks(groups: Iterable[RunGroup]) -> list[Choice]:
    return [Choice(OPEN, _("With review checks"), sum(group.runs for group in groups))]
