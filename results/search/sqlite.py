"""How does SQLite keep and answer the index? In an FTS5 table that stores no text, only where each term stands."""

import time
from collections.abc import Callable, Collection, Generator, Iterable
from typing import Any

from django.db import connection, transaction

from results.search.analyzer import Phrase
from results.search.index import IndexEntry, IndexQuery, fetch_rows

_TABLE = "results_search"
# Stands only while the index is made anew; whatever is added or removed meanwhile, is so here too.
_NEW_TABLE = "results_search_new"
_PRESENT_TABLES = "select name from sqlite_master where name in (%s, %s)"
_ADD = "insert into {table} (rowid, words, extras) values (%s, %s, %s)"
_REMOVE = "insert into {table} ({table}, rowid, words, extras) values ('delete', %s, %s, %s)"
_PRESENT = "select rowid from {table} where rowid in ({marks})"
_NEWEST = """
    select rowid from results_search
    where results_search match %s and rowid < %s and {condition} order by rowid desc limit %s
"""
# Both at once, as a prefix of many words is dear to begin with.
_NEWEST_AND_COUNT = """
    with hits as materialized (
        select rowid as id from results_search where results_search match %s and {condition}
        order by rowid desc limit %s
    )
    select id, (select count(*) from hits) from hits order by id desc limit %s
"""
# Who waits for the write lock looks every 25 ms at first; without a pause he would find it taken for seconds.
_PAUSE_SECONDS = 0.02
_RUN_ID = "(select run_id from results_cue where results_cue.id = results_search.rowid)"
_LAST_ID = 2**63 - 1


def add(entries: Iterable[IndexEntry]) -> None:
    rows = [_row(entry) for entry in entries]
    for table in _tables():
        with connection.cursor() as cursor:
            cursor.executemany(_ADD.format(table=table), rows)


def remove(entries: Iterable[IndexEntry]) -> None:
    """Take out what is in: told to forget what it never knew, FTS5 would be corrupt."""
    rows = {entry.cue_id: _row(entry) for entry in entries}
    for table in _tables():
        with connection.cursor() as cursor:
            cursor.executemany(_REMOVE.format(table=table), [rows[cue_id] for cue_id in _present(table, rows)])


def newest(wanted: IndexQuery, before_id: int | None, least: int, most: int) -> list[int]:
    """The newest ids from before one on, up to `most`: reading on is cheap, beginning is not."""
    condition, params = wanted.condition(_RUN_ID)
    before = _LAST_ID if before_id is None else before_id
    return _column(_NEWEST.format(condition=condition), [_expression(wanted), before, *params, most])


def newest_and_count(wanted: IndexQuery, least: int, most: int, count_to: int) -> tuple[list[int], int]:
    """The newest ids of all, and how many there are in all, up to `count_to`."""
    condition, params = wanted.condition(_RUN_ID)
    sql = _NEWEST_AND_COUNT.format(condition=condition)
    found = fetch_rows(sql, [_expression(wanted), *params, max(most, count_to), most])
    return [cue_id for cue_id, _count in found], found[0][1] if found else 0


def rebuild(
    batch_after: Callable[[int], tuple[int, list[IndexEntry]] | None],
) -> Generator[list[IndexEntry], None, None]:
    """All anew in a table aside, a batch at a time, while others search and save; then the tables change places.

    Each batch is read under the write lock that it is added under, so nothing is missed and nothing comes back.
    Yields each.
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
    """Forget what a rebuild left that came to no end: all that is added would be added there too."""
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
            for cue_id in _present(_NEW_TABLE, rows):
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


def _present(table: str, cue_ids: Collection[int]) -> list[int]:
    return _column(_PRESENT.format(table=table, marks=", ".join(["%s"] * len(cue_ids))), list(cue_ids))


def _column(sql: str, args: list[Any]) -> list[Any]:
    return [value for (value,) in fetch_rows(sql, args)]


def _row(entry: IndexEntry) -> tuple[int, str, str]:
    return entry.cue_id, _text(entry.team, entry.words), _text(entry.team, entry.extras)


def _text(team: str, terms: list[str]) -> str:
    return team + f" {team}".join(terms) if terms else ""


def _expression(wanted: IndexQuery) -> str:
    groups = " AND ".join(f"({_any(group)})" for group in wanted.groups)
    return f"({groups}) NOT ({_any(wanted.excluded)})" if wanted.excluded else groups


def _any(phrases: Iterable[Phrase]) -> str:
    return " OR ".join(map(_phrase, phrases))


def _phrase(phrase: Phrase) -> str:
    column = "words : " if len(phrase.terms) > 1 else ""
    return f'{column}"{" ".join(phrase.terms)}"{" *" if phrase.is_prefix else ""}'
