"""Finds the lines of one dub, in the order of the transcript, by the rules of the search over all dubs."""

from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from django.db.models import Max, Min, Q

from results.models import Dub, Run
from results.search import index
from results.search.analyzer import Phrase
from results.search.engine import engine
from results.search.index import IndexEntry
from results.search.marks import marker
from results.search.query import Query, parse
from results.search.service import iter_hits


class FoundLine(NamedTuple):
    """A line that matches, and the (start, end) of each match in its text."""

    position: int
    start_ms: int
    end_ms: int
    speaker: str
    text: str
    marks: list[tuple[int, int]]


def find_in_dub(dub: Dub, typed: str) -> list[FoundLine]:
    """Return the dub's lines that match, in the order of the transcript. Raises no error for any text."""
    query = parse(typed)
    found = _find(dub, query)
    return _find(dub, query.without_letter()) if query.ends_in_letter and not found else found


def _find(dub: Dub, query: Query) -> list[FoundLine]:
    if not query or (query.runs and not Run.objects.filter(query.runs, pk=dub.run_id).exists()):
        return []
    ids = set(_ids_in_index(dub, query) if dub.run.is_indexed else _ids_by_reading(dub, query))
    # A list of ids is quicker for few lines, reading the whole dub for many.
    cues = dub.cues.filter(pk__in=ids) if len(ids) < dub.cue_count // 4 else dub.cues.all()
    # Making model objects takes longer than finding the lines.
    rows = cues.order_by("position").values_list("pk", "position", "start_ms", "end_ms", "speaker", "text")
    marks_of = marker(chain.from_iterable(query.groups))
    return [
        FoundLine(position, start_ms, end_ms, speaker, text, marks_of(text))
        for pk, position, start_ms, end_ms, speaker, text in rows
        if pk in ids
    ]


def count_in_dub(dub: Dub, typed: str) -> int:
    """Return the number of this dub's lines that match, of those that are in the index."""
    query = parse(typed)
    if not query:
        return 0
    return _count_landed(dub, query) if query.target else len(_ids_in_index(dub, query))


def _count_landed(dub: Dub, query: Query) -> int:
    """Return how many lines of a search with `in:` land in this dub, or in other dubs from its lines."""
    runs = Q(source=dub.run.source_id) if dub.run.source_id else Q(pk=dub.run_id)
    query = replace(query, runs=query.runs & runs)
    return sum(dub.pk in (hit.cue.dub_id, hit.said.cue.dub_id) for hit in iter_hits(dub.team_id, query) if hit.said)


def _ids_in_index(dub: Dub, query: Query) -> list[int]:
    first, last = dub.cues.aggregate(first=Min("pk"), last=Max("pk")).values()
    index_query = index.make_query(dub.team_id, query.in_run(dub.run_id)) if first else None
    # A dub's lines were stored together, so in its run no other dub's line has an id between theirs.
    return engine.between(index_query, first, last) if index_query else []


def _ids_by_reading(dub: Dub, query: Query) -> list[int]:
    """Find the lines without the index, in which the lines of an archived run are not."""
    entries = map(index.make_entry, index.read_lines(dub.cues.all()))
    return [entry.cue_id for entry in entries if _is_hit(entry, query)]


def _is_hit(entry: IndexEntry, query: Query) -> bool:
    is_found = all(any(_has(entry, phrase) for phrase in group) for group in query.groups)
    return is_found and not any(_has(entry, phrase) for phrase in query.excluded)


def _has(entry: IndexEntry, phrase: Phrase) -> bool:
    *before, last = phrase.terms
    places = range(len(before), len(entry.words))
    stands = (place for place in places if entry.words[place - len(before) : place] == before)
    ends = chain((entry.words[place] for place in stands), () if before else entry.extras)
    return any(term.startswith(last) if phrase.is_prefix else term == last for term in ends)
