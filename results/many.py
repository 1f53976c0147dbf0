"""How is something done with very many runs of a team, while everybody else goes on?"""

from collections.abc import Callable, Collection
from itertools import islice

from django.db import transaction

from results.models import Pulse, Run
from teams.models import Team

_AT_ONCE = 500


def in_parts(team: Team, pks: Collection[int], do: Callable[[list[int]], object]) -> int:
    """Do it with some of these runs after the other, each part in a short transaction; returns how many there were.

    Whoever stores answers locks runs by pk, then the pulse, and whoever adds runs the team first: so it is here.
    """
    rest, total = iter(sorted(pks)), 0
    while part := list(islice(rest, _AT_ONCE)):
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=team.pk)
            locked = Run.objects.filter(team=team, pk__in=part).select_for_update().order_by("pk").pks()
            if locked:
                do(locked)
                total += Run.objects.filter(pk__in=locked).update(version=Pulse.beat(team.pk))
    return total
