"""Keeps the search index in line with the stored cues.

All cues of a run are in the index, or none. `Run.is_indexed` says which, and only `sync_run` sets it. SQLite takes
an entry out only by the terms that it was put in with. So a caller that changes what an entry is made of, such as a
cue, its speaker or its dub's language, holds the run locked, removes the cues before the change and adds them after
it. Archived runs need no such care: nothing of them is there to be removed, and nothing is added.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice

from django.db import connection
from django.db.models import QuerySet

from results.models import Cue, Dub, Run
from results.search import index, sqlite, vocabulary
from results.search.engine import engine
from results.search.index import IndexLine, read_lines

_BATCH = 1_000


def add_cues(cues: QuerySet[Cue]) -> None:
    """Make saved cues findable once the caller's transaction commits; each once."""
    add_lines(read_lines(cues))


def add_lines(read_lines: Iterable[IndexLine]) -> None:
    """As `add_cues`, for a caller who has at hand what would be read."""
    for batch in _batches(read_lines):
        left_out = set(Run.objects.filter(pk__in={line.run_id for line in batch}, is_indexed=False).pks())
        engine.add(index.make_entry(line) for line in batch if line.run_id not in left_out)


def remove_cues(cues: QuerySet[Cue]) -> None:
    """Make cues unfindable; to be called while they and their dub still are as they were added."""
    for batch in _batches(read_lines(cues)):
        engine.remove(map(index.make_entry, batch))


def sync_run(run: Run) -> None:
    """Have all lines of the run, which the caller holds locked, in the index, or none if it is archived."""
    is_indexed = run.archived_at is None
    if run.is_indexed == is_indexed:
        return
    cues = Cue.objects.filter(dub__run=run)
    if not is_indexed:
        remove_cues(cues)
    Run.objects.filter(pk=run.pk).update(is_indexed=is_indexed)
    if is_indexed:
        add_cues(cues)


def learn_words(dub: Dub) -> None:
    """Have the dub's words suggested from now on; it needs no transaction together with the dub's lines."""
    vocabulary.add_words(map(index.make_entry, read_lines(dub.cues.all())))


def rebuild(progress: Callable[[int], None] = lambda done: None) -> None:
    """Make the whole index anew from the stored cues, telling after each batch how many are done."""
    vocabulary.clear()
    done = 0
    with closing(engine.rebuild(_batch_after)) as batches:
        for entries in batches:
            vocabulary.add_words(entries)
            done += len(entries)
            progress(done)


def drop_unfinished_rebuild() -> None:
    """Forget the index that a killed rebuild left half made; to be called where none can be under way."""
    if connection.vendor == "sqlite":
        sqlite.drop_unfinished_rebuild()


def _batch_after(last_id: int) -> tuple[int, list[index.IndexEntry]] | None:
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
    return last_id, list(map(index.make_entry, read_lines(cues.filter(pk__lte=last_id, run__in=indexed))))


def _batches(read_lines: Iterable[IndexLine]) -> Iterator[list[IndexLine]]:
    rest = iter(read_lines)
    while batch := list(islice(rest, _BATCH)):
        yield batch
