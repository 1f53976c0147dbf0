"""Finds runs by their title, CAMB.AI's id and tags, in any of the spellings that the analyzer counts as one.

`Run.title_folded` holds what is searched, and whatever writes a title writes it too. Where it is missing, as after
an upgrade or when the release before added the run, the title itself is searched until a worker fills it in.
"""

import time
from functools import reduce
from operator import and_, or_

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.expressions import RawSQL

from results import queue, tags
from results.db import bulk
from results.models import Run, RunQuerySet
from results.queue.backlogs import Quarantine
from results.search import analyzer

MAX_SECONDS = 3
# Longer ones do not fit into PostgreSQL's index.
_MAX_FOLDED = 500
_RUNS_PER_CHUNK = 200
_quarantine = Quarantine("The title of run %s could not be folded")
# A query of its own, so that the other needs only the index. Raw SQL, as the ORM takes longer to build it than a
# small team's search does.
_NOT_FOLDED = r"select id from results_run where title_folded is null and lower(title) like lower(%s) escape '\'"


def fold(title: str) -> str:
    """Return the value of `title_folded` for this title."""
    return analyzer.searchable(title)[:_MAX_FOLDED]


def containing(part: str) -> Q:
    """Return the condition that a run's title contains this text."""
    # No database accepts NUL or half a surrogate pair.
    part = part.replace("\0", "").encode(errors="ignore").decode().strip()
    spelled = reduce(or_, (Q(title_folded__contains=form) for form in analyzer.spellings(part)), Q(pk__in=()))
    return spelled | Q(pk__in=RawSQL(_NOT_FOLDED, [f"%{connection.ops.prep_for_like_query(part)}%"]))  # noqa: S611


def named(runs: RunQuerySet, text: str) -> RunQuerySet:
    """Return the runs of which each word of the text is in the title or in a tag, or begins CAMB.AI's id."""
    return runs.filter(reduce(and_, map(_has_word, text.split()), Q()))


def _has_word(word: str) -> Q:
    found = containing(word) | tags.tagged_like(word)
    number = word.removeprefix("#")
    return found | Q(camb_run_id__startswith=str(int(number[:19]))) if number.isdecimal() else found


def fill_search_forms() -> None:
    """Fill in what titles and tags are searched by where it is missing, then enqueue a task for the rest.

    Titles take MAX_SECONDS at most, and tags one chunk.
    """
    more_tags = tags.fill_search_forms()
    deadline = time.monotonic() + MAX_SECONDS
    missing = Run.objects.filter(title_folded=None).order_by("pk")
    while pks := missing.exclude(pk__in=_quarantine.pks())[:_RUNS_PER_CHUNK].pks():
        if time.monotonic() > deadline:
            queue.enqueue("fill_search_forms")
            return
        _fold_runs(pks)
    if more_tags:
        queue.enqueue("fill_search_forms")


def _fold_runs(pks: list[int]) -> None:
    with transaction.atomic():
        folded = []
        for run in Run.objects.filter(pk__in=pks).select_for_update().order_by("pk").only("title"):
            with _quarantine.isolated(run.pk):
                run.title_folded = fold(run.title)
                folded.append(run)
        bulk.update(Run, folded, ("title_folded",))
