"""Finds the lines at the same moment in the other dubs of a source: those of the run, and those of its companions.

Companions are the other runs of the run's source. Two lines stand at the same moment if their times overlap.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from django.db import connection

from results.db.replica import fetch_rows
from results.models import Dub, Run
from results.search.analyzer import Phrase
from results.search.query import Query, language_term

# A source may have two hundred runs; the lines of more dubs than this would be too many to read beside a hit.
MAX_COMPANION_DUBS = 20

# Looks near the same position of the other transcript, and farther away the more the two differ in length. So the
# cost is the same for a trailer and for a long film.
_NEAR = """
    near as (
        select cue.id, cue.start_ms, cue.end_ms, other_dub.id as dub_id, other_dub.language,
            cue.position - abs(other_dub.cue_count - dub.cue_count) - 10 as first,
            cue.position + abs(other_dub.cue_count - dub.cue_count) + 10 as last
        from results_cue cue join results_dub dub on dub.id = cue.dub_id {others}
        where cue.id in ({cues})
    )
    select near.id, near.start_ms, near.end_ms, near.dub_id, near.language,
        other.id, other.start_ms, other.end_ms, other.text
    from near {join_lines}
        and other.start_ms < near.end_ms and other.end_ms > near.start_ms
    order by near.id, near.language, near.dub_id, other.position
"""
_JOIN_LINES = """
    join results_cue other on other.dub_id = near.dub_id
        and other.position >= near.first and other.position <= near.last
"""
# PostgreSQL cannot tell how few lines stand near a position, and would read all lines there are. With an offset,
# even of 0, it has to look up the lines of one hit after the other.
_JOIN_LINES_ON_POSTGRESQL = """
    join lateral (
        select id, start_ms, end_ms, text, position from results_cue
        where dub_id = near.dub_id and position >= near.first and position <= near.last offset 0
    ) other on true
"""
# Raw SQL, as the ORM takes longer than the database to handle hundreds of ids, and to build a query.
_IN_THE_RUN = "with" + _NEAR.replace(
    "{others}", "join results_dub other_dub on other_dub.run_id = cue.run_id and other_dub.id <> cue.dub_id"
)
_IN_COMPANIONS = "with companion (source_id, dub_id) as (values {companions})," + _NEAR.replace(
    "{others}",
    """
        join results_run run on run.id = cue.run_id
        join companion on companion.source_id = run.source_id
        join results_dub other_dub on other_dub.id = companion.dub_id and other_dub.run_id <> cue.run_id
    """,
)
_COMPANIONS = """
    select run.source_id, dub.id from results_dub dub join results_run run on run.id = dub.run_id
    where run.source_id in ({sources}) and run.team_id in ({teams}) and run.archived_at is null
    and dub.cue_count > 0 and ({condition}) order by dub.id
"""
# The runs with a dub in a language, and those of the same sources.
_WITH_DUB = """
    with spoken as (select run_id from results_dub dub where team_id = %s and ({condition}))
    select run_id from spoken union select id from results_run where team_id = %s and source_id in (
        select source_id from results_run where id in (select run_id from spoken) and source_id is not null
    )
"""


class FoundCue(NamedTuple):
    """A found cue with its dub, which has its run loaded. A model object would take ten times as long to make."""

    pk: int
    team_id: int
    run_id: int
    dub_id: int
    position: int
    start_ms: int
    end_ms: int
    speaker: str
    text: str
    dub: Dub

    @property
    def run(self) -> Run:
        return self.dub.run


class ParallelLine(NamedTuple):
    """A line that stands at the same moment as the line `cue_id`; times are in milliseconds."""

    cue_id: int
    start_ms: int
    end_ms: int
    dub_id: int
    language: str
    other_id: int
    other_start_ms: int
    other_end_ms: int
    text: str

    @property
    def overlap_ms(self) -> int:
        return min(self.end_ms, self.other_end_ms) - max(self.start_ms, self.other_start_ms)


def parallel_lines(cues: Iterable[FoundCue]) -> dict[int, list[ParallelLine]]:
    """Return the lines at the same moment in other dubs, by the id of each of these lines.

    The run's own dubs come first.
    """
    cues = list(cues)
    found = defaultdict[int, list[ParallelLine]](list)
    for line in (*_read(_IN_THE_RUN, cues), *_in_companions(cues, ())):
        found[line.cue_id].append(line)
    return dict(found)


# --- in:ja kitchen -----------------------------------------------------------------------------------


def with_target(team_id: int, query: Query) -> Query:
    """Return the search for lines in other languages than the target, of sources that have a dub in the target."""
    condition, languages = _spoken(query.target)
    return replace(
        query,
        excluded=(*query.excluded, *(Phrase((language_term(tag),)) for tag in query.target)),
        target_runs=(_WITH_DUB.format(condition=condition), (team_id, *languages, team_id)),
    )


def land(cues: Sequence[FoundCue], target: Sequence[str]) -> list[tuple[FoundCue, int]]:
    """Return each line with the id of the line that stands at its moment in each dub in the target language.

    Of several such lines in one dub it is the one that overlaps longest. A line at which two lines land is returned
    once, with the first.
    """
    lines = [line for line in _read(_IN_THE_RUN, cues) if _is_spoken(line.language, target)]
    lines += _in_companions(cues, target)
    best: dict[tuple[int, int], ParallelLine] = {}
    for line in lines:
        known = best.get((line.cue_id, line.dub_id))
        if known is None or line.overlap_ms > known.overlap_ms:
            best[line.cue_id, line.dub_id] = line
    landed = defaultdict[int, list[int]](list)
    for line in best.values():
        landed[line.cue_id].append(line.other_id)
    pairs: dict[int, FoundCue] = {}
    for cue in cues:
        for other in landed[cue.pk]:
            pairs.setdefault(other, cue)
    return [(cue, other) for other, cue in pairs.items()]


def _is_spoken(tag: str, target: Sequence[str]) -> bool:
    return any(tag == wanted or tag.startswith(f"{wanted}-") for wanted in target)


def _spoken(target: Sequence[str]) -> tuple[str, list[str]]:
    """Return the SQL condition, with its parameters, that a dub is in one of these languages, in any region."""
    # A range, so that an index is used on every database; "." follows "-".
    condition = " or ".join(["dub.language = %s or (dub.language >= %s and dub.language < %s)"] * len(target))
    return condition or "true", [text for tag in target for text in (tag, f"{tag}-", f"{tag}.")]


# --- Reading -----------------------------------------------------------------------------------------


def _in_companions(cues: Sequence[FoundCue], target: Sequence[str]) -> list[ParallelLine]:
    """Return the lines at the same moments in dubs of companions, only in these languages if there are any."""
    dubs = {cue.dub_id: cue.dub for cue in cues}.values()
    sources = {dub.run.source_id for dub in dubs} - {None}
    if not sources:
        return []
    teams = {dub.team_id for dub in dubs}
    condition, languages = _spoken(target)
    sql = _COMPANIONS.format(sources=_placeholders(sources), teams=_placeholders(teams), condition=condition)
    by_source = defaultdict[int, list[int]](list)
    for source, dub in fetch_rows(sql, [*sources, *teams, *languages]):
        if len(by_source[source]) < MAX_COMPANION_DUBS:
            by_source[source].append(dub)
    pairs = [(source, dub) for source, its_dubs in by_source.items() for dub in its_dubs]
    return _read(_IN_COMPANIONS, cues, pairs) if pairs else []


def _read(sql: str, cues: Sequence[FoundCue], companions: Sequence[tuple[int, int]] = ()) -> list[ParallelLine]:
    if not cues:
        return []
    values = ", ".join(["(%s, %s)"] * len(companions))
    join_lines = _JOIN_LINES_ON_POSTGRESQL if connection.vendor == "postgresql" else _JOIN_LINES
    text = sql.format(cues=_placeholders(cues), companions=values, join_lines=join_lines)
    params = [*chain.from_iterable(companions), *(cue.pk for cue in cues)]
    return list(map(ParallelLine._make, fetch_rows(text, params)))


def _placeholders(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
