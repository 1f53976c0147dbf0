"""Keeps the search index in line with the stored cues.

Either all cues of a run are in the index, or none. `Run.is_indexed` says which, and only `sync_run` sets it.

SQLite removes an entry only when given the terms that the entry was added with. So a caller that changes the source
of an entry (a cue, its speaker or its dub's language) holds the run locked, removes the cues before the change and
adds them after it. Runs that are not indexed need no such care: nothing is there to remove, and nothing is added.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice

from django.db import connection
from django.db.models import QuerySet

from results.models import Cue, Dub, Run
from results.search import index, sqlite, vocabulary
from results.search.engine import engine
from results.search.index import IndexLine, read_lines

_BATCH = 1_000


def add_cues(cues: QuerySet[Cue]) -> None:
    """Add saved cues to the index. Searches find them once the caller's transaction commits.

    Each cue may be added only once. Cues of runs that are not indexed are left out.
    """
    add_lines(read_lines(cues))


def add_lines(read_lines: Iterable[IndexLine]) -> None:
    """Add lines as `add_cues` does, for a caller that has them at hand and saves reading the cues."""
    for batch in _batches(read_lines):
        not_indexed = set(Run.objects.filter(pk__in={line.run_id for line in batch}, is_indexed=False).pks())
        engine.add(index.make_entry(line) for line in batch if line.run_id not in not_indexed)


def remove_cues(cues: QuerySet[Cue]) -> None:
    """Remove cues from the index. They and their dub must still be as they were when the cues were added."""
    for batch in _batches(read_lines(cues)):
        engine.remove(map(index.make_entry, batch))


@contextmanager
def changing(cues: QuerySet[Cue]) -> Iterator[None]:
    """Take the cues out of the index, and add them again once the caller has changed their dub."""
    remove_cues(cues)
    yield
    add_cues(cues)


def sync_run(run: Run) -> None:
    """Index all lines of the run, or none if the run is archived. The caller holds the run locked."""
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
    """Add the dub's words to the vocabulary of suggestions. This needs no transaction with the dub's lines."""
    vocabulary.add_words(map(index.make_entry, read_lines(dub.cues.all())))


def rebuild(progress: Callable[[int], None] = lambda done: None) -> None:
    """Rebuild the index and the vocabulary from the stored cues.

    `progress` is called after each batch with the number of cues done so far.
    """
    vocabulary.clear()
    done = 0
    with closing(engine.rebuild(_batch_after)) as batches:
        for entries in batches:
            vocabulary.add_words(entries)
            done += len(entries)
            progress(done)


def drop_unfinished_rebuild() -> None:
    """Drop the unfinished index of a killed rebuild. The caller makes sure that no rebuild is running."""
    if connection.vendor == "sqlite":
        sqlite.drop_unfinished_rebuild()


def _batch_after(last_id: int) -> tuple[int, list[index.IndexEntry]] | None:
    """Return (last cue id, entries) of the next batch of cues; None after the last cue.

    Their runs are locked, so no cue changes between its being read and being added in the caller's transaction.
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
