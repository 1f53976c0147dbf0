"""Joins runs that are dubs of one original as its source, and takes them apart again."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

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


class TooManyRunsError(Exception):
    """A source would have more than MAX_RUNS runs. The message is a sentence for users."""

    def __init__(self) -> None:
        super().__init__(_("A source has at most %(most)s runs.") % {"most": MAX_RUNS})


def join_runs(team: Team, pks: Collection[int], title: str = "") -> Source | None:
    """Make these runs of the team, and all runs of their sources, one source; return it.

    Returns None if they are fewer than two. Raises TooManyRunsError, and then joins none of them.
    """
    joined = join_groups(team, [pks], title)
    return joined[0] if joined else None


def join_groups(team: Team, groups: Sequence[Collection[int]], title: str = "") -> list[Source]:
    """Join each group of runs of the team as `join_runs` does, in short transactions; return the sources."""
    sources, is_recorded = [], False
    for start in range(0, len(groups), _GROUPS_PER_TRANSACTION):
        with transaction.atomic():
            # One order of locks everywhere avoids deadlocks: the team, its runs by pk, the version.
            Team.objects.select_for_update(no_key=True).get(pk=team.pk)
            part, version = groups[start : start + _GROUPS_PER_TRANSACTION], 0
            every = {pk for group in part for pk in _companions(team, group)}
            _lock(Run.objects.filter(team=team, pk__in=every))
            for group in part:
                if source := _join(team, group, title):
                    sources.append(source)
                    version = version or TeamVersion.bump(team.pk)
                    source.runs.update(version=version)
            if version and not is_recorded:
                count = sum(map(len, groups))
                audit.record(team, audit.Action.RUNS_EDITED, "joined as one source", count=count)
                is_recorded = True
    return sources


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


def _join(team: Team, pks: Collection[int], title: str) -> Source | None:
    runs = _with_companions(team, pks)
    if len(runs) < 2:
        return None
    if len(runs) > MAX_RUNS:
        raise TooManyRunsError
    known = sorted({run.source_id for run in runs if run.source_id})
    source = Source.objects.get(pk=known[0]) if known else Source(team=team)
    if not source.title or title:
        named = next((run.title for run in runs if run.title), "")
        source.title = (title or without_language(named) or named)[: Source.MAX_TITLE]
    source.save()
    Run.objects.filter(pk__in=[run.pk for run in runs]).update(source=source, suggestion=None, is_apart=False)
    Source.objects.filter(pk__in=known[1:]).delete()
    return source


def _with_companions(team: Team, pks: Collection[int]) -> list[Run]:
    """Return these runs of the team with all runs of their sources, by pk."""
    runs = Run.objects.filter(team=team, pk__in=_companions(team, pks))
    return list(runs.order_by("pk").only("title", "source_id"))


def _companions(team: Team, pks: Collection[int]) -> set[int]:
    """Return these runs of the team and those of their sources; more than MAX_RUNS are too many to be joined."""
    runs = Run.objects.filter(team=team)
    of_sources = runs.present().filter(pk__in=pks, source__isnull=False).values("source")
    return {*runs.present().filter(pk__in=pks).pks(), *runs.filter(source__in=of_sources)[: MAX_RUNS + 1].pks()}


def before_joining(team: Team, pks: Collection[int]) -> list[tuple[Any, ...]]:
    """Return what `undo_join` needs of the runs that would be joined with these, each with its present source."""
    runs = Run.objects.filter(team=team, pk__in=_companions(team, pks)).order_by("pk")
    return list(runs.values_list("pk", "source", "source__title", "suggestion", "is_apart"))


def undo_join(team: Team, source_id: int, before: Iterable[Sequence[Any]]) -> None:
    """Give runs that are still in this source back to those that they had before they were joined in it."""
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        joined = {run.pk for run in _lock(Run.objects.filter(team=team, source=source_id))}
        if not joined:
            return
        version = TeamVersion.bump(team.pk)
        sources: dict[int, Source] = {}
        for pk, old_id, title, suggestion, is_apart in before:
            if pk not in joined:
                continue
            if old_id and old_id not in sources:
                sources[old_id] = _source_again(team, old_id, title)
            changes = {"source": sources.get(old_id), "suggestion": suggestion, "is_apart": is_apart}
            Run.objects.filter(pk=pk).update(version=version, **changes)
        # Runs that joined it since then, and stay.
        Run.objects.filter(source=source_id).update(version=version)
        for left in {source_id, *(source.pk for source in sources.values())}:
            delete_if_single(left)
        audit.record(team, audit.Action.RUNS_EDITED, "no longer joined as one source", count=len(joined))


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


def refuse_suggestion(team: Team, pks: Collection[int]) -> int:
    """Note that these runs of the team are of different sources, so that this is not suggested again.

    Runs that have a source keep it, and only others are suggested no more. Returns the number of runs.
    """
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        runs = _lock(Run.objects.filter(team=team, pk__in=pks))
        alone = [run.pk for run in runs if run.source_id is None]
        Run.objects.filter(pk__in=[run.pk for run in runs]).update(suggestion=None)
        Run.objects.filter(pk__in=alone or [run.pk for run in runs]).update(is_apart=True)
        TeamVersion.bump(team.pk)
        if runs:
            audit.record(team, audit.Action.RUNS_EDITED, "not of one source", count=len(runs))
    return len(runs)


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
    Source.objects.filter(pk=source_id).annotate(size=Count("runs")).filter(size__lt=2).delete()


def _lock(runs: RunQuerySet) -> list[Run]:
    return list(runs.select_for_update().order_by("pk").only("pk", "source_id"))
