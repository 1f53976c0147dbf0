"""Which lines of a team's transcripts say this? In any language, newest first, on SQLite and PostgreSQL alike."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from django.db import connection

from results.models import Cue
from results.search import index, postgres, sqlite
from results.search.analyzer import mark
from results.search.query import Query, parse

COUNT_UP_TO = 1_000
_BATCH = 1_000

_back_end = postgres if connection.vendor == "postgresql" else sqlite


@dataclass(frozen=True, slots=True)
class Hit:
    """A found line, with its dub and run; `marks` are start and end of what was found in its text."""

    cue: Cue
    marks: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Page:
    """Hits, newest first. `count` is of the whole search; when it is not exact, there are more than that."""

    hits: list[Hit]
    count: int
    is_exact: bool
    next_before: int | None
    hint: str


def add(cues: Iterable[Cue]) -> None:
    """Make saved cues findable once the caller's transaction commits; each once, with its dub at hand."""
    for batch in _batches(cues):
        _back_end.add(map(index.entry, batch))


def remove(cues: Iterable[Cue]) -> None:
    """Make cues unfindable; to be called while they and their dub still are as they were added."""
    for batch in _batches(cues):
        _back_end.remove(map(index.entry, batch))


def search(team_id: int, query: Query | str, *, before_id: int | None = None, limit: int = 50) -> Page:
    """The team's newest lines that fit, from before a line's id on; never an error, whatever was typed."""
    query = parse(query) if isinstance(query, str) else query
    wanted = index.wanted(team_id, query) if query else None
    if wanted is None:
        return Page([], 0, is_exact=True, next_before=None, hint=query.hint)
    ids, count = _back_end.find(wanted, before_id, limit + 1, COUNT_UP_TO + 1)
    has_more = len(ids) > limit
    phrases = list(chain.from_iterable(query.groups))
    cues = Cue.objects.filter(pk__in=ids[:limit], team_id=team_id).select_related("dub", "run").order_by("-pk")
    return Page(
        [Hit(cue, mark(cue.text, phrases)) for cue in cues],
        min(count, COUNT_UP_TO),
        is_exact=count <= COUNT_UP_TO,
        next_before=ids[limit - 1] if has_more else None,
        hint=query.hint,
    )


def rebuild(progress: Callable[[int], None] = lambda done: None) -> None:
    """Make the whole index anew from the stored cues, telling after each batch how many are done."""
    _back_end.rebuild(_entries(progress))


def _entries(progress: Callable[[int], None]) -> Iterator[list[index.Entry]]:
    done, last_id = 0, 0
    cues = Cue.objects.select_related("dub").order_by("pk")
    while batch := list(cues.filter(pk__gt=last_id)[:_BATCH]):
        yield [index.entry(cue) for cue in batch]
        done, last_id = done + len(batch), batch[-1].pk
        progress(done)


def _batches(cues: Iterable[Cue]) -> Iterator[list[Cue]]:
    rest = iter(cues)
    while batch := list(islice(rest, _BATCH)):
        yield batch
