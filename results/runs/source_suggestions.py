"""Finds runs that look like dubs of one original, so that people can join them with a click.

Runs are alike if their names differ only by the language, their lengths agree within 2 % and their lines begin at
the same times. A worker compares each run once it has lines, and again when its title or its lines change.
`Run.is_compared` says which are left, so a lost task or a worker that stops costs some time and nothing else.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

from django.db import transaction
from django.db.models import Count

from results import clock, queue
from results.db import bulk
from results.models import Cue, Dub, Run, RunQuerySet, TeamVersion
from results.queue.backlogs import Quarantine
from results.runs.source_names import name_key
from results.search import titles
from results.transcripts.correlation import correlate

MAX_SECONDS = 3
# The lengths of dubs of one original differ by no more than this share.
MAX_DIFFERENCE = 0.02
_RUNS_PER_CHUNK = 50
# A team may give thousands of runs one name; the newest of them are compared.
_MAX_SAME_NAME = 200
# So many lines are enough to tell two originals apart.
_LINES_COMPARED = 400
_quarantine = Quarantine("Run %s could not be compared with others")


def suggest_pending() -> None:
    """Compare the runs that are left for MAX_SECONDS, then enqueue a task for the rest.

    While runs are due, refreshing them comes first: one chunk is compared, and the next comes with beat's tick.
    """
    is_busy = Run.objects.askable(clock.now()).exists()
    deadline = time.monotonic() + MAX_SECONDS
    while chunk := list(
        Run.objects.uncompared().exclude(pk__in=_quarantine.pks()).order_by("pk")[:_RUNS_PER_CHUNK]
    ):
        if time.monotonic() > deadline:
            queue.enqueue("suggest_sources")
            return
        by_team = sorted(chunk, key=lambda run: run.team_id)
        for team_id, runs in groupby(by_team, key=lambda run: run.team_id):
            _compare_each(team_id, list(runs))
        if is_busy:
            return


def _compare_each(team_id: int, chunk: Sequence[Run]) -> None:
    """Compare these runs of one team; if that fails, each by itself, so that only those at fault are left out."""
    try:
        _compare(team_id, chunk)
    except Exception:
        for run in chunk:
            with _quarantine.isolated(run.pk):
                _compare(team_id, [run])


def suggested(runs: RunQuerySet) -> RunQuerySet:
    """Return those of a team's runs that are suggested as one source with others."""
    return runs.current().filter(suggestion__isnull=False)


def suggestion_counts(runs: RunQuerySet) -> tuple[int, int]:
    """Return how many of a team's runs are suggested, and as how many sources."""
    counts = suggested(runs).order_by().aggregate(runs=Count("pk"), sources=Count("suggestion", distinct=True))
    return counts["runs"], counts["sources"]


def suggestion_groups(runs: RunQuerySet) -> list[list[int]]:
    """Return the pks of the suggested runs in groups, one for each source that they would be."""
    groups = defaultdict[int | None, list[int]](list)
    for pk, number in suggested(runs).order_by("pk").values_list("pk", "suggestion"):
        groups[number].append(pk)
    return list(groups.values())


def _compare(team_id: int, chunk: Sequence[Run]) -> None:
    """Look for the runs that each of these runs of one team is alike with, and store the suggestions."""
    keys = {run.pk: name_key(run.title)[: Run.MAX_TITLE] for run in chunk}
    by_key = defaultdict[str, dict[int, Run]](dict)
    for run in chunk:
        if keys[run.pk] and run.archived_at is None and not run.is_apart:
            by_key[keys[run.pk]][run.pk] = run
    for key, runs in by_key.items():
        others = Run.objects.current().filter(team=team_id, name_key=key, is_apart=False, cue_count__gt=0)
        named = others.exclude(name_key="").exclude(pk__in=keys)
        by_key[key] |= {run.pk: run for run in named.order_by("-pk")[: max(_MAX_SAME_NAME - len(runs), 0)]}
    found: dict[int, int | None] = dict.fromkeys(keys)
    for key, runs in by_key.items():
        found |= dict.fromkeys(runs)
        for group in group_alike(list(runs.values())):
            if len(group) > 1 and len({run.source_id or -run.pk for run in group}) > 1:
                found |= {run.pk: max(run.pk for run in group) for run in group}
        for pk in runs:
            keys[pk] = key
    _store(team_id, {run.pk: run.version for run in chunk}, keys, found)


def _store(team_id: int, versions: dict[int, int], keys: dict[int, str], found: dict[int, int | None]) -> None:
    """Store the outcome, except for a run that changed meanwhile (optimistic locking): it is compared again."""
    with transaction.atomic():
        locked = Run.objects.filter(pk__in=found).select_for_update().order_by("pk")
        runs = [run for run in locked if versions.get(run.pk, run.version) == run.version]
        outdated = {run.suggestion for run in runs if run.suggestion and run.suggestion != found[run.pk]}
        is_news = any(run.suggestion != found[run.pk] for run in runs)
        for run in runs:
            run.name_key, run.suggestion, run.is_compared = keys[run.pk], found[run.pk], True
            # The release before, which may run beside this one, changes titles alone.
            run.title_folded = titles.fold(run.title)
        bulk.update(Run, runs, ("name_key", "suggestion", "is_compared", "title_folded"))
        for number in outdated:
            left = Run.objects.filter(team=team_id, suggestion=number)
            if len(left.order_by("pk")[:2].pks()) == 1:
                left.update(suggestion=None)
        if is_news:
            TeamVersion.bump(team_id)


def group_alike(runs: Sequence[Run]) -> list[list[Run]]:
    """Return runs of the same name in groups of one original each, by their lengths and the starts of their lines.

    A run is compared with the first of each group, so that likeness is not passed on from one run to the next.
    """
    starts = _starts_of(runs)
    groups: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: run.pk):
        for group in groups:
            if has_same_length(run.duration_ms, group[0].duration_ms) and correlate(
                starts.get(run.pk, []), starts.get(group[0].pk, [])
            ):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def has_same_length(one_ms: int, other_ms: int) -> bool:
    """Tell whether two lengths agree within MAX_DIFFERENCE."""
    return abs(one_ms - other_ms) <= MAX_DIFFERENCE * max(one_ms, other_ms)


def _starts_of(runs: Iterable[Run]) -> dict[int, list[int]]:
    """Return the starts of each run's first lines in milliseconds, of its first dub that has lines."""
    rows = Dub.objects.filter(run__in=[run.pk for run in runs], cue_count__gt=0).order_by("-pk")
    dubs = {run_id: dub_id for dub_id, run_id in rows.values_list("pk", "run")}
    cues = Cue.objects.filter(dub__in=dubs.values(), position__lte=_LINES_COMPARED).order_by()
    starts = defaultdict[int, list[int]](list)
    for run_id, start_ms in cues.values_list("run", "start_ms"):
        starts[run_id].append(start_ms)
    return {run_id: sorted(times) for run_id, times in starts.items()}
