"""A team's copy policy: whether copies are kept, the quota, its usage, and what waits while it is full."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from results import clock, queue
from results.db import chunks
from results.models import CopyPolicy, Event, MediaCopy, TeamVersion
from teams import audit
from teams.models import Team

GB = 2**30
# A copy that does not fit is tried again after this time.
WAIT = timedelta(hours=1)
HINT = _("An owner or a manager can raise the limit under Team, Media. Deleting removed runs frees space too.")

State = MediaCopy.State


def policy_of(team: Team) -> CopyPolicy:
    """Return the team's stored policy, or an unsaved one with the defaults."""
    return CopyPolicy.objects.filter(pk=team.pk).first() or CopyPolicy(
        team=team, quota_bytes=min(10, settings.MEDIA_QUOTA_GB) * GB
    )


def set_policy(team: Team, *, is_on: bool, most_gb: int) -> None:
    """Switch copies on, also of the media there are, with a quota of `most_gb` GB; or off: existing copies stay."""
    with transaction.atomic():
        fields = {"is_enabled": is_on, "quota_bytes": most_gb * GB, "synced_at": None, "told_trouble": ""}
        CopyPolicy.objects.update_or_create(team=team, defaults=fields)
        make_due(team_id=team.pk)
        audit.record(
            team, audit.Action.SETTINGS_CHANGED, f"copies of media: {'on' if is_on else 'off'}, up to {most_gb} GB"
        )
        queue.enqueue("sync_copies")


def remove_all_copies(team: Team) -> None:
    """Switch copies off and have the team's copies deleted, which the next `sync_copies` does."""
    copies = MediaCopy.objects.filter(team=team)
    with transaction.atomic():
        CopyPolicy.objects.filter(pk=team.pk).update(is_enabled=False)
        runs = copies.pks_of_runs()
        count = copies.update(dub=None, team=None)
        audit.record(team, audit.Action.SETTINGS_CHANGED, "copies of media: off, all deleted", count=count)
        queue.enqueue("sync_copies")
    chunks.update_in_chunks(team, runs)  # open lists show that the pictures are gone


def make_due(**lookups: object) -> None:
    """Have the unfinished copies among those that match the lookups fetched now, as if none had failed before."""
    unfinished = MediaCopy.objects.filter(**lookups).exclude(state=State.KEPT)
    unfinished.update(state=State.WAITING, due_at=clock.now(), failures=0, message="")


@dataclass(frozen=True)
class CopyUsage:
    """A team's usage of its quota: bytes used, and how many copies are kept, on their way, and given up."""

    used: int
    kept: int
    waiting: int
    failed: int


def usage_of(team: Team) -> CopyUsage:
    """Return the team's usage, from one query."""
    counts = {state.value: Count("pk", filter=Q(state=state)) for state in State}
    return CopyUsage(**MediaCopy.objects.filter(team=team).aggregate(used=_used(), **counts))


def failing_copies(team: Team, most: int = 5) -> list[MediaCopy]:
    """Return the newest copies that could not be fetched, at most this many; each has a message."""
    failing = MediaCopy.objects.filter(team=team).exclude(message="").exclude(state=State.KEPT).exclude(dub=None)
    return list(failing.select_related("dub__run").order_by("-pk")[:most])


def used_bytes(team_id: int) -> int:
    """Return the bytes that count towards the team's quota: copies kept, and copies being fetched right now."""
    used: int = MediaCopy.objects.filter(team=team_id).aggregate(used=_used())["used"]
    return used


def has_room(team_id: int, size: int) -> bool:
    """Return whether this many bytes more fit into the team's quota; a team without a policy keeps nothing new."""
    policy = CopyPolicy.objects.filter(pk=team_id).first()
    return policy is not None and used_bytes(team_id) + size <= policy.quota_bytes


def no_room_message(copy: MediaCopy) -> str:
    """Return the message of a copy that does not fit into its team's quota."""
    policy = CopyPolicy.objects.get(pk=copy.team_id)
    sizes = {
        "size": filesizeformat(copy.size),
        "used": filesizeformat(used_bytes(policy.pk) - copy.size),
        "quota": policy.quota_bytes // GB,
    }
    return f"{gettext('No room for %(size)s: %(used)s of %(quota)s GB are in use.') % sizes} {HINT}"


def postpone_unsized(team_id: int | None) -> None:
    """Postpone the team's due copies of unknown size: each request would only find the same lack of room."""
    now = clock.now()
    unsized = MediaCopy.objects.due(now).filter(team=team_id, size=0)
    message = f"{gettext('There is no room left for copies.')} {HINT}"
    unsized.update(due_at=now + WAIT, message=message)


def record_copies_stopped(team_id: int | None, trouble: str, message: str = "") -> None:
    """Write an event that copies cannot be kept, for want of "quota" or "disk", unless the team was told so."""
    with transaction.atomic():
        policy = CopyPolicy.objects.filter(pk=team_id).exclude(told_trouble=trouble)
        if policy.update(told_trouble=trouble) and team_id:
            TeamVersion.bump(team_id)
            detail = {"trouble": trouble, "message": message}
            Event.objects.create(team_id=team_id, kind=Event.Kind.COPIES, detail=detail)


def record_copies_resumed(team_id: int | None) -> None:
    """Forget the trouble that was told once a copy is kept, so that the next is told too.

    While the quota is nearly full, small copies are kept and big ones are not: that is the same trouble still.
    """
    policy = CopyPolicy.objects.filter(pk=team_id).exclude(told_trouble="").first()
    if policy and (policy.told_trouble == "disk" or used_bytes(policy.pk) < policy.quota_bytes * 0.9):
        CopyPolicy.objects.filter(pk=policy.pk).update(told_trouble="")


def _used() -> Sum:
    return Sum(
        F("size") + Coalesce("still_bytes", 0),
        filter=Q(state=State.KEPT) | MediaCopy.is_leased(clock.now()),
        default=0,
    )
