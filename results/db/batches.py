"""How is something done with very many runs of a team, while everybody else goes on?"""

from collections.abc import Callable, Collection
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q

from results.models import Run, TeamVersion
from teams.models import Team

_AT_ONCE = 1000


def update_in_batches(
    team: Team,
    pks: Collection[int],
    do: Callable[[list[int]], object] = lambda part: None,
    *,
    which: Q | None = None,
    **fields: Any,
) -> int:
    """Do it with some of these runs after the other and set these fields of theirs; returns how many there were.

    Each part has a short transaction. Whoever stores answers locks runs by pk, then the pulse,
    and whoever adds some locks the team first; so it is here.
    """
    rest, total = iter(sorted(pks)), 0
    runs = Run.objects.filter(which or Q(), team=team)
    while part := list(islice(rest, _AT_ONCE)):
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=team.pk)
            locked = runs.filter(pk__in=part).select_for_update().order_by("pk").pks()
            if locked:
                do(locked)
                total += Run.objects.filter(pk__in=locked).update(version=TeamVersion.bump(team.pk), **fields)
    return total
