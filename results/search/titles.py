"""Finds runs by their title, CAMB.AI's id and tags, in any of the spellings that the analyzer counts as one.

`Run.title_folded` holds what is searched, and whatever writes a title writes it too. Where it is missing, as after
an upgrade or when the release before added the run, the title itself is searched until a worker fills it in.
"""

import time
from functools import reduce
from itertools import chain
from operator import and_, or_

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.expressions import RawSQL

from results import queue, tags
from results.db import bulk
from results.db.replica import fetch_rows
from results.models import Run, RunQuerySet
from results.queue.backlogs import Quarantine
from results.search import analyzer, expansion

MAX_SECONDS = 3
# Longer ones do not fit into PostgreSQL's index.
_MAX_FOLDED = 500
_RUNS_PER_CHUNK = 200
_quarantine = Quarantine("The title of run %s could not be folded")
# A query of its own, so that the other needs only the index. Raw SQL here and below, as the ORM takes longer to
# build a query than a small team's search does.
_NOT_FOLDED = r"select id from results_run where title_folded is null and lower(title) like lower(%s) escape '\'"
_NEWEST_NAMED = """
    with named as materialized (
        select id from results_run where team_id = %s and archived_at is null and {condition}
        order by id desc limit %s
    )
    select id, (select count(*) from named) from named order by id desc limit %s
"""
_CONTAINS = r"title_folded like %s escape '\'"
_CAMB_RUN_ID_BEGINS = "cast(camb_run_id as text) like %s"


def fold(title: str) -> str:
    """Return the value of `title_folded` for this title."""
    return analyzer.searchable(title)[:_MAX_FOLDED]


def containing(part: str) -> Q:
    """Return the condition that a run's title contains this text."""
    part = _storable(part)
    spelled = reduce(or_, (Q(title_folded__contains=form) for form in expansion.spellings(part)), Q(pk__in=()))
    return spelled | Q(pk__in=RawSQL(_NOT_FOLDED, [_anywhere(part)]))  # noqa: S611


def named(runs: RunQuerySet, text: str) -> RunQuerySet:
    """Return the runs of which each word of the text is in the title or in a tag, or begins CAMB.AI's id."""
    return runs.filter(reduce(and_, map(_has_word, text.split()), Q()))


def newest_named(team_id: int, text: str, shown: int, count_to: int) -> tuple[list[int], int]:
    """Return the ids of the newest of the team's current runs that `named` finds, and how many there are.

    The ids are up to `shown`, and the runs are counted up to `count_to`.
    """
    conditions = [_has_word_sql(word) for word in text.split()]
    sql = _NEWEST_NAMED.format(condition=" and ".join(condition for condition, _params in conditions))
    params = chain.from_iterable(params for _condition, params in conditions)
    rows = fetch_rows(sql, [team_id, *params, count_to, shown])
    return [pk for pk, _count in rows], rows[0][1] if rows else 0


def _has_word(word: str) -> Q:
    found = containing(word) | tags.tagged_like(word)
    number = _camb_run_id(word)
    return found | Q(camb_run_id__startswith=number) if number else found


def _has_word_sql(word: str) -> tuple[str, list[str]]:
    """Return the condition of `_has_word` in SQL, with its parameters."""
    part = _storable(word)
    forms, number = expansion.spellings(part), _camb_run_id(word)
    conditions = [_CONTAINS] * len(forms) + [f"id in ({_NOT_FOLDED})", f"id in ({tags.TAGGED_LIKE})"]
    params = [*map(_anywhere, forms), _anywhere(part), *tags.tag_patterns(word)]
    if number:
        conditions.append(_CAMB_RUN_ID_BEGINS)
        params.append(f"{number}%")
    return f"({' or '.join(conditions)})", params


def _storable(text: str) -> str:
    """Return the text without what no database accepts: NUL, or half a surrogate pair."""
    return text.replace("\0", "").encode(errors="ignore").decode().strip()


def _anywhere(text: str) -> str:
    """Return the pattern of texts with this one in them."""
    return f"%{connection.ops.prep_for_like_query(text)}%"


def _camb_run_id(word: str) -> str:
    """Return the number by which CAMB.AI's id begins, if the word is one; empty otherwise."""
    number = word.removeprefix("#")
    return str(int(number[:19])) if number.isdecimal() else ""


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
