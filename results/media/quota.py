"""What does a team want kept, and how much room is there?"""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from results import queue
from results.models import Copy, Shelf
from teams.models import Team

GB = 2**30

State = Copy.State


def shelf_of(team: Team) -> Shelf:
    """The team's shelf as it is set, or as it would be."""
    return Shelf.objects.filter(pk=team.pk).first() or Shelf(
        team=team, most_bytes=min(10, settings.KEEP_MOST_GB) * GB
    )


def set_shelf(team: Team, *, is_on: bool, most_gb: int) -> None:
    """Keep copies from now on, of what there is too, up to so much; or no more of them: what is kept stays."""
    with transaction.atomic():
        fields = {"is_on": is_on, "most_bytes": most_gb * GB, "looked_at": None}
        Shelf.objects.update_or_create(team=team, defaults=fields)
        now_due(team_id=team.pk)
        queue.ring("tend_copies")


def remove_all(team: Team) -> None:
    """Keep nothing any more, and have all that is kept removed."""
    with transaction.atomic():
        Shelf.objects.filter(pk=team.pk).update(is_on=False)
        Copy.objects.filter(team=team).update(dub=None, team=None)
        queue.ring("tend_copies")


def now_due(**which: object) -> None:
    waiting = Copy.objects.filter(**which).exclude(state=State.KEPT)
    waiting.update(state=State.WAITING, due_at=timezone.now(), tries=0, message="")


@dataclass(frozen=True)
class Stock:
    """What lies on a team's shelf: bytes used, and how many copies are kept, on their way, and given up."""

    used: int
    kept: int
    waiting: int
    failed: int


def stock_of(team: Team) -> Stock:
    counts = {state.value: Count("pk", filter=Q(state=state)) for state in State}
    return Stock(**Copy.objects.filter(team=team).aggregate(used=_used(), **counts))


def in_trouble(team: Team, most: int = 5) -> list[Copy]:
    """The newest copies that could not be fetched, each with its sentence."""
    troubled = Copy.objects.filter(team=team).exclude(message="").exclude(state=State.KEPT).exclude(dub=None)
    return list(troubled.select_related("dub__run").order_by("-pk")[:most])


def used(team_id: int) -> int:
    """Bytes that the team's copies take up: those kept, and those that are being fetched right now."""
    sum: int = Copy.objects.filter(team=team_id).aggregate(sum=_used())["sum"]
    return sum


def _used() -> Sum:
    return Sum("size", filter=Q(state=State.KEPT) | Q(lease_until__gt=timezone.now()), default=0)
