"""Runs with their tags, their source and CAMB.AI's raw answer."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from teams.models import Team, User


class Source(models.Model):
    """What several runs are dubs of; it only stands for its being the same, so that they are read side by side."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"source {self.pk}"


class Tag(models.Model):
    """A word or a few that a team files runs under; written as by who first did, and the same in any case."""

    LONGEST = 40

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=LONGEST)
    folded = models.CharField(max_length=3 * LONGEST)

    class Meta:
        # In this order, a search for the runs under a tag needs no other index.
        constraints = [models.UniqueConstraint(fields=["folded", "team"], name="one_tag_a_team")]
        ordering = ["folded"]

    def __str__(self) -> str:
        return self.name


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: User | AnonymousUser) -> "RunQuerySet":
        """Runs of the teams that this person is in."""
        return self.filter(team__memberships__user_id=user.pk or 0)

    def current(self) -> "RunQuerySet":
        """Runs that are not archived."""
        return self.filter(archived_at=None)

    def archived(self) -> "RunQuerySet":
        return self.exclude(archived_at=None)

    def fading(self) -> "RunQuerySet":
        """Archived runs whose lines are still in the search index; no search may show them."""
        return self.archived().filter(is_indexed=True)

    def returning(self) -> "RunQuerySet":
        """Restored runs whose lines are not in the search index yet."""
        return self.current().filter(is_indexed=False)

    def unfinished(self) -> "RunQuerySet":
        """Runs that are still asked for by themselves."""
        return self.exclude(due_at=None)

    def leased(self, now: datetime) -> "RunQuerySet":
        """Runs that somebody is asking about at this moment.

        One that would last far longer than any does was given out before the clock was set back, and binds nobody.
        """
        return self.filter(lease_until__gt=now, lease_until__lte=now + 2 * Run.LEASE)

    def unleased(self, now: datetime) -> "RunQuerySet":
        """Runs that nobody is asking about at this moment."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gt=now + 2 * Run.LEASE))

    def due(self, now: datetime) -> "RunQuerySet":
        """Runs to be asked now that nobody is asking."""
        return self.unleased(now).filter(due_at__lte=now)

    def pks(self) -> list[int]:
        return list(self.values_list("pk", flat=True))


class Run(models.Model):
    """One tracked CAMB.AI dubbing run of one team.

    Somebody may bring a dubbing task's id instead of a run's: then `camb_run_id` is empty until CAMB.AI names it.
    """

    class Status(models.TextChoices):
        NEW = "new", _("New")
        WAITING = "waiting", _("Waiting")
        READY = "ready", _("Ready")
        PARTLY = "partly", _("Partly ready")
        FAILED = "failed", _("Failed")
        NOT_FOUND = "not_found", _("Not found")

    UNFINISHED = (Status.NEW, Status.WAITING, Status.PARTLY)

    # A call has a deadline of its own; a lease outlives it, and is renewed before a further one.
    LONGEST_TITLE = 200
    LEASE = timedelta(seconds=settings.CAMB_TOTAL_SECONDS * 1.5)

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="runs", db_index=False)
    camb_run_id = models.BigIntegerField(null=True)
    camb_task_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=LONGEST_TITLE, blank=True)
    added_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, help_text=_("Since when it is put aside."))
    is_indexed = models.BooleanField(
        default=True, help_text=_("Whether the search index has its lines; written by the search alone.")
    )

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    reason = models.TextField(blank=True, help_text=_("Why it failed or was not found, and the next step."))
    notes = models.JSONField(default=list, blank=True, help_text=_("Sentences on what was odd in the answer."))
    changed_at = models.DateTimeField(null=True, help_text=_("When an answer last changed what is shown."))

    due_at = models.DateTimeField(null=True, default=timezone.now, help_text=_("None: not asked by itself."))
    requested_at = models.DateTimeField(
        null=True, help_text=_("When somebody asked for it among many; None: answered.")
    )
    attempts = models.PositiveIntegerField(default=0, help_text=_("Asks in a row that brought nothing final."))
    checked_at = models.DateTimeField(null=True, help_text=_("When the newest stored answer was asked for."))
    lease = models.UUIDField(null=True, help_text=_("Whose turn it is to ask; proves it when the answer comes."))
    lease_until = models.DateTimeField(null=True)

    # What a row of the list shows, kept here so that a page of runs is one query.
    languages = models.JSONField(default=list, blank=True)
    duration_ms = models.BigIntegerField(default=0)
    cue_count = models.PositiveIntegerField(default=0)
    version = models.BigIntegerField(default=0, help_text=_("The team's pulse when this row last changed."))

    source = models.ForeignKey("Source", on_delete=models.SET_NULL, null=True, related_name="runs")
    tags = models.ManyToManyField(Tag, related_name="runs")

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "camb_run_id"], name="one_run_a_team"),
            models.UniqueConstraint(
                fields=["team", "camb_task_id"], name="one_task_a_team", condition=~Q(camb_task_id="")
            ),
        ]
        indexes = [
            # However much is archived, what is not is found as quickly.
            models.Index(fields=["team", "id"], name="run_newest", condition=Q(archived_at=None)),
            models.Index(fields=["team", "status", "id"], name="run_by_status", condition=Q(archived_at=None)),
            models.Index(fields=["team", "id"], name="run_archived", condition=Q(archived_at__isnull=False)),
            models.Index(
                fields=["team", "id"], name="run_fading", condition=Q(archived_at__isnull=False, is_indexed=True)
            ),
            models.Index(fields=["id"], name="run_returning", condition=Q(archived_at=None, is_indexed=False)),
            models.Index(fields=["team", "due_at"], name="run_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["lease"], name="run_lease", condition=Q(lease__isnull=False)),
            models.Index(fields=["team", "lease_until"], name="run_leased", condition=Q(lease_until__isnull=False)),
            models.Index(
                fields=["team", "requested_at"], name="run_requested", condition=Q(requested_at__isnull=False)
            ),
            models.Index(fields=["team", "checked_at"], name="run_checked"),
        ]

    def __str__(self) -> str:
        return self.title or self.camb_name

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags.all()]

    @property
    def camb_name(self) -> str:
        """What CAMB.AI knows it by, for people."""
        return f"Run {self.camb_run_id}" if self.camb_run_id else f"Task {self.camb_task_id}"


class RawAnswer(models.Model):
    """CAMB.AI's newest raw answer about a run: zlib-compressed JSON, cut off at a bound."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="raw_answer")
    body = models.BinaryField()
    size = models.PositiveIntegerField(help_text=_("Bytes before compression and cutting."))
    is_cut = models.BooleanField(default=False)
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"answer about run {self.run_id}"
