"""How does PostgreSQL keep and answer the index? In a table of its own, a tsvector a line, under GIN."""

from collections.abc import Callable, Generator, Iterable

from django.db import connection, transaction

from results.search.analyzer import Phrase
from results.search.index import IndexEntry, IndexQuery, fetch_rows

# GIN knows no order: it has to fetch all hits to give the newest. So the team's newest lines are looked through
# first, and, when these say that hits are not rare, some more; only rare terms, which have few hits, ask GIN.
FEW_LINES = 2_000
MANY_LINES = 20_000

# Looks through the team's newest lines, backwards by id.
_WALK = """
    select cue_id from (
        select cue_id, run_id, terms from results_search
        where team_id = %s and cue_id < %s order by cue_id desc limit %s
    ) newest
    where terms @@ %s::tsquery and {condition} order by cue_id desc limit %s
"""
# Materialized, so that the planner finds the hits by GIN whatever is done with them, but reads no more than needed.
_NEWEST = """
    with hits as materialized (select cue_id from results_search where terms @@ %s::tsquery and {condition})
    select cue_id, (select count(*) from hits) from hits where cue_id < %s order by cue_id desc limit %s
"""
_COUNT = """
    with hits as materialized (select cue_id from results_search where terms @@ %s::tsquery and {condition})
    select count(*) from (select from hits limit %s) counted
"""

# A tsvector knows no more places, so in a longer line they begin anew; and it takes a megabyte at most, which only
# a line of tens of thousands of different words would need.
_PLACES = 16_382
_MOST_BYTES = 2**20 - 1

_LAST_ID = 2**63 - 1


def add(entries: Iterable[IndexEntry]) -> None:
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
    keys = [(entry.team_id, entry.cue_id) for entry in entries]
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from results_search "
            "where (team_id, cue_id) in (select * from unnest(%s::bigint[], %s::bigint[]))",
            [list(column) for column in zip(*keys, strict=True)] or [[], []],
        )


def newest(wanted: IndexQuery, before_id: int | None, least: int, most: int) -> list[int]:
    """The newest ids from before one on: up to `most` where that is cheap, but `least` if there are so many."""
    before = _LAST_ID if before_id is None else before_id
    ids = _walked(wanted, before, least, most)
    return ids if len(ids) >= least else _by_gin(wanted, before, most)[0]


def newest_and_count(wanted: IndexQuery, least: int, most: int, count_to: int) -> tuple[list[int], int]:
    """The newest ids of all, as above, and how many there are in all, up to `count_to`."""
    ids = _walked(wanted, _LAST_ID, least, most)
    return (ids, _count(wanted, count_to)) if len(ids) >= least else _by_gin(wanted, _LAST_ID, most)


def rebuild(
    batch_after: Callable[[int], tuple[int, list[IndexEntry]] | None],
) -> Generator[list[IndexEntry], None, None]:
    """All anew in place, a batch at a time, while others search and save. Yields each."""
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


def _walked(wanted: IndexQuery, before: int, least: int, most: int) -> list[int]:
    """The newest hits, up to `most`, unless these are rare."""
    ids = _walk(wanted, before, FEW_LINES, most)
    if len(ids) < most and len(ids) * MANY_LINES >= least * FEW_LINES:
        ids = _walk(wanted, before, MANY_LINES, most)
    return ids


def _by_gin(wanted: IndexQuery, before: int, most: int) -> tuple[list[int], int]:
    """The newest hits, up to `most`, and how many there are in all, older or newer."""
    condition, params = wanted.condition("run_id")
    found = fetch_rows(_NEWEST.format(condition=condition), [_expression(wanted), *params, before, most])
    return [cue_id for cue_id, _count in found], found[0][1] if found else 0


def _count(wanted: IndexQuery, most: int) -> int:
    # GIN gathers all hits before it gives one: what most lines say is sooner counted on a walk.
    if len(_walk(wanted, _LAST_ID, FEW_LINES, FEW_LINES)) * MANY_LINES > most * FEW_LINES:
        walked = len(_walk(wanted, _LAST_ID, MANY_LINES, most))
        if walked == most:
            return walked
    condition, params = wanted.condition("run_id")
    [[count]] = fetch_rows(_COUNT.format(condition=condition), [_expression(wanted), *params, most])
    return int(count)


def _walk(wanted: IndexQuery, before: int, lines: int, most: int) -> list[int]:
    """The newest hits, up to `most`, among the team's so many lines from before an id on."""
    condition, params = wanted.condition("run_id")
    args = [wanted.team_id, before, lines, _expression(wanted), *params, most]
    return [cue_id for (cue_id,) in fetch_rows(_WALK.format(condition=condition), args)]


def _vector(entry: IndexEntry) -> str:
    places: dict[str, list[str]] = {term: [] for term in entry.extras}
    for place, term in enumerate(entry.words):
        places.setdefault(term, []).append(str(place % _PLACES + 1))
    team = entry.team
    vector = " ".join(f"'{team}{term}':{','.join(at)}" if at else f"'{team}{term}'" for term, at in places.items())
    encoded = vector.encode()
    return vector if len(encoded) <= _MOST_BYTES else encoded[:_MOST_BYTES].rpartition(b" ")[0].decode()


def _expression(wanted: IndexQuery) -> str:
    groups = " & ".join(f"({_any(group)})" for group in wanted.groups)
    return f"{groups} & !({_any(wanted.excluded)})" if wanted.excluded else groups


def _any(phrases: Iterable[Phrase]) -> str:
    return " | ".join(map(_phrase, phrases))


def _phrase(phrase: Phrase) -> str:
    *before, last = (f"'{term}'" for term in phrase.terms)
    return f"({' <-> '.join([*before, f'{last}:*' if phrase.is_prefix else last])})"
