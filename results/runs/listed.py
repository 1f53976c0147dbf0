"""The runs of a list, read as plain values: an instance of a model for each would take most of the page's time."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from results.db.replica import fetch_rows
from results.models import ApiKey, RunQuerySet
from results.models.runs import camb_name

# Raw SQL, as the ORM takes many times as long to build the queries, and to handle dozens of ids.
_RUNS = """
    select run.id, run.team_id, run.camb_run_id, run.camb_task_id, run.title, run.status, run.reason,
        run.checked_at, run.due_at, run.created_at, run.duration_ms, run.cue_count, run.check_count, run.version,
        run.archived_at, run.source_id, run.given_language, coalesce(nullif(person.name, ''), person.email, ''),
        run.languages, run.guessed_languages, run.language_checks
    from results_run run left join teams_user person on person.id = run.added_by_id
    where run.id in ({marks})
"""
_TAGS = """
    select of_run.run_id, tag.name from results_run_tags of_run join results_tag tag on tag.id = of_run.tag_id
    where of_run.run_id in ({marks}) order by tag.folded
"""
_VERSIONS = """
    select id, version from results_run where team_id = %s and removed_at is null and id in ({marks}) order by id
"""
_KEY = "select team_id, state, message, retry_at from results_apikey where team_id = %s"
_NEXT_DUE = "select due_at from results_run where team_id = %s and due_at is not null order by due_at limit 1"


class ListedRun(NamedTuple):
    """All that a list shows of a run. Two that are equal look the same."""

    pk: int
    team_id: int
    camb_run_id: int | None
    camb_task_id: str
    title: str
    status: str
    reason: str
    checked_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    duration_ms: int
    cue_count: int
    check_count: int
    version: int
    archived_at: datetime | None
    source_id: int | None
    given_language: str
    added_by: str
    languages: tuple[str, ...]
    guessed_languages: tuple[str, ...]
    language_mismatches: tuple[tuple[str, str, int], ...]
    tag_names: tuple[str, ...]

    def __str__(self) -> str:
        return self.title or self.camb_name

    @property
    def camb_name(self) -> str:
        return camb_name(self.camb_run_id, self.camb_task_id)


def read_runs(runs: RunQuerySet, *, with_tags: bool = True) -> list[ListedRun]:
    """Return these runs in their order, by three queries, or by two without the names of their tags."""
    return read_listed(runs.pks(), with_tags=with_tags)


def read_listed(pks: Sequence[int], *, with_tags: bool = True) -> list[ListedRun]:
    """Return the runs with these ids, in this order, without those that are gone."""
    if not pks:
        return []
    marks = ", ".join(["%s"] * len(pks))
    tags = defaultdict[int, list[str]](list)
    for run, name in fetch_rows(_TAGS.format(marks=marks), pks) if with_tags else ():
        tags[run].append(name)
    found = {row[0]: _listed(row, tags) for row in fetch_rows(_RUNS.format(marks=marks), pks)}
    return [found[pk] for pk in pks if pk in found]


def read_versions(team_id: int, pks: Sequence[int]) -> dict[int, int]:
    """Return the versions of these runs by their ids, without runs that are in the trash or gone."""
    marks = ", ".join(["%s"] * len(pks))
    return dict(fetch_rows(_VERSIONS.format(marks=marks), [team_id, *pks])) if pks else {}


def read_key(team_id: int) -> ApiKey | None:
    """Return what a list shows of the team's key; None without one."""
    rows = fetch_rows(_KEY, [team_id])
    if not rows:
        return None
    *values, retry_at = rows[0]
    return ApiKey.from_db(None, ("team_id", "state", "message", "retry_at"), (*values, _utc(retry_at)))


def next_due_at(team_id: int) -> datetime | None:
    """Return when the first of the team's unfinished runs is due; None without any."""
    rows = fetch_rows(_NEXT_DUE, [team_id])
    return _utc(rows[0][0]) if rows else None


def _listed(row: Sequence[Any], tags: dict[int, list[str]]) -> ListedRun:
    pk, *values, languages, guessed_languages, mismatches = row
    of_dubs = map(_items, (languages, guessed_languages, mismatches))
    run = ListedRun._make((pk, *values, *of_dubs, tuple(tags.get(pk, ()))))
    return run._replace(
        checked_at=_utc(run.checked_at),
        due_at=_utc(run.due_at),
        created_at=run.created_at.replace(tzinfo=UTC),
        archived_at=_utc(run.archived_at),
    )


def _utc(at: datetime | None) -> datetime | None:
    """Return a time that was read by plain SQL: that of SQLite comes without its time zone, which is UTC."""
    return at.replace(tzinfo=UTC) if at else None


@lru_cache(maxsize=1000)
def _items(text: str | None) -> tuple[Any, ...]:
    """Return the list in this JSON, and the lists in it, as tuples."""
    return tuple(tuple(item) if isinstance(item, list) else item for item in json.loads(text or "[]") or ())
