"""Finds the lines at the same moment in the other dubs of a source: those of the run, and those of its companions.

Companions are the other runs of the run's source. Two lines stand at the same moment if their times overlap.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain
from operator import or_
from typing import NamedTuple

from django.db.models import Q

from results.db.replica import fetch_rows
from results.models import Dub, Run
from results.search.analyzer import Phrase
from results.search.query import Query, language_term

# A source may have two hundred runs; the lines of more dubs than this would be too many to read beside a hit.
MAX_COMPANION_DUBS = 20

# Looks near the same position of the other transcript, and farther away the more the two differ in length. So the
# cost is the same for a trailer and for a long film.
_AT_THE_SAME_MOMENT = """
    join results_cue other on other.dub_id = other_dub.id
        and other.position >= cue.position - abs(other_dub.cue_count - dub.cue_count) - 10
        and other.position <= cue.position + abs(other_dub.cue_count - dub.cue_count) + 10
        and other.start_ms < cue.end_ms and other.end_ms > cue.start_ms
    where cue.id in ({cues})
    order by cue.id, other_dub.language, other_dub.id, other.position
"""
_FIELDS = (
    "cue.id, cue.start_ms, cue.end_ms, other_dub.id, other_dub.language, other.id, other.start_ms, other.end_ms, "
    "other.text"
)
# Raw SQL, as the ORM takes longer than the database to handle hundreds of ids.
_IN_THE_RUN = f"""
    select {_FIELDS} from results_cue cue
    join results_dub dub on dub.id = cue.dub_id
    join results_dub other_dub on other_dub.run_id = cue.run_id and other_dub.id <> cue.dub_id
    {_AT_THE_SAME_MOMENT}
"""  # noqa: S608  constants of our own
_IN_COMPANIONS = f"""
    with companion (source_id, dub_id) as (values {{companions}})
    select {_FIELDS} from results_cue cue
    join results_dub dub on dub.id = cue.dub_id
    join results_run run on run.id = cue.run_id
    join companion on companion.source_id = run.source_id
    join results_dub other_dub on other_dub.id = companion.dub_id and other_dub.run_id <> cue.run_id
    {_AT_THE_SAME_MOMENT}
"""  # noqa: S608  constants of our own


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
    for line in (*_read(_IN_THE_RUN, cues), *_in_companions(cues, Q())):
        found[line.cue_id].append(line)
    return dict(found)


# --- in:ja kitchen -----------------------------------------------------------------------------------


def with_target(team_id: int, query: Query) -> Query:
    """Return the search for lines in other languages than the target, of sources that have a dub in the target."""
    dubs = Dub.objects.filter(_spoken(query.target), team=team_id)
    of_source = Run.objects.filter(team=team_id, source__isnull=False, pk__in=dubs.values("run"))
    return replace(
        query,
        excluded=(*query.excluded, *(Phrase((language_term(tag),)) for tag in query.target)),
        runs=query.runs & (Q(pk__in=dubs.values("run")) | Q(source__in=of_source.values("source"))),
    )


def land(cues: Sequence[FoundCue], target: Sequence[str]) -> list[tuple[FoundCue, int]]:
    """Return each line with the id of the line that stands at its moment in each dub in the target language.

    Of several such lines in one dub it is the one that overlaps longest. A line at which two lines land is returned
    once, with the first.
    """
    lines = [line for line in _read(_IN_THE_RUN, cues) if _is_spoken(line.language, target)]
    lines += _in_companions(cues, _spoken(target))
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


def _spoken(target: Sequence[str]) -> Q:
    """Return the condition that a dub is in one of these languages, in any region."""
    # A range, so that an index is used on every database; "." follows "-".
    return reduce(
        or_, (Q(language=tag) | Q(language__gte=f"{tag}-", language__lt=f"{tag}.") for tag in target), Q()
    )


# --- Reading -----------------------------------------------------------------------------------------


def _in_companions(cues: Sequence[FoundCue], condition: Q) -> list[ParallelLine]:
    """Return the lines at the same moments in dubs of companions for which the condition holds."""
    sources = {source for cue in cues if (source := cue.run.source_id)}
    if not sources:
        return []
    teams = {cue.team_id for cue in cues}
    dubs = Dub.objects.filter(
        condition, team__in=teams, run__source__in=sources, run__archived_at=None, cue_count__gt=0
    )
    by_source = defaultdict[int, list[int]](list)
    for source, dub in dubs.order_by("pk").values_list("run__source", "pk"):
        if source and len(by_source[source]) < MAX_COMPANION_DUBS:
            by_source[source].append(dub)
    pairs = [(source, dub) for source, its_dubs in by_source.items() for dub in its_dubs]
    return _read(_IN_COMPANIONS, cues, pairs) if pairs else []


def _read(sql: str, cues: Sequence[FoundCue], companions: Sequence[tuple[int, int]] = ()) -> list[ParallelLine]:
    if not cues:
        return []
    values = ", ".join(["(%s, %s)"] * len(companions))
    text = sql.format(cues=", ".join(["%s"] * len(cues)), companions=values)
    params = [*chain.from_iterable(companions), *(cue.pk for cue in cues)]
    return list(map(ParallelLine._make, fetch_rows(text, params)))
