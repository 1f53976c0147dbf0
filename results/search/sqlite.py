"""Stores and queries the search index on SQLite: an FTS5 table of the positions of each term, without the text."""

import time
from collections.abc import Callable, Collection, Generator, Iterable
from typing import Any

from django.db import connection, transaction

from results.db.replica import fetch_rows
from results.search.analyzer import Phrase
from results.search.index import IndexEntry, IndexQuery

_TABLE = "results_search"
# Exists only during a rebuild; entries that are added or removed meanwhile are added or removed here too.
_NEW_TABLE = "results_search_new"
_PRESENT_TABLES = "select name from sqlite_master where name in (%s, %s)"
_ADD = "insert into {table} (rowid, words, extras) values (%s, %s, %s)"
_REMOVE = "insert into {table} ({table}, rowid, words, extras) values ('delete', %s, %s, %s)"
_IDS_IN = "select rowid from {table} where rowid in ({marks})"
_NEWEST = """
    select rowid from results_search
    where results_search match %s and rowid < %s and {condition} order by rowid desc limit %s
"""
_BETWEEN = """
    select rowid from results_search
    where results_search match %s and rowid between %s and %s and {condition}
"""
# Both in one query, as the start of a prefix query over many words is expensive.
_NEWEST_AND_COUNT = """
    with hits as materialized (
        select rowid as id from results_search where results_search match %s and {condition}
        order by rowid desc limit %s
    )
    select id, (select count(*) from hits) from hits order by id desc limit %s
"""
# A writer that waits for the write lock tries every 25 ms at first. Without a pause it would find the lock taken
# for seconds.
_PAUSE_SECONDS = 0.02
_RUN_ID = "(select run_id from results_cue where results_cue.id = results_search.rowid)"
_LAST_ID = 2**63 - 1


def add(entries: Iterable[IndexEntry]) -> None:
    """Insert these entries, none of which may be in the index yet."""
    rows = [_row(entry) for entry in entries]
    for table in _tables():
        with connection.cursor() as cursor:
            cursor.executemany(_ADD.format(table=table), rows)


def remove(entries: Iterable[IndexEntry]) -> None:
    """Delete the entries that are in the index. Deleting one that is not there would corrupt FTS5."""
    rows = {entry.cue_id: _row(entry) for entry in entries}
    for table in _tables():
        with connection.cursor() as cursor:
            cursor.executemany(_REMOVE.format(table=table), [rows[cue_id] for cue_id in _ids_in(table, rows)])


def newest(query: IndexQuery, before_id: int | None, least: int, most: int) -> list[int]:
    """Return the cue ids of the newest hits below `before_id`, up to `most`, in descending order.

    `least` is not used: starting the query is expensive, reading on is cheap.
    """
    condition, params = query.condition(_RUN_ID)
    before = _LAST_ID if before_id is None else before_id
    return _column(_NEWEST.format(condition=condition), [_expression(query), before, *params, most])


def newest_and_count(query: IndexQuery, least: int, most: int, count_to: int) -> tuple[list[int], int]:
    """Return the cue ids of the newest hits, up to `most`, and the number of hits, counted up to `count_to`."""
    condition, params = query.condition(_RUN_ID)
    sql = _NEWEST_AND_COUNT.format(condition=condition)
    found = fetch_rows(sql, [_expression(query), *params, max(most, count_to), most])
    return [cue_id for cue_id, _count in found], found[0][1] if found else 0


def between(query: IndexQuery, first_id: int, last_id: int) -> list[int]:
    """Return the cue ids of all hits from `first_id` to `last_id`, in no order."""
    condition, params = query.condition(_RUN_ID)
    return _column(_BETWEEN.format(condition=condition), [_expression(query), first_id, last_id, *params])


def rebuild(
    batch_after: Callable[[int], tuple[int, list[IndexEntry]] | None],
) -> Generator[list[IndexEntry], None, None]:
    """Rebuild the index in a second table, a batch at a time, while other processes search and save.

    At the end the new table replaces the old one. Each batch is read and added under one write lock, so that no
    change is missed and no removed entry comes back. Yields each batch.
    """
    drop_unfinished_rebuild()
    with connection.cursor() as cursor:
        cursor.execute("select sql from sqlite_master where name = %s", [_TABLE])
        [definition] = cursor.fetchone()
        cursor.execute(definition.replace(_TABLE, _NEW_TABLE, 1))
    try:
        yield from _fill(batch_after)
    finally:
        drop_unfinished_rebuild()


def drop_unfinished_rebuild() -> None:
    """Drop the table of an unfinished rebuild. Otherwise every later entry would be added there too."""
    with connection.cursor() as cursor:
        cursor.execute(f"drop table if exists {_NEW_TABLE}")


def _fill(
    batch_after: Callable[[int], tuple[int, list[IndexEntry]] | None],
) -> Generator[list[IndexEntry], None, None]:
    last_id: int | None = 0
    while last_id is not None:
        with transaction.atomic():
            last_id, entries = batch_after(last_id) or (None, [])
            rows = {entry.cue_id: _row(entry) for entry in entries}
            for cue_id in _ids_in(_NEW_TABLE, rows):
                del rows[cue_id]
            with connection.cursor() as cursor:
                cursor.executemany(_ADD.format(table=_NEW_TABLE), list(rows.values()))
                if last_id is None:
                    cursor.execute(f"drop table {_TABLE}")
                    cursor.execute(f"alter table {_NEW_TABLE} rename to {_TABLE}")
        if last_id is not None:
            yield entries
            time.sleep(_PAUSE_SECONDS)


def _tables() -> list[str]:
    return _column(_PRESENT_TABLES, [_TABLE, _NEW_TABLE])


def _ids_in(table: str, cue_ids: Collection[int]) -> list[int]:
    return _column(_IDS_IN.format(table=table, marks=", ".join(["%s"] * len(cue_ids))), list(cue_ids))


def _column(sql: str, args: list[Any]) -> list[Any]:
    return [value for (value,) in fetch_rows(sql, args)]


def _row(entry: IndexEntry) -> tuple[int, str, str]:
    return entry.cue_id, _text(entry.team, entry.words), _text(entry.team, entry.extras)


def _text(team: str, terms: list[str]) -> str:
    return team + f" {team}".join(terms) if terms else ""


def _expression(query: IndexQuery) -> str:
    groups = " AND ".join(f"({_any(group)})" for group in query.groups)
    return f"({groups}) NOT ({_any(query.excluded)})" if query.excluded else groups


def _any(phrases: Iterable[Phrase]) -> str:
    return " OR ".join(map(_phrase, phrases))


def _phrase(phrase: Phrase) -> str:
    column = "words : " if len(phrase.terms) > 1 else ""
    return f'{column}"{" ".join(phrase.terms)}"{" *" if phrase.is_prefix else ""}'
