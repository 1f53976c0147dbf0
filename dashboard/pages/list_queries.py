"""The queries of a list of runs, each compiled once for all teams.

Django takes ten times as long to compile one as the database to answer it. So the SQL is kept, with numbers that
stand for the team and for whatever else differs from one request to the next.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.utils import timezone

from dashboard.pages.run_query import PAGE_SIZE, RunListQuery, RunPage, as_page, ordered
from results.db.replica import fetch_rows
from results.models import Run, RunQuerySet
from results.runs.listed import ListedRun, read_listed

# They stand for what each request has of its own. Nothing else in these queries is negative.
_TEAM, _SINCE, _FIRST, _LAST = -1, -2, -3, -4
# Most have about 2 kB, and texts that people filter by are among their parameters.
_CACHE_SIZE = 1000


def read_list_page(team_id: int, wanted: RunListQuery, size: int = PAGE_SIZE) -> RunPage[ListedRun]:
    """Return one page of the team's list by keyset pagination, so the last page is as quick as the first."""
    if wanted.sorted_by != "pk" and (wanted.after or wanted.before):
        # What the page begins behind is looked up while the query is built.
        pks = ordered(Run.objects.filter(team=team_id), wanted, size).pks()
    else:
        sql, params = _query(ordered, wanted, size, numbers={_TEAM: team_id})
        pks = [pk for (pk,) in fetch_rows(sql, params)]
    return as_page(read_listed(pks), wanted, size)


def count_guesses(team_id: int, wanted: RunListQuery) -> int:
    """Return the number of runs of the list that have a guessed language."""
    sql, params = _query(_guesses, wanted, numbers={_TEAM: team_id})
    return int(fetch_rows(f"select count(*) from ({sql}) found", params)[0][0])  # noqa: S608  SQL of Django's


def count_new(team_id: int, wanted: RunListQuery, shown: Sequence[int], since: int) -> int:
    """Return the number of runs that came into this page since a version: added, restored, or by a new status.

    In another order than that of their adding, they may have come into any page, and none is counted.
    """
    if wanted.sorted_by != "pk":
        return 0
    # The first page of the list is open at its beginning, and the last page at its end.
    is_inside, is_full = bool(shown and (wanted.after or wanted.before)), len(shown) == PAGE_SIZE
    has_first, has_last = (is_inside, is_full) if wanted.order == "oldest" else (is_full, is_inside)
    first, last = min(shown, default=0), max(shown, default=0)
    if wanted.is_by_source:
        runs = Run.objects.filter(team=team_id)
        came = _came(runs, wanted, since, first if has_first else None, last if has_last else None)
        sources = runs.filter(pk__in=shown).exclude(source=None).values("source")
        return came.exclude(pk__in=shown).exclude(source__in=sources).count()
    numbers = {_TEAM: team_id, _SINCE: since, _FIRST: first, _LAST: last}
    details = (_SINCE, _FIRST if has_first else None, _LAST if has_last else None)
    sql, params = _query(_came, wanted, *details, numbers=numbers)
    marks = ", ".join(["%s"] * len(shown)) or "0"
    found = fetch_rows(f"select count(*) from ({sql}) found where id not in ({marks})", [*params, *shown])  # noqa: S608
    return int(found[0][0])


def _came(runs: RunQuerySet, wanted: RunListQuery, since: int, first: int | None, last: int | None) -> RunQuerySet:
    """Return the runs with a row that changed since this version, between the first and the last id where given."""
    came = wanted.with_row(runs).filter(version__gt=since)
    if first is not None:
        came = came.filter(pk__gt=first)
    return came if last is None else came.filter(pk__lt=last)


def _guesses(runs: RunQuerySet, wanted: RunListQuery) -> RunQuerySet:
    return wanted.matching(runs.exclude(guessed_languages=None))


def _query(
    build: Callable[..., RunQuerySet], wanted: RunListQuery, *details: Any, numbers: dict[int, int]
) -> tuple[str, list[Any]]:
    """Return the SQL of the ids of the runs that `build` asks for, and its parameters with these numbers."""
    sql, params = _compiled(build, timezone.get_current_timezone_name(), wanted, *details)
    return sql, [numbers.get(param, param) if isinstance(param, int) else param for param in params]


@lru_cache(maxsize=_CACHE_SIZE)
def _compiled(
    build: Callable[..., RunQuerySet], zone: str, wanted: RunListQuery, *details: Any
) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL and its parameters. The days that a list is filtered by begin at midnight in the zone."""
    runs = build(Run.objects.filter(team=_TEAM), wanted, *details)
    return runs.values_list("id").query.sql_with_params()
