"""Copies of media: what a team keeps, and each file."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results import clock
from results.models.dubs import Dub
from teams.models import Team


class CopyPolicy(models.Model):
    """Whether a team keeps copies of its media with us, and how much may be kept."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="copy_policy")
    is_enabled = models.BooleanField(default=False)
    quota_bytes = models.BigIntegerField()
    synced_at = models.DateTimeField(null=True, help_text=_("Since when answers have to be looked at for media."))

    def __str__(self) -> str:
        return f"shelf of {self.team_id}"


class MediaCopyQuerySet(models.QuerySet["MediaCopy"]):
    def unleased(self, now: datetime) -> "MediaCopyQuerySet":
        """Copies that no worker is at."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now))

    def due(self, now: datetime) -> "MediaCopyQuerySet":
        """Copies to be fetched now that no worker is at."""
        return self.unleased(now).filter(due_at__lte=now).exclude(dub=None)


class MediaCopy(models.Model):
    """The video or audio of a dub as a file in our own storage, there or on its way.

    One without a dub is a file to be removed: the row outlives its run and team so that no file is forgotten.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("On its way")
        KEPT = "kept", _("Kept here")
        FAILED = "failed", _("Not kept")

    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    dub = models.ForeignKey(Dub, on_delete=models.SET_NULL, null=True, related_name="copies", db_index=False)
    kind = models.CharField(max_length=5)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    state_at = models.DateTimeField(default=timezone.now, help_text=_("Since when it is in this state."))
    name = models.CharField(max_length=100, unique=True, help_text=_("Its name in the storage."))
    content_type = models.CharField(max_length=20, blank=True)
    size = models.BigIntegerField(default=0, help_text=_("Bytes in all; 0 until its host has told."))
    received_bytes = models.BigIntegerField(default=0, help_text=_("Bytes that are here."))
    source = models.TextField(blank=True, help_text=_("The link that it came from, without its signature."))
    validator = models.TextField(blank=True, help_text=_("The host's mark of this very content, to go on by."))
    waveform = models.BinaryField(
        default=b"", help_text=_("How loud it is in each part; empty if nobody can tell.")
    )
    length_ms = models.PositiveIntegerField(default=0, help_text=_("Of the sound, if there are peaks."))
    failures = models.PositiveIntegerField(default=0, help_text=_("Failed tries in a row."))
    message = models.TextField(blank=True, help_text=_("Why it is not here yet, in plain words."))
    due_at = models.DateTimeField(null=True, default=clock.now, help_text=_("None: not fetched by itself."))
    lease = models.UUIDField(null=True, help_text=_("Whose turn it is to fetch it."))
    lease_until = models.DateTimeField(null=True)

    objects = MediaCopyQuerySet.as_manager()

    class Meta:
        # One that is kept, and one on its way to take its place.
        constraints = [models.UniqueConstraint(fields=["dub", "kind", "state"], name="one_copy_a_state")]
        indexes = [
            models.Index(fields=["team", "due_at"], name="copy_due"),
            models.Index(fields=["id"], name="copy_removed", condition=Q(dub__isnull=True)),
            models.Index(fields=["lease"], name="copy_lease", condition=Q(lease__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of dub {self.dub_id}"

    @property
    def percent(self) -> int:
        """How much of it is here."""
        return self.received_bytes * 100 // self.size if self.size else 0
