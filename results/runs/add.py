"""Adds runs and dubbing tasks to a team, and sorts pasted ids into new, known and refused ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self

from django.db import transaction

from results import clock, queue, tags
from results.db.retry import retry_lost_race
from results.dubs import languages as dub_languages
from results.models import Run, TeamVersion
from results.runs.paste.verdicts import PastedId, Verdict
from results.runs.source import join_named
from results.runs.trash import restore_removed
from results.search import titles
from teams import audit
from teams.models import Team, User

_IDS_PER_QUERY = 500


@dataclass(frozen=True)
class PastedRuns:
    """The lines of a pasted text, sorted by what adding them to a team would do."""

    new: list[PastedId]
    tasks: list[PastedId]
    known: list[PastedId]
    archived: list[PastedId]
    removed: list[PastedId]
    bad: list[PastedId]
    repeated: list[PastedId]
    no_ids: list[PastedId]
    words: list[PastedId]
    known_runs: dict[int | str, Run]
    """The runs that the team has, archived and removed ones included, by each line's `found` id."""

    @classmethod
    def of(cls, team: Team, lines: Sequence[PastedId]) -> Self:
        """Sort these lines; `tasks` are new dubbing tasks, `known` and `archived` are runs that the team has.

        The runs of `removed` are in the trash, from where adding restores them.
        """
        by_verdict: dict[Verdict, list[PastedId]] = {verdict: [] for verdict in Verdict}
        for line in lines:
            by_verdict[line.verdict].append(line)
        runs, tasks = by_verdict[Verdict.ID], by_verdict[Verdict.TASK]
        known = known_runs(team, [*runs, *tasks])
        known_lines = [(line, known[line.found]) for line in (*runs, *tasks) if line.found in known]
        return cls(
            new=[line for line in runs if line.found not in known],
            tasks=[line for line in tasks if line.found not in known],
            known=[line for line, run in known_lines if run.archived_at is None],
            archived=[line for line, run in known_lines if run.archived_at and not run.removed_at],
            removed=[line for line, run in known_lines if run.removed_at],
            bad=by_verdict[Verdict.BAD_ID],
            repeated=by_verdict[Verdict.REPEATED],
            no_ids=by_verdict[Verdict.NOT_AN_ID],
            words=by_verdict[Verdict.WORD],
            known_runs=known,
        )

    @property
    def lines(self) -> list[PastedId]:
        """The lines with an id, each id once."""
        return [*self.new, *self.known, *self.archived, *self.removed, *self.tasks]


@dataclass(frozen=True)
class AddedRuns:
    """The number of new runs, and the CAMB.AI ids of those that the team had already."""

    new: int
    known: list[int]


def known_runs(team: Team, lines: Sequence[PastedId]) -> dict[int | str, Run]:
    """Return the runs of these lines that the team has, by their `found` ids.

    Archived runs are among them, and removed ones that can be restored.
    """
    run_ids = [line.run_id for line in lines if line.run_id]
    task_ids = [line.task_id for line in lines if line.task_id]
    runs: dict[int | str, Run] = {run.camb_run_id or 0: run for run in _known(team, "camb_run_id", run_ids)}
    return runs | {run.camb_task_id: run for run in _known(team, "camb_task_id", task_ids)}


def add_pasted(team: Team, lines: Sequence[PastedId], added_by: User | None) -> tuple[int, int]:
    """Add the runs and tasks of these lines to the team, with their titles, tags and languages.

    Known ones get the tags too, and the title or the language that they lack. Those in the trash come back into
    the list. Returns (number of new ones, number of known ones).
    """
    runs = {line.run_id: line for line in lines if line.verdict is Verdict.ID}
    tasks = {line.task_id: line for line in lines if line.verdict is Verdict.TASK}
    given = {line.found: line.language for line in (*runs.values(), *tasks.values()) if line.language}
    known = known_runs(team, [*runs.values(), *tasks.values()]).values()
    if removed := [run.pk for run in known if run.removed_at]:
        restore_removed(team, removed, into_list=True)
    new = add_runs(team, [(run_id, line.title) for run_id, line in runs.items()], added_by, given).new
    new += add_tasks(team, [(task_id, line.title) for task_id, line in tasks.items()], added_by, given)
    _give_languages(team, [line for line in (*runs.values(), *tasks.values()) if line.language])
    tagged = [line for line in (*runs.values(), *tasks.values()) if line.tags]
    names = {line.found: line.tags for line in tagged}
    tags.add_tags(team, {run.pk: names[found] for found, run in known_runs(team, tagged).items()})
    grouped = [line for line in (*runs.values(), *tasks.values()) if line.source]
    source_of = {line.found: line.source for line in grouped}
    join_named(team, {run.pk: source_of[found] for found, run in known_runs(team, grouped).items()})
    return new, len(runs) + len(tasks) - new


@retry_lost_race
@transaction.atomic
def add_runs(
    team: Team,
    pairs: Sequence[tuple[int, str]],
    added_by: User | None,
    given: Mapping[int | str, str] | None = None,
) -> AddedRuns:
    """Add the runs of these (CAMB.AI run id, title) pairs; a known run without a title gets the title.

    `given` maps the ids to the tags of their dubs' languages, which only new runs get.
    """
    given = given or {}
    title_of = dict(pairs)
    _lock_team(team)
    _release_ids(team, "camb_run_id", title_of)
    known = {run.camb_run_id or 0: run for run in _known(team, "camb_run_id", title_of)}
    named = [run for run_id, run in known.items() if not run.title and title_of[run_id]]
    # Storing answers locks runs by pk, then the team's version, and so does this.
    list(Run.objects.filter(pk__in=[run.pk for run in named]).select_for_update().order_by("pk"))
    version = TeamVersion.bump(team.pk)
    new = [
        Run(
            team=team,
            camb_run_id=run_id,
            title=title[: Run.MAX_TITLE],
            title_folded=titles.fold(title[: Run.MAX_TITLE]),
            given_language=given.get(run_id, ""),
            added_by=added_by,
            version=version,
        )
        for run_id, title in title_of.items()
        if run_id not in known
    ]
    Run.objects.bulk_create(new)
    _record_added(team, new)
    for run in named:
        run.title, run.version, run.is_compared = title_of[run.camb_run_id or 0][:200], version, False
        run.title_folded = titles.fold(run.title)
    Run.objects.bulk_update(named, ["title", "title_folded", "is_compared", "version"], batch_size=200)
    queue.enqueue("refresh_due")
    return AddedRuns(new=len(new), known=sorted(known))


def add_tasks(
    team: Team,
    pairs: Sequence[tuple[str, str]],
    added_by: User | None,
    given: Mapping[int | str, str] | None = None,
) -> int:
    """Add the dubbing tasks of these (CAMB.AI task id, title) pairs, each as a run that gets its run id later.

    Returns the number of new ones. A run keeps its task id, so a task that became a run is known. `given` maps the
    ids to the tags of their dubs' languages, which only new ones get.
    """
    given = given or {}
    title_of = dict(pairs)
    with transaction.atomic():
        _lock_team(team)
        _release_ids(team, "camb_task_id", title_of)
        version = TeamVersion.bump(team.pk)
        known = {run.camb_task_id for run in _known(team, "camb_task_id", title_of)}
        new = [
            Run(
                team=team,
                camb_task_id=task_id,
                title=title[: Run.MAX_TITLE],
                title_folded=titles.fold(title[: Run.MAX_TITLE]),
                given_language=given.get(task_id, ""),
                added_by=added_by,
                version=version,
            )
            for task_id, title in title_of.items()
            if task_id not in known
        ]
        Run.objects.bulk_create(new)
        _record_added(team, new)
        queue.enqueue("refresh_due")
    return len(new)


def _record_added(team: Team, new: Sequence[Run]) -> None:
    if new:
        detail = new[0].camb_name if len(new) == 1 else ""
        audit.record(team, audit.Action.RUNS_ADDED, detail, count=len(new))


def _give_languages(team: Team, lines: Sequence[PastedId]) -> None:
    """Give the team's runs of these lines their languages, unless a person or an earlier list gave them one."""
    tags_of = {line.found: line.language for line in lines}
    pks = [run.pk for run in known_runs(team, lines).values()]
    for start in range(0, len(pks), _IDS_PER_QUERY):
        with transaction.atomic():
            # Storing answers locks runs by pk, then the team's version, and so does this.
            lacking = Run.objects.filter(given_language="", is_language_of_person=False)
            runs = list(
                lacking.filter(pk__in=pks[start : start + _IDS_PER_QUERY]).select_for_update().order_by("pk")
            )
            version = TeamVersion.bump(team.pk) if runs else 0
            for run in runs:
                run.given_language = tags_of.get(run.camb_run_id or 0) or tags_of[run.camb_task_id]
                run.version = version
            Run.objects.bulk_update(runs, ["given_language", "version"], batch_size=200)
            if runs:
                dub_languages.apply_given(team, [run.pk for run in runs])


def _known(team: Team, field: str, ids: Iterable[int] | Iterable[str]) -> Iterator[Run]:
    """Yield the team's runs with one of these ids in this field, but for those that a worker is about to delete."""
    runs = Run.objects.filter(team=team).trash_unexpired(clock.now())
    runs = runs.only("camb_run_id", "camb_task_id", "title", "archived_at", "removed_at")
    for part in _parts(ids):
        yield from runs.filter(**{f"{field}__in": part})


def _release_ids(team: Team, field: str, ids: Iterable[int] | Iterable[str]) -> None:
    """Take these ids from the runs that a worker is about to delete; `field` is where they have them."""
    now, runs = clock.now(), Run.objects.filter(team=team)
    if runs.trash_expired(now).exists():
        for part in _parts(ids):
            runs.filter(**{f"{field}__in": part}).free_camb_ids(now)


def _parts(ids: Iterable[int] | Iterable[str]) -> Iterator[list[int | str]]:
    """Yield the ids in parts, as a query takes a limited number."""
    rest: Iterator[int | str] = iter(ids)
    while part := list(islice(rest, _IDS_PER_QUERY)):
        yield part


def _lock_team(team: Team) -> None:
    """Make requests that add the same ids to the team at once wait for each other, and no other work for them."""
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
