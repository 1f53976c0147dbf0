"""What do people do with their team's runs: add them, ask for them, watch them, remove them, or all of it?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self

from django.db import transaction

from results import queue, tags
from results.models import Run, TeamVersion
from results.runs import pasted_ids
from teams.models import Team, User


@dataclass(frozen=True)
class PastedRuns:
    """What a text's lines are to a team: what it would track, has already, or cannot use."""

    new: list[pasted_ids.PastedId]
    tasks: list[pasted_ids.PastedId]
    known: list[pasted_ids.PastedId]
    archived: list[pasted_ids.PastedId]
    repeated: list[pasted_ids.PastedId]
    odd: list[pasted_ids.PastedId]
    words: list[pasted_ids.PastedId]

    @classmethod
    def of(cls, team: Team, lines: Sequence[pasted_ids.PastedId]) -> Self:
        kinds: dict[pasted_ids.Verdict, list[pasted_ids.PastedId]] = {verdict: [] for verdict in pasted_ids.Verdict}
        for line in lines:
            kinds[line.verdict].append(line)
        found = [*kinds[pasted_ids.Verdict.ID], *kinds[pasted_ids.Verdict.TASK]]
        here = known_runs(team, found)
        there = [(line, here[line.found]) for line in found if line.found in here]
        return cls(
            new=[line for line in kinds[pasted_ids.Verdict.ID] if line.found not in here],
            tasks=[line for line in kinds[pasted_ids.Verdict.TASK] if line.found not in here],
            known=[line for line, run in there if run.archived_at is None],
            archived=[line for line, run in there if run.archived_at is not None],
            repeated=kinds[pasted_ids.Verdict.REPEATED],
            odd=kinds[pasted_ids.Verdict.NOT_AN_ID],
            words=kinds[pasted_ids.Verdict.WORD],
        )

    @property
    def lines(self) -> list[pasted_ids.PastedId]:
        """Those with an id."""
        return [*self.new, *self.known, *self.archived, *self.tasks]


def known_runs(team: Team, lines: Sequence[pasted_ids.PastedId]) -> dict[int | str, Run]:
    """The runs that the team has of these lines, by what was found in each."""
    run_ids = [line.run_id for line in lines if line.run_id]
    task_ids = [line.task_id for line in lines if line.task_id]
    runs: dict[int | str, Run] = {run.camb_run_id or 0: run for run in _known(team, "camb_run_id", run_ids)}
    return runs | {run.camb_task_id: run for run in _known(team, "camb_task_id", task_ids)}


@dataclass(frozen=True)
class AddedRuns:
    """How many runs were new, and which ids the team had already."""

    new: int
    known: list[int]


def add_runs(team: Team, pairs: Sequence[tuple[int, str]], added_by: User | None) -> AddedRuns:
    """Track these (CAMB.AI run id, title) pairs in the team; a title also names a run that had none."""
    titles = dict(pairs)
    with transaction.atomic():
        _wait_for_other_adders(team)
        known = {run.camb_run_id or 0: run for run in _known(team, "camb_run_id", titles)}
        named = [run for run_id, run in known.items() if not run.title and titles[run_id]]
        list(Run.objects.filter(pk__in=[run.pk for run in named]).select_for_update().order_by("pk"))
        version = TeamVersion.bump(team.pk)
        new = [
            Run(team=team, camb_run_id=run_id, title=title[:200], added_by=added_by, version=version)
            for run_id, title in titles.items()
            if run_id not in known
        ]
        Run.objects.bulk_create(new)
        for run in named:
            run.title, run.version = titles[run.camb_run_id or 0][:200], version
        Run.objects.bulk_update(named, ["title", "version"], batch_size=200)
        queue.enqueue("refresh_due")
    return AddedRuns(new=len(new), known=sorted(known))


def add_tasks(team: Team, pairs: Sequence[tuple[str, str]], added_by: User | None) -> int:
    """Follow these (CAMB.AI task id, title) pairs until each has a run id or has failed.

    Returns how many were new; one that became a run is known by its task id for ever.
    """
    with transaction.atomic():
        _wait_for_other_adders(team)
        version = TeamVersion.bump(team.pk)
        titles = dict(pairs)
        known = {run.camb_task_id for run in _known(team, "camb_task_id", titles)}
        new = [
            Run(team=team, camb_task_id=task_id, title=title[:200], added_by=added_by, version=version)
            for task_id, title in titles.items()
            if task_id not in known
        ]
        Run.objects.bulk_create(new)
        queue.enqueue("refresh_due")
    return len(new)


def add_pasted(team: Team, lines: Sequence[pasted_ids.PastedId], added_by: User | None) -> tuple[int, int]:
    """Track the runs and tasks of these lines, with their titles and tags, which known ones are given as well.

    Returns how many are new, and how many were known.
    """
    runs = {line.run_id: line for line in lines if line.verdict is pasted_ids.Verdict.ID}
    tasks = {line.task_id: line for line in lines if line.verdict is pasted_ids.Verdict.TASK}
    new = add_runs(team, [(run_id, line.title) for run_id, line in runs.items()], added_by).new
    new += add_tasks(team, [(task_id, line.title) for task_id, line in tasks.items()], added_by)
    tagged_runs = {run_id: line.tags for run_id, line in runs.items() if line.tags}
    tagged_tasks = {task_id: line.tags for task_id, line in tasks.items() if line.tags}
    tags.add_tags(
        team,
        {run.pk: tagged_runs[run.camb_run_id or 0] for run in _known(team, "camb_run_id", tagged_runs)}
        | {run.pk: tagged_tasks[run.camb_task_id] for run in _known(team, "camb_task_id", tagged_tasks)},
    )
    return new, len(runs) + len(tasks) - new


def _known(team: Team, field: str, ids: Iterable[int] | Iterable[str]) -> Iterator[Run]:
    """Those of these ids that the team has already; looked up in parts, as a database takes only so many values."""
    rest = iter(ids)
    runs = Run.objects.filter(team=team).only("camb_run_id", "camb_task_id", "title", "archived_at")
    while part := list(islice(rest, 500)):
        yield from runs.filter(**{f"{field}__in": part})


def _wait_for_other_adders(team: Team) -> None:
    """Make two people who add the same ids at once wait for each other, and nobody else for them."""
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
