"""Keeps the search index in line with the stored cues.

All cues of a run are in the index, or none: `Run.is_indexed` says which, and only `settle` writes it. SQLite takes
an entry out only by the very terms that it was put in with. So a caller that changes what an entry is made of, such
as a cue, its speaker or its dub's language, holds the run locked, removes the cues before the change and adds them
after it. Archived runs need no such care: nothing of them is there to be removed, and nothing is added.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice

from django.db import connection
from django.db.models import QuerySet

from results.models import Cue, Dub, Run
from results.search import index, sqlite, vocabulary
from results.search.engine import engine
from results.search.index import Line, lines

_BATCH = 1_000


def add(cues: QuerySet[Cue]) -> None:
    """Make saved cues findable once the caller's transaction commits; each once."""
    add_lines(lines(cues))


def add_lines(lines: Iterable[Line]) -> None:
    """As `add`, for a caller who has at hand what would be read."""
    for batch in _batches(lines):
        left_out = set(Run.objects.filter(pk__in={line.run_id for line in batch}, is_indexed=False).pks())
        engine.add(index.entry(line) for line in batch if line.run_id not in left_out)


def remove(cues: QuerySet[Cue]) -> None:
    """Make cues unfindable; to be called while they and their dub still are as they were added."""
    for batch in _batches(lines(cues)):
        engine.remove(map(index.entry, batch))


def settle(run: Run) -> None:
    """Have all lines of the run, which the caller holds locked, in the index, or none if it is archived."""
    is_indexed = run.archived_at is None
    if run.is_indexed == is_indexed:
        return
    cues = Cue.objects.filter(dub__run=run)
    if not is_indexed:
        remove(cues)
    Run.objects.filter(pk=run.pk).update(is_indexed=is_indexed)
    if is_indexed:
        add(cues)


def learn(dub: Dub) -> None:
    """Have the dub's words suggested from now on; it needs no transaction together with the dub's lines."""
    vocabulary.learn(map(index.entry, lines(dub.cues.all())))


def rebuild(progress: Callable[[int], None] = lambda done: None) -> None:
    """Make the whole index anew from the stored cues, telling after each batch how many are done."""
    vocabulary.forget()
    done = 0
    with closing(engine.rebuild(_batch_after)) as batches:
        for entries in batches:
            vocabulary.learn(entries)
            done += len(entries)
            progress(done)


def drop_half_made() -> None:
    """Forget the index that a killed rebuild left half made; to be called where none can be under way."""
    if connection.vendor == "sqlite":
        sqlite.drop_half_made()


def _batch_after(last_id: int) -> tuple[int, list[index.Entry]] | None:
    """The entries of the next cues, and the last one's id; None after the last.

    Their runs are locked, so that in the caller's transaction nothing changes between being read and being added.
    """
    cues = Cue.objects.filter(pk__gt=last_id).order_by("pk")
    runs = dict(cues.values_list("pk", "run")[:_BATCH])
    if not runs:
        return None
    last_id = max(runs)
    indexed = (
        Run.objects.filter(pk__in=set(runs.values()), is_indexed=True).select_for_update().order_by("pk").pks()
    )
    return last_id, list(map(index.entry, lines(cues.filter(pk__lte=last_id, run__in=indexed))))


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH)):
        yield batch
