"""What does a team want kept, and how much room is there?"""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from results import queue
from results.models import CopyPolicy, MediaCopy
from teams.models import Team

GB = 2**30

State = MediaCopy.State


def policy_of(team: Team) -> CopyPolicy:
    """The team's policy as it is set, or as it would be."""
    return CopyPolicy.objects.filter(pk=team.pk).first() or CopyPolicy(
        team=team, quota_bytes=min(10, settings.MEDIA_QUOTA_GB) * GB
    )


def set_policy(team: Team, *, is_on: bool, most_gb: int) -> None:
    """Keep copies from now on, of what there is too, up to so much; or no more of them: what is kept stays."""
    with transaction.atomic():
        fields = {"is_enabled": is_on, "quota_bytes": most_gb * GB, "synced_at": None}
        CopyPolicy.objects.update_or_create(team=team, defaults=fields)
        make_due(team_id=team.pk)
        queue.enqueue("sync_copies")


def remove_all_copies(team: Team) -> None:
    """Keep nothing any more, and have all that is kept removed."""
    with transaction.atomic():
        CopyPolicy.objects.filter(pk=team.pk).update(is_enabled=False)
        MediaCopy.objects.filter(team=team).update(dub=None, team=None)
        queue.enqueue("sync_copies")


def make_due(**which: object) -> None:
    waiting = MediaCopy.objects.filter(**which).exclude(state=State.KEPT)
    waiting.update(state=State.WAITING, due_at=timezone.now(), failures=0, message="")


@dataclass(frozen=True)
class CopyUsage:
    """What lies on a team's policy: bytes used, and how many copies are kept, on their way, and given up."""

    used: int
    kept: int
    waiting: int
    failed: int


def usage_of(team: Team) -> CopyUsage:
    counts = {state.value: Count("pk", filter=Q(state=state)) for state in State}
    return CopyUsage(**MediaCopy.objects.filter(team=team).aggregate(used=_used(), **counts))


def failing_copies(team: Team, most: int = 5) -> list[MediaCopy]:
    """The newest copies that could not be fetched, each with its sentence."""
    troubled = MediaCopy.objects.filter(team=team).exclude(message="").exclude(state=State.KEPT).exclude(dub=None)
    return list(troubled.select_related("dub__run").order_by("-pk")[:most])


def used_bytes(team_id: int) -> int:
    """Bytes that the team's copies take up: those kept, and those that are being fetched right now."""
    sum: int = MediaCopy.objects.filter(team=team_id).aggregate(sum=_used())["sum"]
    return sum


def _used() -> Sum:
    return Sum("size", filter=Q(state=State.KEPT) | Q(lease_until__gt=timezone.now()), default=0)
