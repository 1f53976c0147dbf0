"""Stores and queries the search index on PostgreSQL: a table with a tsvector for each line, under a GIN index."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from results.db.replica import fetch_rows
from results.search import index
from results.search.analyzer import Phrase
from results.search.index import IndexEntry, IndexQuery

# GIN has no order: it fetches all hits to return the newest. So a walk looks through the team's newest lines first,
# and through more when these show that hits are not rare. Only rare terms, which have few hits, go to GIN.
FEW_LINES = 2_000
MANY_LINES = 20_000

# Looks through the team's newest lines, in descending order of id.
_WALK = """
    select cue_id from (
        select cue_id, run_id, terms from results_search
        where team_id = %s and cue_id < %s order by cue_id desc limit %s
    ) newest
    where terms @@ %s::tsquery and {condition} order by cue_id desc limit %s
"""
# Materialized, so that the planner always finds the hits by GIN, and still reads no more of them than needed.
_NEWEST = """
    with hits as materialized (select cue_id from results_search where terms @@ %s::tsquery and {condition})
    select cue_id, (select count(*) from hits) from hits where cue_id < %s order by cue_id desc limit %s
"""
_COUNT = """
    with hits as materialized (select cue_id from results_search where terms @@ %s::tsquery and {condition})
    select count(*) from (select from hits limit %s) counted
"""

_BETWEEN = """
    select cue_id from results_search
    where team_id = %s and cue_id between %s and %s and terms @@ %s::tsquery and {condition}
"""

# A tsvector has 16,383 positions, so in a longer line they begin again at 1. It holds a megabyte at most, which
# only a line of tens of thousands of different words exceeds.
_POSITIONS = 16_381
# Extras that a prefix can reach stand here, beside no word. Were they without a position, PostgreSQL could not say
# where a prefix stands that one of them begins with, and would find no phrase that ends with that prefix.
_BESIDE_NO_WORD = "16383"
_MAX_BYTES = 2**20 - 1

_LAST_ID = 2**63 - 1

_WORD_INDEX = "results_search_terms"


def add(entries: Iterable[IndexEntry]) -> None:
    """Insert these entries, or replace those with the same cue."""
    added = [(entry.cue_id, entry.team_id, entry.run_id, _vector(entry)) for entry in entries]
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into results_search (cue_id, team_id, run_id, terms) "
            "select cue_id, team_id, run_id, terms::tsvector from unnest"
            "(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) as entry (cue_id, team_id, run_id, terms) "
            "on conflict (team_id, cue_id) do update set terms = excluded.terms",
            [list(column) for column in zip(*added, strict=True)] or [[], [], [], []],
        )


def remove(entries: Iterable[IndexEntry]) -> None:
    """Delete these entries; an entry that is not there is passed over."""
    keys = [(entry.team_id, entry.cue_id) for entry in entries]
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from results_search "
            "where (team_id, cue_id) in (select * from unnest(%s::bigint[], %s::bigint[]))",
            [list(column) for column in zip(*keys, strict=True)] or [[], []],
        )


def newest(query: IndexQuery, before_id: int | None, least: int, most: int) -> list[int]:
    """Return the cue ids of the newest hits below `before_id`, in descending order.

    They are `most` where that is cheap, and otherwise at least `least`, as far as there are enough hits.
    """
    before = _LAST_ID if before_id is None else before_id
    ids = _by_walk(query, before, least, most)
    return ids if len(ids) >= least else _by_gin(query, before, most)[0]


def newest_and_count(query: IndexQuery, least: int, most: int, count_to: int) -> tuple[list[int], int]:
    """Return the cue ids of the newest hits, as `newest` does, and the number of hits, counted up to `count_to`."""
    ids = _by_walk(query, _LAST_ID, least, most)
    return (ids, _count(query, count_to)) if len(ids) >= least else _by_gin(query, _LAST_ID, most)


def between(query: IndexQuery, first_id: int, last_id: int) -> list[int]:
    """Return the cue ids of all hits from `first_id` to `last_id`, in no order."""
    condition, params = query.condition("run_id")
    args = [query.team_id, first_id, last_id, _expression(query), *params]
    return [cue_id for (cue_id,) in fetch_rows(_BETWEEN.format(condition=condition), args)]


def rebuild(
    batch_after: Callable[[int], tuple[int, list[IndexEntry]] | None],
) -> Generator[list[IndexEntry], None, None]:
    """Rebuild the index in place, a batch at a time, while other processes search and save. Yields each batch."""
    last_id: int | None = 0
    while last_id is not None:
        with transaction.atomic():
            last_id, entries = batch_after(last_id) or (None, [])
            add(entries)
        if last_id is not None:
            yield entries
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from results_search where not exists "
            "(select 1 from results_cue join results_run on results_run.id = results_cue.run_id "
            "where results_cue.id = results_search.cue_id and results_run.is_indexed)"
        )


@contextmanager
def words_indexed_last(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Drop the index on words meanwhile, and build it at the end, which is many times quicker than entry by entry.

    For a database that no one searches yet: without that index a search reads every line.
    """
    with database.cursor() as cursor:
        cursor.execute(f"drop index if exists {_WORD_INDEX}")
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute("set maintenance_work_mem = '256MB'")
            cursor.execute(
                f"create index {_WORD_INDEX} on results_search using gin (terms) with (fastupdate = off)"
            )
            cursor.execute("reset maintenance_work_mem")


def _by_walk(query: IndexQuery, before: int, least: int, most: int) -> list[int]:
    """Return the newest hits found by walking, up to `most`; hits that are rare may be missing."""
    ids = _walk(query, before, FEW_LINES, most)
    if len(ids) < most and len(ids) * MANY_LINES >= least * FEW_LINES:
        ids = _walk(query, before, MANY_LINES, most)
    return ids


def _by_gin(query: IndexQuery, before: int, most: int) -> tuple[list[int], int]:
    """Return the newest hits below `before`, up to `most`, and the number of all hits, older or newer."""
    condition, params = query.condition("run_id")
    found = fetch_rows(_NEWEST.format(condition=condition), [_expression(query), *params, before, most])
    return [cue_id for cue_id, _count in found], found[0][1] if found else 0


def _count(query: IndexQuery, most: int) -> int:
    # GIN gathers all hits before it returns one, so a walk counts the words of most lines sooner.
    if len(_walk(query, _LAST_ID, FEW_LINES, FEW_LINES)) * MANY_LINES > most * FEW_LINES:
        walked = len(_walk(query, _LAST_ID, MANY_LINES, most))
        if walked == most:
            return walked
    condition, params = query.condition("run_id")
    [[count]] = fetch_rows(_COUNT.format(condition=condition), [_expression(query), *params, most])
    return int(count)


def _walk(query: IndexQuery, before: int, lines: int, most: int) -> list[int]:
    """Return the newest hits, up to `most`, among the team's newest `lines` lines below the id `before`."""
    condition, params = query.condition("run_id")
    args = [query.team_id, before, lines, _expression(query), *params, most]
    return [cue_id for (cue_id,) in fetch_rows(_WALK.format(condition=condition), args)]


def _vector(entry: IndexEntry) -> str:
    terms: dict[str, list[str]] = {}
    for position, term in enumerate(entry.words):
        terms.setdefault(term, []).append(str(position % _POSITIONS + 1))
    for term in entry.extras:
        terms.setdefault(term, [] if index.is_whole(term) else [_BESIDE_NO_WORD])
    team = entry.team
    vector = " ".join(f"'{team}{term}':{','.join(at)}" if at else f"'{team}{term}'" for term, at in terms.items())
    encoded = vector.encode()
    return vector if len(encoded) <= _MAX_BYTES else encoded[:_MAX_BYTES].rpartition(b" ")[0].decode()


def _expression(query: IndexQuery) -> str:
    groups = " & ".join(f"({_any(group)})" for group in query.groups)
    return f"{groups} & !({_any(query.excluded)})" if query.excluded else groups


def _any(phrases: Iterable[Phrase]) -> str:
    return " | ".join(map(_phrase, phrases))


def _phrase(phrase: Phrase) -> str:
    *before, last = (f"'{term}'" for term in phrase.terms)
    return f"({' <-> '.join([*before, f'{last}:*' if phrase.is_prefix else last])})"
