"""Joins runs that are dubs of one original as its source, and takes them apart again."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from results.db import bulk, chunks
from results.models import Run, RunQuerySet, Source, TeamVersion
from results.runs.source_names import without_language
from teams import audit
from teams.models import Team

# CAMB.AI dubs into about 150 languages. A page shows all runs of a source, so there must be an end.
MAX_RUNS = 200
_GROUPS_PER_TRANSACTION = 50
_TITLES_PER_QUERY = 500
# The fields of a run, and of its source, that Undo gives back.
_UNDONE = ("source", "source__title", "suggestion", "is_apart")


class TooManyRunsError(Exception):
    """A source would have more than MAX_RUNS runs. The message is a sentence for users."""

    def __init__(self) -> None:
        super().__init__(_("A source has at most %(most)s runs.") % {"most": MAX_RUNS})


class RunBefore(NamedTuple):
    """What Undo gives back to a run."""

    pk: int
    source_id: int | None
    source_title: str
    suggestion: int | None
    is_apart: bool

    @classmethod
    def of(cls, run: Run) -> "RunBefore":
        return cls(run.pk, run.source_id, run.source.title if run.source else "", run.suggestion, run.is_apart)


class Join(NamedTuple):
    """A source, and its runs as they were before they were joined as it."""

    source: Source
    before: list[RunBefore]


def join_runs(team: Team, pks: Collection[int], title: str = "") -> Source | None:
    """Make these runs of the team, and all runs of their sources, one source; return it.

    Returns None if they are fewer than two. Raises TooManyRunsError, and then joins none of them.
    """
    joins = join_groups(team, [pks], title)
    return joins[0].source if joins else None


def join_groups(team: Team, groups: Sequence[Collection[int]], title: str = "") -> list[Join]:
    """Join each group of runs of the team as `join_runs` does, in short transactions."""
    joins, is_recorded = [], False
    for start in range(0, len(groups), _GROUPS_PER_TRANSACTION):
        with transaction.atomic():
            # One order of locks everywhere avoids deadlocks: the team, its runs by pk, the version.
            Team.objects.select_for_update(no_key=True).get(pk=team.pk)
            part, version = groups[start : start + _GROUPS_PER_TRANSACTION], 0
            every = {pk for group in part for pk in _companions(team, group)}
            _lock(Run.objects.filter(team=team, pk__in=every))
            for group in part:
                if join := _join(team, group, title):
                    joins.append(join)
                    version = version or TeamVersion.bump(team.pk)
                    join.source.runs.update(version=version)
            if version and not is_recorded:
                count = sum(map(len, groups))
                audit.record(team, audit.Action.RUNS_EDITED, "joined as one source", count=count)
                is_recorded = True
    return joins


def join_named(team: Team, titles: Mapping[int, str]) -> None:
    """Join runs of the team under titles of sources, given by the run's pk, with the source of that title if any.

    A run that has a source keeps it, and a title that a single run has makes none.
    """
    if not titles:
        return
    sizes = Counter(titles.values())
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        known = Source.objects.filter(team=team).annotate(size=Count("runs")).order_by("-pk")
        by_title: dict[str, Source] = {}
        for source in known:
            if source.title in sizes:
                by_title[source.title] = source
                sizes[source.title] += source.size
        new = [title for title, size in sizes.items() if title not in by_title and 1 < size <= MAX_RUNS]
        by_title |= {one.title: one for one in Source.objects.bulk_create(Source(team=team, title=t) for t in new)}
    fitting = {
        pk: by_title[title] for pk, title in titles.items() if title in by_title and sizes[title] <= MAX_RUNS
    }

    def join(pks: list[int]) -> None:
        rows = list(Run.objects.filter(pk__in=pks))
        for run in rows:
            run.source, run.suggestion = fitting[run.pk], None
        bulk.update(Run, rows, ("source", "suggestion"))

    chunks.update_in_chunks(team, fitting, join, which=Q(source=None))
    for start in range(0, len(new), _TITLES_PER_QUERY):
        made = Source.objects.filter(
            pk__in=[by_title[title].pk for title in new[start : start + _TITLES_PER_QUERY]]
        )
        made.annotate(size=Count("runs")).filter(size__lt=2).delete()


def _join(team: Team, pks: Collection[int], title: str) -> Join | None:
    runs = _with_companions(team, pks)
    if len(runs) < 2:
        return None
    if len(runs) > MAX_RUNS:
        raise TooManyRunsError
    before = [RunBefore.of(run) for run in runs]
    known = sorted({run.source_id for run in runs if run.source_id})
    source = Source.objects.get(pk=known[0]) if known else Source(team=team)
    if not source.title or title:
        named = next((run.title for run in runs if run.title), "")
        source.title = (title or without_language(named) or named)[: Source.MAX_TITLE]
    source.save()
    Run.objects.filter(pk__in=[run.pk for run in runs]).update(source=source, suggestion=None, is_apart=False)
    Source.objects.filter(pk__in=known[1:]).delete()
    return Join(source, before)


def _with_companions(team: Team, pks: Collection[int]) -> list[Run]:
    """Return these runs of the team with all runs of their sources, by pk."""
    runs = Run.objects.filter(team=team, pk__in=_companions(team, pks))
    return list(runs.order_by("pk").select_related("source").only("title", *_UNDONE))


def _companions(team: Team, pks: Collection[int]) -> set[int]:
    """Return these runs of the team and those of their sources; more than MAX_RUNS are too many to be joined."""
    runs = Run.objects.filter(team=team)
    of_sources = runs.present().filter(pk__in=pks, source__isnull=False).values("source")
    return {*runs.present().filter(pk__in=pks).pks(), *runs.filter(source__in=of_sources)[: MAX_RUNS + 1].pks()}


def undo_joins(team: Team, joins: Sequence[tuple[int, Sequence[Sequence[Any]]]]) -> None:
    """Give runs that are still in these sources back what they had before they were joined in them.

    Each join is the id of a source and `Join.before`.
    """
    is_recorded = False
    for start in range(0, len(joins), _GROUPS_PER_TRANSACTION):
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=team.pk)
            if _undo_joins(team, joins[start : start + _GROUPS_PER_TRANSACTION]) and not is_recorded:
                count = sum(len(before) for _source_id, before in joins)
                audit.record(team, audit.Action.RUNS_EDITED, "no longer joined as one source", count=count)
                is_recorded = True


def _undo_joins(team: Team, joins: Sequence[tuple[int, Sequence[Sequence[Any]]]]) -> bool:
    """Undo these joins of the team, which is locked; return whether their sources have runs."""
    ids = [source_id for source_id, _before in joins]
    runs = Run.objects.filter(team=team, source__in=ids).select_for_update().order_by("pk")
    joined = {run.pk: run for run in runs.only("source_id")}
    if not joined:
        return False
    of_now, sources = {pk: run.source_id for pk, run in joined.items()}, dict[int, Source]()
    version = TeamVersion.bump(team.pk)
    changed = []
    for source_id, before in joins:
        for row in map(RunBefore._make, before):
            if of_now.get(row.pk) != source_id:
                continue
            if row.source_id and row.source_id not in sources:
                sources[row.source_id] = _source_again(team, row.source_id, row.source_title)
            run = joined[row.pk]
            run.source = sources[row.source_id] if row.source_id else None
            run.suggestion, run.is_apart = row.suggestion, row.is_apart
            changed.append(run)
    bulk.update(Run, changed, ("source", "suggestion", "is_apart"))
    # Those too that joined a source since then, and stay.
    Run.objects.filter(pk__in=joined).update(version=version)
    _delete_singles({*ids, *(source.pk for source in sources.values())})
    return True


def _source_again(team: Team, source_id: int, title: str) -> Source:
    """Return the team's source of this id with this title, or a new one if it was deleted."""
    source = Source.objects.filter(team=team, pk=source_id).first() or Source(team=team)
    source.title = title
    source.save()
    return source


def take_apart(run: Run) -> None:
    """Take this run out of its source, and suggest none for it again. A source of a single run is deleted."""
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=run.team_id)
        _lock(Run.objects.filter(source=run.source_id) if run.source_id else Run.objects.filter(pk=run.pk))
        version = TeamVersion.bump(run.team_id)
        Run.objects.filter(pk=run.pk).update(source=None, suggestion=None, is_apart=True, version=version)
        chunks.record_runs(run.team_id, audit.Action.RUNS_EDITED, [run.pk], "taken out of its source")
        if run.source_id:
            rest = Run.objects.filter(source=run.source_id)
            rest.update(version=version)
            delete_if_single(run.source_id)


def refuse_suggestion(team: Team, pks: Collection[int]) -> list[RunBefore]:
    """Note that these runs of the team are of different sources, so that this is not suggested again.

    Runs that have a source keep it, and only others are suggested no more. Returns the runs as they were.
    """
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        named = Run.objects.filter(team=team, pk__in=pks).select_related("source").only(*_UNDONE)
        runs = list(named.select_for_update(of=("self",)).order_by("pk"))
        before = [RunBefore.of(run) for run in runs]
        alone = [run.pk for run in runs if run.source_id is None]
        Run.objects.filter(pk__in=[run.pk for run in runs]).update(suggestion=None)
        Run.objects.filter(pk__in=alone or [run.pk for run in runs]).update(is_apart=True)
        TeamVersion.bump(team.pk)
        if runs:
            audit.record(team, audit.Action.RUNS_EDITED, "not of one source", count=len(runs))
    return before


def undo_refusal(team: Team, before: Sequence[Sequence[Any]]) -> None:
    """Suggest these runs as one source again, except those that have joined a source or a suggestion since then."""
    rows = {row.pk: row for row in map(RunBefore._make, before)}
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        refused = Run.objects.filter(team=team, pk__in=rows, suggestion=None).select_for_update().order_by("pk")
        runs = [run for run in refused.only("source_id") if run.source_id == rows[run.pk].source_id]
        for run in runs:
            run.suggestion, run.is_apart = rows[run.pk].suggestion, rows[run.pk].is_apart
        bulk.update(Run, runs, ("suggestion", "is_apart"))
        if runs:
            Run.objects.filter(pk__in=[run.pk for run in runs]).update(version=TeamVersion.bump(team.pk))
            audit.record(team, audit.Action.RUNS_EDITED, "suggested as one source again", count=len(runs))


def rename_source(source: Source, title: str) -> None:
    """Give the source a title; an empty one leaves it to the titles of its runs."""
    with transaction.atomic():
        runs = _lock(source.runs.all())
        version = TeamVersion.bump(source.team_id)
        Source.objects.filter(pk=source.pk).update(title=title)
        audit.record(source.team_id, audit.Action.RUNS_EDITED, "title of the source", count=len(runs))
        Run.objects.filter(pk__in=[run.pk for run in runs]).update(version=version)


def delete_if_single(source_id: int) -> None:
    """Delete the source if it has fewer than two runs, as nothing is left to link."""
    _delete_singles([source_id])


def _delete_singles(ids: Collection[int]) -> None:
    Source.objects.filter(pk__in=ids).annotate(size=Count("runs")).filter(size__lt=2).delete()


def _lock(runs: RunQuerySet) -> list[Run]:
    return list(runs.select_for_update().order_by("pk").only("pk", "source_id"))
