"""Media copies: a team's policy and quota, and each copied file."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results import clock
from results.models.dubs import Dub
from results.models.workers import WorkerHeartbeat
from teams.models import Team


class CopyPolicy(models.Model):
    """Whether Dubroom keeps copies of a team's media, and the quota for them."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="copy_policy")
    is_enabled = models.BooleanField(default=False)
    quota_bytes = models.BigIntegerField()
    synced_at = models.DateTimeField(
        null=True, help_text=_("Answers up to this time were searched for media; None: none yet.")
    )
    told_trouble = models.CharField(
        max_length=5,
        blank=True,
        default="",
        db_default="",
        help_text=_("Why copies cannot be kept, as the team was told: quota or disk; empty: they can."),
    )

    def __str__(self) -> str:
        return f"copy policy of {self.team_id}"


class SharedStorage(models.Model):
    """The mark of the folder that all machines keep copies in: one row, once the first process has seen the folder.

    A process whose folder has no such mark, or another one, sees some other folder: a mount may be missing.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    mark = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.mark


class MediaCopyQuerySet(models.QuerySet["MediaCopy"]):
    def leased(self, now: datetime) -> "MediaCopyQuerySet":
        """Copies that a live worker is fetching now."""
        return self.filter(MediaCopy.is_leased(now))

    def unleased(self, now: datetime) -> "MediaCopyQuerySet":
        """Copies without a lease that is still valid."""
        return self.filter(Q(lease_until=None) | ~MediaCopy.is_leased(now))

    def due(self, now: datetime) -> "MediaCopyQuerySet":
        """Unleased copies that are due to be fetched; none of removed runs and teams."""
        due = self.unleased(now).filter(due_at__lte=now).exclude(dub=None)
        return due.filter(dub__run__removed_at=None, team__removed_at=None)

    def pks_of_runs(self) -> list[int]:
        """Return the runs that lists show with the picture or the length of one of these copies."""
        kept = self.filter(state=MediaCopy.State.KEPT).exclude(dub=None)
        return list(kept.order_by().values_list("dub__run", flat=True).distinct())


class MediaCopy(models.Model):
    """The video or audio of a dub as a file in Dubroom's own storage, complete or on its way.

    A copy without a dub is a file to be removed: the row outlives its run and team, so that no file is left behind.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("On its way")
        KEPT = "kept", _("Kept here")
        FAILED = "failed", _("Not kept")

    # The longest is that of a file on its way into the storage, with a minute to spare for unequal clocks.
    STORE_LEASE = timedelta(hours=1)
    MAX_LEASE = STORE_LEASE + timedelta(minutes=1)

    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    dub = models.ForeignKey(Dub, on_delete=models.SET_NULL, null=True, related_name="copies", db_index=False)
    kind = models.CharField(max_length=5)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    state_at = models.DateTimeField(default=timezone.now, help_text=_("When the copy entered this state."))
    name = models.CharField(max_length=100, unique=True, help_text=_("The file's name in the storage."))
    storage = models.CharField(
        max_length=36,
        blank=True,
        default="",
        db_default="",
        help_text=_("The mark of the storage that holds the file; empty: a release stored it that knew no marks."),
    )
    content_type = models.CharField(
        max_length=20, blank=True, help_text=_("Empty until a file was about to be stored.")
    )
    size = models.BigIntegerField(default=0, help_text=_("Bytes in total; 0 until the host has named them."))
    received_bytes = models.BigIntegerField(default=0, help_text=_("Bytes received so far."))
    source = models.TextField(blank=True, help_text=_("The media link without its signature."))
    validator = models.TextField(
        blank=True, help_text=_("The host's validator of this content, such as an ETag, to resume by.")
    )
    waveform = models.BinaryField(default=b"", help_text=_("The loudness of each part; empty if unknown."))
    length_ms = models.PositiveIntegerField(
        default=0, help_text=_("The length of the sound, if there is a waveform.")
    )
    still_bytes = models.PositiveIntegerField(
        null=True,
        help_text=_("Bytes of the still's files; 0: the video gives none; None: no worker has tried yet."),
    )
    failures = models.PositiveIntegerField(default=0, help_text=_("Failed attempts in a row."))
    message = models.TextField(blank=True, help_text=_("A sentence on why the copy is not complete yet."))
    due_at = models.DateTimeField(null=True, default=clock.now, help_text=_("None: not fetched automatically."))
    lease = models.UUIDField(null=True, help_text=_("The lease of the worker that fetches the copy."))
    lease_until = models.DateTimeField(null=True)
    leased_by = models.UUIDField(null=True, help_text=_("The worker whose heartbeat keeps the lease."))

    objects = MediaCopyQuerySet.as_manager()

    class Meta:
        # A complete copy, and one on its way that will replace it, exist side by side.
        constraints = [models.UniqueConstraint(fields=["dub", "kind", "state"], name="one_copy_a_state")]
        indexes = [
            models.Index(fields=["team", "due_at"], name="copy_due"),
            models.Index(fields=["id"], name="copy_removed", condition=Q(dub__isnull=True)),
            models.Index(
                fields=["id"],
                name="copy_without_still",
                condition=Q(kind="video", state="kept", still_bytes__isnull=True),
            ),
            models.Index(fields=["lease"], name="copy_lease", condition=Q(lease__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of dub {self.dub_id}"

    @classmethod
    def is_leased(cls, now: datetime) -> Q:
        """Return the condition that a live worker is fetching the copy now.

        A lease that would last longer than any does was given before the clock was set back, and binds no one.
        """
        alive = WorkerHeartbeat.objects.alive(now).values("pk")
        is_kept = Q(leased_by=None) | Q(leased_by__in=alive)
        return Q(lease_until__gt=now, lease_until__lte=now + cls.MAX_LEASE) & is_kept

    @property
    def percent(self) -> int:
        """The percentage of the file that has been received, 0 to 100; 0 while the size is unknown."""
        return self.received_bytes * 100 // self.size if self.size else 0
