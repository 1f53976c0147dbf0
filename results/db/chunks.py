"""Changes any number of a team's runs in short transactions, so that other work goes on meanwhile."""

from collections.abc import Callable, Collection
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q

from results.models import Run, TeamVersion
from teams.models import Team

_RUNS_PER_CHUNK = 1000


def update_in_chunks(
    team: Team,
    pks: Collection[int],
    change: Callable[[list[int]], object] = lambda pks: None,
    *,
    which: Q | None = None,
    **fields: Any,
) -> int:
    """Set these fields of the team's runs with these pks that match `which`; return the number of runs changed.

    The runs are changed in chunks, each in a short transaction, in which `change` is called with the chunk's pks.

    One order of locks everywhere avoids deadlocks. Storing answers locks runs by pk, then the team's version, and
    adding runs locks the team first. So this locks the team, the runs by pk and the version.
    """
    rest, total = iter(sorted(pks)), 0
    runs = Run.objects.filter(which or Q(), team=team)
    while chunk := list(islice(rest, _RUNS_PER_CHUNK)):
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=team.pk)
            locked = runs.filter(pk__in=chunk).select_for_update().order_by("pk").pks()
            if locked:
                change(locked)
                total += Run.objects.filter(pk__in=locked).update(version=TeamVersion.bump(team.pk), **fields)
    return total
