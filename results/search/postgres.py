"""How does PostgreSQL keep and answer the index? In a table of its own, a tsvector a line, under GIN."""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from results.search.analyzer import Phrase
from results.search.index import Entry, Wanted

# GIN knows no order: it has to fetch all hits to give the newest. So the team's newest lines are looked through
# first, and, when these say that hits are not rare, some more; only rare terms, which have few hits, ask GIN.
FEW_LINES = 2_000
MANY_LINES = 20_000

# Looks through the team's newest lines, backwards by id.
_WALK = """
    select cue_id from (
        select cue_id, terms from results_search where team_id = %s and cue_id < %s order by cue_id desc limit %s
    ) newest
    where terms @@ %s::tsquery and {condition} order by cue_id desc limit %s
"""
# Materialized, so that the planner finds the hits by GIN whatever is done with them, but reads no more than needed.
_NEWEST = """
    with hits as materialized (select cue_id from results_search where terms @@ %s::tsquery and {condition})
    select cue_id from hits where cue_id < %s order by cue_id desc limit %s
"""
_COUNT = """
    with hits as materialized (select cue_id from results_search where terms @@ %s::tsquery and {condition})
    select count(*) from (select from hits limit %s) counted
"""

_LAST_ID = 2**63 - 1


def add(entries: Iterable[Entry]) -> None:
    rows = [(entry.cue_id, entry.team_id, _vector(entry)) for entry in entries]
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into results_search (cue_id, team_id, terms) "
            "select cue_id, team_id, terms::tsvector "
            "from unnest(%s::bigint[], %s::bigint[], %s::text[]) as entry (cue_id, team_id, terms) "
            "on conflict (team_id, cue_id) do update set terms = excluded.terms",
            [list(column) for column in zip(*rows, strict=True)] or [[], [], []],
        )


def remove(entries: Iterable[Entry]) -> None:
    keys = [(entry.team_id, entry.cue_id) for entry in entries]
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from results_search "
            "where (team_id, cue_id) in (select * from unnest(%s::bigint[], %s::bigint[]))",
            [list(column) for column in zip(*keys, strict=True)] or [[], []],
        )


def find(wanted: Wanted, before_id: int | None, limit: int, most: int) -> tuple[list[int], int]:
    """The newest ids, and how many there are in all, counting up to `most`."""
    expression = _expression(wanted)
    before = _LAST_ID if before_id is None else before_id
    walked, walked_params = wanted.condition("newest.cue_id")
    indexed, indexed_params = wanted.condition("results_search.cue_id")

    def walk(start: int, lines: int, most: int) -> list[int]:
        args = [wanted.team_id, start, lines, expression, *walked_params, most]
        return _ids(_WALK.format(condition=walked), args)

    ids = walk(before, FEW_LINES, limit)
    is_frequent = len(ids) * MANY_LINES >= limit * FEW_LINES
    if len(ids) < limit and is_frequent:
        ids = walk(before, MANY_LINES, limit)
    if len(ids) < limit:
        ids = _ids(_NEWEST.format(condition=indexed), [expression, *indexed_params, before, limit])
    if before_id is None and len(ids) < limit:
        return ids, len(ids)
    if is_frequent and len(walk(_LAST_ID, MANY_LINES, most)) == most:
        return ids, most
    return ids, _ids(_COUNT.format(condition=indexed), [expression, *indexed_params, most])[0]


def rebuild(batches: Iterable[list[Entry]]) -> None:
    """All anew, a batch at a time, while others search and save."""
    for batch in batches:
        with transaction.atomic():
            add(batch)
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from results_search where not exists "
            "(select 1 from results_cue where results_cue.id = results_search.cue_id)"
        )


def _ids(sql: str, args: list[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return [number for (number,) in cursor.fetchall()]


def _vector(entry: Entry) -> str:
    places: dict[str, list[str]] = {term: [] for term in entry.extras}
    for place, term in enumerate(entry.words, start=1):
        places.setdefault(term, []).append(str(place))
    return " ".join(f"'{term}':{','.join(at)}" if at else f"'{term}'" for term, at in places.items())


def _expression(wanted: Wanted) -> str:
    groups = " & ".join(f"({_any(group)})" for group in wanted.groups)
    return f"{groups} & !({_any(wanted.excluded)})" if wanted.excluded else groups


def _any(phrases: Iterable[Phrase]) -> str:
    return " | ".join(map(_phrase, phrases))


def _phrase(phrase: Phrase) -> str:
    *before, last = (f"'{term}'" for term in phrase.terms)
    return f"({' <-> '.join([*before, f'{last}:*' if phrase.is_prefix else last])})"
