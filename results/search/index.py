"""Builds index entries and index queries whose terms carry their team, so that no team can find another's lines.

The term of "kitchen" is `2f_kitchen`, with the team's id in base 36. The analyzer makes no term with an underscore,
so nothing that a user types can reach another team (tenant isolation). A line's speaker, language and run are terms
as well (`2f__speaker_anna`, `2f__lang_ptbr`, `2f__run_81`), and so is the bare team (`2f_`), which finds all its
lines. A speaker is found by CAMB.AI's name and by the name that users gave.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils.http import int_to_base36

from results.db.replica import fetch_rows
from results.models import Cue, Run
from results.search.analyzer import Phrase, Terms, terms
from results.search.query import Query

SPEAKER = "_speaker_"
"""Begins the terms of a line's speakers."""

MAX_RUNS_AS_TERMS = 20
"""Runs that a query names as terms; with more, looking up the run of each hit costs less."""


# Ids of `Run.objects.to_unindex()` in raw SQL: building the ORM query takes longer than a search for a rare word.
_TO_UNINDEX = "select id from results_run where team_id = %s and archived_at is not null and is_indexed"

# Ids of `Run.objects.current()` in raw SQL, for the same reason.
_CURRENT = "select results_run.id from results_run where team_id = %s and archived_at is null"

# The plus and the id make SQLite read only the runs that are missing, which have an index of their own.
_MISSING = (
    "select count(*) from results_run where id > 0 and +team_id = %s and archived_at is null and not is_indexed"
)


class IndexLine(NamedTuple):
    """A cue with all the fields that find it."""

    cue_id: int
    team_id: int
    run_id: int
    language: str
    speaker: str
    original_speaker: str
    text: str


class IndexEntry(NamedTuple):
    """A line of the index: its terms in order, and `extras` without a position, all without the prefix `team`."""

    cue_id: int
    team_id: int
    run_id: int
    team: str
    words: list[str]
    extras: list[str]


class IndexQuery(NamedTuple):
    """A query in the terms of the index.

    A line must also belong to one of the runs whose ids the SQL `runs` selects, unless that is None.
    """

    team_id: int
    groups: tuple[tuple[Phrase, ...], ...]
    excluded: tuple[Phrase, ...]
    runs: tuple[str, tuple[Any, ...]] | None

    @classmethod
    def of_team(cls, team_id: int) -> "IndexQuery":
        """Return the query that finds every line of the team."""
        return cls(team_id, ((Phrase((_prefix(team_id),)),),), (), None)

    @classmethod
    def of_term(cls, team_id: int, term: str) -> "IndexQuery":
        """Return the query that finds the team's lines with this term."""
        return cls(team_id, ((Phrase((_prefix(team_id) + term,)),),), (), None)

    def condition(self, run_id: str) -> tuple[str, tuple[Any, ...]]:
        """Return an SQL condition, with its parameters, that the expression `run_id` is one of the query's runs."""
        if self.runs is None:
            return "true", ()
        sql, params = self.runs
        return f"{run_id} in ({sql})", params


def read_lines(cues: QuerySet[Cue]) -> Iterator[IndexLine]:
    """Read these cues as lines. Making a model object takes longer than all the work on a line, so none is made."""
    fields = ("pk", "team_id", "run_id", "dub__language", "speaker", "original_speaker", "text")
    return map(IndexLine._make, cues.values_list(*fields).iterator())


def make_entry(line: IndexLine) -> IndexEntry:
    """Return the index entry of this line: the terms of its text, speakers, language and run."""
    words, extras = terms(line.text)
    label = _label(line.speaker, line.original_speaker, line.language, line.run_id)
    words += label.words
    extras += label.extras
    return IndexEntry(line.cue_id, line.team_id, line.run_id, _prefix(line.team_id), words, extras)


@lru_cache(maxsize=1024)
def _label(speaker: str, original_speaker: str, language: str, run_id: int) -> Terms:
    """Return the terms that many lines of a run share: those of speaker, language, run and team."""
    label = Terms([], [])
    for name in filter(None, (speaker, original_speaker)):
        found = _speaker_terms(name)
        label.words.extend(found.words)
        label.extras.extend(found.extras)
    label.extras.extend((*language_terms(language), f"_run_{run_id}", ""))
    return label


def is_whole(term: str) -> bool:
    """Return whether a term without its team is only searched for as a whole, never by its beginning."""
    return not term or term.startswith(("_lang_", "_run_"))


def make_query(team_id: int, query: Query) -> IndexQuery | None:
    """Return the query in the terms of the index, or None when no line can be a hit.

    Lines of archived runs are excluded, as they may still be in the index.
    """
    team = _prefix(team_id)
    groups = [_of_team(team, group) for group in query.groups] or [(Phrase((team,)),)]
    excluded = _of_team(team, query.excluded)
    is_in_runs = bool(query.runs or query.target_runs)
    runs = _current(team_id, query) if is_in_runs else None
    sql, params = runs or (_TO_UNINDEX, (team_id,))
    ids = [run_id for (run_id,) in fetch_rows(f"{sql} limit %s", [*params, MAX_RUNS_AS_TERMS + 1])]
    if is_in_runs and not ids:
        return None
    if len(ids) > MAX_RUNS_AS_TERMS:
        return IndexQuery(team_id, tuple(groups), excluded, runs or _current(team_id, query))
    as_terms = tuple(Phrase((f"{team}_run_{run_id}",)) for run_id in ids)
    if is_in_runs:
        groups.append(as_terms)
    else:
        excluded += as_terms
    return IndexQuery(team_id, tuple(groups), excluded, None)


def missing_runs(team_id: int) -> int:
    """Return how many of the team's runs no search finds yet: their lines wait to be added to the index."""
    [[count]] = fetch_rows(_MISSING, [team_id])
    return int(count)


def _current(team_id: int, query: Query) -> tuple[str, tuple[Any, ...]]:
    """Return SQL that selects the ids of the team's current runs that fit the query, and its parameters.

    A search that reads them twice uses the SQL twice: the ORM takes longer to build it than to run it.
    """
    sql, params = _CURRENT, (team_id,)
    if query.runs:
        runs = Run.objects.current().filter(query.runs, team_id=team_id)
        sql, params = runs.order_by().values("pk").query.sql_with_params()
    if query.target_runs is None:
        return sql, params
    of_target, of_target_params = query.target_runs
    return f"{sql} and results_run.id in ({of_target})", (*params, *of_target_params)


def _of_team(team: str, found: Iterable[Phrase]) -> tuple[Phrase, ...]:
    return tuple(Phrase(tuple(team + term for term in terms), is_prefix) for terms, is_prefix in found)


@lru_cache(maxsize=1024)
def _prefix(team_id: int) -> str:
    return f"{int_to_base36(team_id)}_"


@lru_cache(maxsize=1024)
def _speaker_terms(name: str) -> Terms:
    return Terms(*([f"{SPEAKER}{term}" for term in found] for found in terms(name)))


@lru_cache(maxsize=1024)
def language_terms(tag: str) -> Sequence[str]:
    """Return the terms of a language tag: `pt-br` is found as pt and as pt-br, but not as br, which is Breton."""
    parts = ["".join(filter(str.isalnum, part.lower())) for part in tag.split("-")]
    return [f"_lang_{term}" for term in accumulate(parts) if term]
