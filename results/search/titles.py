"""Finds runs by their title, CAMB.AI's id and tags, in any of the spellings that the analyzer counts as one.

`Run.title_folded` holds what is searched, and whatever writes a title writes it too. Where it is missing, as after
an upgrade or when the release before added the run, the title itself is searched until a worker fills it in.
"""

import time
from functools import reduce
from operator import and_, or_

from django.db import transaction
from django.db.models import CharField, Q
from django.db.models.functions import Cast

from results import queue, tags
from results.db import bulk
from results.models import Run, RunQuerySet
from results.search import analyzer

TURN_SECONDS = 3
# Longer ones do not fit into PostgreSQL's index.
_MAX_FOLDED = 500
_RUNS_PER_BATCH = 200


def fold(title: str) -> str:
    """Return the value of `title_folded` for this title."""
    return analyzer.searchable(title)[:_MAX_FOLDED]


def containing(part: str) -> Q:
    """Return the condition that a run's title contains this text."""
    # No database accepts NUL or half a surrogate pair.
    part = part.replace("\0", "").encode(errors="ignore").decode().strip()
    spelled = reduce(or_, (Q(title_folded__contains=form) for form in analyzer.spellings(part)), Q(pk__in=()))
    # In a query of its own, so that the others need only the index.
    return spelled | Q(pk__in=Run.objects.filter(title_folded=None, title__icontains=part).values("pk"))


def named(runs: RunQuerySet, text: str) -> RunQuerySet:
    """Return the runs of which each word of the text is in the title or in a tag, or begins CAMB.AI's id."""
    runs = runs.alias(id_as_text=Cast("camb_run_id", CharField()))
    return runs.filter(reduce(and_, map(_has_word, text.split()), Q()))


def _has_word(word: str) -> Q:
    found = containing(word) | tags.tagged_like(word)
    number = word.removeprefix("#")
    return found | Q(id_as_text__startswith=str(int(number[:19]))) if number.isdecimal() else found


def fold_pending() -> None:
    """Fill in `title_folded` where it is missing for TURN_SECONDS, then enqueue a task for the rest."""
    turn_ends = time.monotonic() + TURN_SECONDS
    missing = Run.objects.filter(title_folded=None).order_by("pk")
    while pks := missing[:_RUNS_PER_BATCH].pks():
        if time.monotonic() > turn_ends:
            queue.enqueue("fold_titles")
            return
        _fold_runs(pks)


def _fold_runs(pks: list[int]) -> None:
    with transaction.atomic():
        runs = list(Run.objects.filter(pk__in=pks).select_for_update().order_by("pk").only("title"))
        for run in runs:
            run.title_folded = fold(run.title)
        bulk.update(Run, runs, ("title_folded",))
