"""How does SQLite keep and answer the index? In an FTS5 table that stores no text, only where each term stands."""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from results.search.analyzer import Phrase
from results.search.index import Entry, Wanted

_ADD = "insert into results_search (rowid, words, extras) values (%s, %s, %s)"
_REMOVE = "insert into results_search (results_search, rowid, words, extras) values ('delete', %s, %s, %s)"
_PRESENT = "select rowid from results_search where rowid in ({marks})"
_NEWEST = """
    select rowid from results_search
    where results_search match %s and rowid < %s and {condition} order by rowid desc limit %s
"""
_COUNT = """
    select count(*) from (select 1 from results_search where results_search match %s and {condition} limit %s)
"""
_LAST_ID = 2**63 - 1


def add(entries: Iterable[Entry]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, [_row(entry) for entry in entries])


def remove(entries: Iterable[Entry]) -> None:
    """Take out what is in: told to forget what it never knew, FTS5 would be corrupt."""
    rows = {entry.cue_id: _row(entry) for entry in entries}
    marks = ", ".join(["%s"] * len(rows))
    present = _numbers(_PRESENT.format(marks=marks), list(rows))
    with connection.cursor() as cursor:
        cursor.executemany(_REMOVE, [rows[cue_id] for cue_id in present])


def find(wanted: Wanted, before_id: int | None, limit: int, most: int) -> tuple[list[int], int]:
    """The newest ids, and how many there are in all, counting up to `most`."""
    condition, params = wanted.condition("results_search.rowid")
    expression = _expression(wanted)
    if before_id is None:
        # One look for both: merging the lines of a prefix is what costs, not reading on.
        ids = _numbers(_NEWEST.format(condition=condition), [expression, _LAST_ID, *params, max(limit, most)])
        return ids[:limit], len(ids)
    ids = _numbers(_NEWEST.format(condition=condition), [expression, before_id, *params, limit])
    return ids, _numbers(_COUNT.format(condition=condition), [expression, *params, most])[0]


def rebuild(batches: Iterable[list[Entry]]) -> None:
    """All anew in one transaction: searches see the old index meanwhile, and whoever saves waits."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("insert into results_search(results_search) values ('delete-all')")
        for batch in batches:
            add(batch)


def _numbers(sql: str, args: list[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return [number for (number,) in cursor.fetchall()]


def _row(entry: Entry) -> tuple[int, str, str]:
    return entry.cue_id, " ".join(entry.words), " ".join(entry.extras)


def _expression(wanted: Wanted) -> str:
    groups = " AND ".join(f"({_any(group)})" for group in wanted.groups)
    return f"({groups}) NOT ({_any(wanted.excluded)})" if wanted.excluded else groups


def _any(phrases: Iterable[Phrase]) -> str:
    return " OR ".join(map(_phrase, phrases))


def _phrase(phrase: Phrase) -> str:
    column = "words : " if len(phrase.terms) > 1 else ""
    return f'{column}"{" ".join(phrase.terms)}"{" *" if phrase.is_prefix else ""}'
