"""What do people do with their team's runs: add them, ask for them, watch them, remove them, or all of it?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Self

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from results import bell, ids, keys, leases, refresh, store, tags
from results.models import ApiKey, Pulse, Run, RunQuerySet
from teams.models import Team, User

# So many runs are marked as wanted in one transaction.
WANTED_TOGETHER = 1000


@dataclass(frozen=True)
class Found:
    """What a text's lines are to a team: what it would track, has already, or cannot use."""

    new: list[ids.Line]
    tasks: list[ids.Line]
    known: list[ids.Line]
    archived: list[ids.Line]
    repeated: list[ids.Line]
    odd: list[ids.Line]
    words: list[ids.Line]

    @classmethod
    def of(cls, team: Team, lines: Sequence[ids.Line]) -> Self:
        kinds: dict[ids.Verdict, list[ids.Line]] = {verdict: [] for verdict in ids.Verdict}
        for line in lines:
            kinds[line.verdict].append(line)
        found = [*kinds[ids.Verdict.ID], *kinds[ids.Verdict.TASK]]
        here = tracked(team, found)
        there = [(line, here[line.found]) for line in found if line.found in here]
        return cls(
            new=[line for line in kinds[ids.Verdict.ID] if line.found not in here],
            tasks=[line for line in kinds[ids.Verdict.TASK] if line.found not in here],
            known=[line for line, run in there if run.archived_at is None],
            archived=[line for line, run in there if run.archived_at is not None],
            repeated=kinds[ids.Verdict.REPEATED],
            odd=kinds[ids.Verdict.NOT_AN_ID],
            words=kinds[ids.Verdict.WORD],
        )

    @property
    def lines(self) -> list[ids.Line]:
        """Those with an id."""
        return [*self.new, *self.known, *self.archived, *self.tasks]


def tracked(team: Team, lines: Sequence[ids.Line]) -> dict[int | str, Run]:
    """The runs that the team has of these lines, by what was found in each."""
    run_ids = [line.run_id for line in lines if line.run_id]
    task_ids = [line.task_id for line in lines if line.task_id]
    runs: dict[int | str, Run] = {run.camb_run_id or 0: run for run in _known(team, "camb_run_id", run_ids)}
    return runs | {run.camb_task_id: run for run in _known(team, "camb_task_id", task_ids)}


@dataclass(frozen=True)
class Added:
    """How many runs were new, and which ids the team had already."""

    new: int
    known: list[int]


def add_runs(team: Team, pairs: Sequence[tuple[int, str]], added_by: User | None) -> Added:
    """Track these (CAMB.AI run id, title) pairs in the team; a title also names a run that had none."""
    titles = dict(pairs)
    with transaction.atomic():
        _wait_for_other_adders(team)
        known = {run.camb_run_id or 0: run for run in _known(team, "camb_run_id", titles)}
        named = [run for run_id, run in known.items() if not run.title and titles[run_id]]
        list(Run.objects.filter(pk__in=[run.pk for run in named]).select_for_update().order_by("pk"))
        version = Pulse.beat(team.pk)
        new = [
            Run(team=team, camb_run_id=run_id, title=title[:200], added_by=added_by, version=version)
            for run_id, title in titles.items()
            if run_id not in known
        ]
        Run.objects.bulk_create(new)
        for run in named:
            run.title, run.version = titles[run.camb_run_id or 0][:200], version
        Run.objects.bulk_update(named, ["title", "version"], batch_size=200)
        bell.ring("refresh_due")
    return Added(new=len(new), known=sorted(known))


def add_tasks(team: Team, pairs: Sequence[tuple[str, str]], added_by: User | None) -> int:
    """Follow these (CAMB.AI task id, title) pairs until each has a run id or has failed.

    Returns how many were new; one that became a run is known by its task id for ever.
    """
    with transaction.atomic():
        _wait_for_other_adders(team)
        version = Pulse.beat(team.pk)
        titles = dict(pairs)
        known = {run.camb_task_id for run in _known(team, "camb_task_id", titles)}
        new = [
            Run(team=team, camb_task_id=task_id, title=title[:200], added_by=added_by, version=version)
            for task_id, title in titles.items()
            if task_id not in known
        ]
        Run.objects.bulk_create(new)
        bell.ring("refresh_due")
    return len(new)


def add(team: Team, lines: Sequence[ids.Line], added_by: User | None) -> tuple[int, int]:
    """Track the runs and tasks of these lines, with their titles and tags, which known ones are given as well.

    Returns how many are new, and how many were known.
    """
    runs = {line.run_id: line for line in lines if line.verdict is ids.Verdict.ID}
    tasks = {line.task_id: line for line in lines if line.verdict is ids.Verdict.TASK}
    new = add_runs(team, [(run_id, line.title) for run_id, line in runs.items()], added_by).new
    new += add_tasks(team, [(task_id, line.title) for task_id, line in tasks.items()], added_by)
    tagged_runs = {run_id: line.tags for run_id, line in runs.items() if line.tags}
    tagged_tasks = {task_id: line.tags for task_id, line in tasks.items() if line.tags}
    tags.add(
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


def request(run: Run) -> bool:
    """Have this run asked now ("Refresh now"), before all others of its team, as soon as the key's limits allow.

    False when it is being asked already, was a moment ago, or must not be: archived, no key, or its gate is closed.
    """
    now = timezone.now()
    unfinished = Run.objects.filter(team=run.team_id).unfinished()
    first = unfinished.order_by("due_at").values_list("due_at", flat=True).first() or now
    askable = Run.objects.current().filter(
        pk=run.pk, team__in=ApiKey.objects.filter(keys.is_open(now)).values("team")
    )
    askable = askable.unleased(now).exclude(checked_at__range=(now - timedelta(seconds=2), now))
    if not askable.update(due_at=min(first - timedelta(microseconds=1), now)):
        return False
    # Of one call, so that somebody who waits need not wait for others too.
    for lease in leases.claim(run.team_id, now, most=1, most_calls=1):
        refresh.hand_over(lease)
    return True


def obstacle(team: Team, run: Run | None = None) -> str:
    """What keeps CAMB.AI from being asked for the team, or about the run, and the way out; empty: nothing."""
    if run is not None and run.archived_at:
        return _("An archived run is not asked about. Restore it first.")
    key = ApiKey.objects.filter(team=team).first()
    if key is None:
        return _("Nobody can be asked: this team has no CAMB.AI key yet.")
    return key.message if key.is_in_trouble else ""


def request_many(runs: RunQuerySet, team: Team) -> int:
    """Have all these runs of the team asked as soon as its key allows; returns how many.

    They are marked a portion at a time: no transaction lasts, and workers begin while the rest is being marked.
    """
    now, total = timezone.now(), 0
    pks = list(runs.filter(team=team).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), WANTED_TOGETHER):
        total += _want(team, pks[start : start + WANTED_TOGETHER], now)
        if not start:
            bell.ring("refresh_due")
    return total


def _want(team: Team, pks: Sequence[int], now: datetime) -> int:
    with transaction.atomic():
        # Whoever stores answers locks runs by pk, then the pulse: in another order each would wait for the other.
        current = Run.objects.current().filter(pk__in=pks).select_for_update().order_by("pk")
        wanted_before = dict(current.values_list("pk", "wanted_at"))
        version = Pulse.beat(team.pk)
        pulse, more = Pulse.objects.filter(pk=team.pk), sum(before is None for before in wanted_before.values())
        if _wanted(team).exists():
            pulse.update(wanted=F("wanted") + more)
        else:
            pulse.update(wanted=more, wanted_since=now)
        return Run.objects.filter(pk__in=wanted_before).update(due_at=now, wanted_at=now, version=version)


def _wanted(team: Team) -> RunQuerySet:
    """The runs that were asked for among many, and are not checked yet."""
    return Run.objects.filter(team=team).exclude(wanted_at=None)


@dataclass(frozen=True)
class Progress:
    """How far a request for many runs is: runs checked, of how many, and about how many seconds are left.

    Nobody can tell (None) before the first is checked, or while the key is paused.
    """

    checked: int
    total: int
    seconds_left: int | None


def progress(team: Team) -> Progress | None:
    """How far the runs that somebody asked for are; None when all of them are checked."""
    left = _wanted(team).count()
    if not left:
        return None
    pulse = Pulse.objects.get(pk=team.pk)
    now = timezone.now()
    total, since = max(pulse.wanted, left), pulse.wanted_since or now
    checked = total - left
    is_going_on = checked and ApiKey.objects.filter(keys.is_open(now), team=team).exists()
    seconds_left = round((now - since).total_seconds() / checked * left) if is_going_on else None
    return Progress(checked, total, seconds_left)


def watch(run: Run) -> None:
    """Somebody has the run open: an unfinished one is asked sooner, though not more often than is polite."""
    soon = timezone.now() + timedelta(seconds=settings.REFRESH_WATCHED_SECONDS)
    Run.objects.filter(pk=run.pk, due_at__gt=soon, lease=None).update(due_at=soon)


def remove_run(run: Run) -> None:
    """Forget the run with its dubs, its cues and their search terms."""
    with transaction.atomic():
        locked = Run.objects.select_for_update().filter(pk=run.pk).first()
        if locked is None:
            return
        for dub in locked.dubs.all():
            store.drop_cues(dub)
        locked.delete()
        Pulse.beat(run.team_id)


def remove_team(team: Team) -> None:
    """Take the team from everybody at once; what it had is removed by a worker, however much that is."""
    with transaction.atomic():
        ApiKey.objects.filter(team=team).delete()
        team.invitations.all().delete()
        team.memberships.all().delete()
        bell.ring("finish_removals")


def finish_removals() -> None:
    """Remove all that is left of teams without a member. Killed at any line, the next one goes on."""
    for team in Team.objects.filter(memberships=None):
        while runs := list(Run.objects.filter(team=team)[:100]):
            for run in runs:
                remove_run(run)
        team.delete()
