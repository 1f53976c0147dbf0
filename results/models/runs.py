"""Runs, with their tags, their source and CAMB.AI's raw answer."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results import clock
from results.models.api_key import ApiKey
from results.models.plain_rows import PlainRow
from results.models.workers import WorkerHeartbeat
from teams.models import MAX_ACTOR_NAME, Membership, Team, User


class Source(models.Model):
    """One original, such as a film or an episode, whose dubs came in several runs.

    A run without a source is alone with its original; a source with a single run is deleted.
    """

    MAX_TITLE = 200

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(_("title"), max_length=MAX_TITLE, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return self.title or _("Source %(number)s") % {"number": self.pk}


class Tag(models.Model):
    """A label under which a team files runs. It is shown as first written, and compared without regard to case.

    A search finds it without regard to accents too.
    """

    MAX_NAME = 40

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=MAX_NAME)
    folded = models.CharField(max_length=3 * MAX_NAME)
    letters = models.TextField(
        null=True,
        help_text=_("The name as it is searched, by results/tags.py; None: a worker fills it in."),
    )

    class Meta:
        indexes = [models.Index(fields=["letters", "team"], name="tag_letters")]
        # In this order of fields, a search for the runs with a tag needs no other index.
        constraints = [models.UniqueConstraint(fields=["folded", "team"], name="one_tag_a_team")]
        ordering = ["folded"]

    def __str__(self) -> str:
        return self.name


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: User | AnonymousUser) -> "RunQuerySet":
        """Runs of the teams of which the user is a member."""
        memberships = Membership.objects.of_user(user)
        return self.present().filter(team__in=memberships.values("team"))

    def present(self) -> "RunQuerySet":
        """Runs that are not in the trash."""
        return self.filter(removed_at=None)

    def removed(self) -> "RunQuerySet":
        """Runs in the trash."""
        return self.filter(removed_at__isnull=False)

    def trash_unexpired(self, now: datetime) -> "RunQuerySet":
        """Runs that are not in the trash, or can still be restored from it."""
        return self.filter(Q(removed_at=None) | Q(removed_at__gt=now - Run.TRASH_TIME))

    def trash_expired(self, now: datetime) -> "RunQuerySet":
        """Runs whose time in the trash is over: a worker is about to delete them."""
        return self.filter(removed_at__lte=now - Run.TRASH_TIME)

    def free_camb_ids(self, now: datetime) -> None:
        """Take CAMB.AI's ids from those of these runs whose time in the trash is over, for new runs to have them.

        No answer under way is stored in such a run any more.
        """
        self.trash_expired(now).update(
            camb_run_id=None, camb_task_id="", lease=None, lease_until=None, leased_by=None
        )

    def current(self) -> "RunQuerySet":
        """Runs that are neither archived nor in the trash, where every run is archived too."""
        return self.filter(archived_at=None)

    def archived(self) -> "RunQuerySet":
        """Runs that are archived and not in the trash."""
        return self.present().filter(archived_at__isnull=False)

    def to_unindex(self) -> "RunQuerySet":
        """Archived and removed runs whose lines are still in the search index. No search may show these runs."""
        return self.exclude(archived_at=None).filter(is_indexed=True)

    def to_index(self) -> "RunQuerySet":
        """Runs whose lines are not in the search index yet: they were restored, or an upgrade emptied the index."""
        return self.current().filter(is_indexed=False)

    def uncompared(self) -> "RunQuerySet":
        """Runs with lines for which no worker has looked for other runs of the same source yet."""
        return self.filter(is_compared=False, cue_count__gt=0)

    def unfinished(self) -> "RunQuerySet":
        """Runs that are still refreshed automatically."""
        # SQLite reads no partial index for `exclude(due_at=None)`, which is NOT (… IS NULL).
        return self.filter(due_at__isnull=False)

    def leased(self, now: datetime) -> "RunQuerySet":
        """Runs that a live worker, or a web request, is asking about now."""
        held = Q(leased_by=None) | Q(leased_by__in=WorkerHeartbeat.objects.alive(now).values("pk"))
        return self.filter(held, lease_until__gt=now, lease_until__lte=now + 2 * Run.LEASE)

    def unleased(self, now: datetime) -> "RunQuerySet":
        """Runs that no one is asking about now: without a lease, with one that ended, or with a dead worker's.

        A lease that would last far longer than any does was given before the clock was set back, and binds no one.
        """
        ended = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gt=now + 2 * Run.LEASE)
        alive = WorkerHeartbeat.objects.alive(now).values("pk")
        return self.filter(ended | Q(leased_by__isnull=False) & ~Q(leased_by__in=alive))

    def due(self, now: datetime) -> "RunQuerySet":
        """Unleased runs that are due for a refresh."""
        return self.unleased(now).filter(due_at__lte=now)

    def askable(self, now: datetime) -> "RunQuerySet":
        """Due runs whose team has a key that may be used now: the others wait for a person or for CAMB.AI."""
        return self.due(now).filter(team__in=ApiKey.objects.usable(now).values("team"))

    def pks(self) -> list[int]:
        return list(self.values_list("pk", flat=True))


class Run(PlainRow):
    """One tracked CAMB.AI dubbing run of one team.

    A run may be added by the id of a dubbing task. `camb_run_id` is then empty until CAMB.AI names the run.
    """

    class Status(models.TextChoices):
        NEW = "new", _("New")
        WAITING = "waiting", _("Waiting")
        READY = "ready", _("Ready")
        PARTLY = "partly", _("Partly ready")
        FAILED = "failed", _("Failed")
        NOT_FOUND = "not_found", _("Not found")

    class TimeUnit(models.TextChoices):
        SECONDS = "seconds", _("Seconds")
        MILLISECONDS = "milliseconds", _("Milliseconds")

    UNFINISHED = (Status.NEW, Status.WAITING, Status.PARTLY)

    MAX_TITLE = 200
    # A lease outlives the deadline of one call, and is renewed before a further call.
    LEASE = timedelta(seconds=settings.CAMB_TOTAL_SECONDS * 1.5)
    # So long a removed run can be restored. Then a worker deletes it.
    TRASH_TIME = timedelta(days=30)

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="runs", db_index=False)
    camb_run_id = models.BigIntegerField(null=True)
    camb_task_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=MAX_TITLE, blank=True)
    title_folded = models.TextField(
        null=True,
        help_text=_("The title as it is searched, by results/search/titles.py; None: a worker fills it in."),
    )
    added_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(
        null=True, help_text=_("When the run was archived or removed; None: it is in the list.")
    )
    removed_at = models.DateTimeField(
        null=True,
        help_text=_(
            "When the run was moved into the trash; None: it is not there. `archived_at` is the same time unless "
            "the run was archived before."
        ),
    )
    removed_by = models.CharField(max_length=MAX_ACTOR_NAME, blank=True, default="", db_default="")
    is_indexed = models.BooleanField(
        default=True, help_text=_("Whether the search index has the run's lines; written only by the search.")
    )

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    reason = models.TextField(blank=True, help_text=_("Why the run failed or was not found, and the next step."))
    notes = models.JSONField(default=list, blank=True, help_text=_("Sentences about irregularities in the answer."))
    changed_at = models.DateTimeField(null=True, help_text=_("When an answer last changed the visible data."))

    time_unit = models.CharField(
        max_length=12,
        blank=True,
        choices=TimeUnit.choices,
        default="",
        db_default="",
        help_text=_("The unit of CAMB.AI's times that a person chose; empty: Dubroom decides."),
    )
    given_language = models.CharField(
        max_length=35,
        blank=True,
        default="",
        db_default="",
        help_text=_("The tag that a dub gets for which CAMB.AI names no language; empty: none was given."),
    )
    is_language_of_person = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether a person set `given_language`; else it comes from the list the run was added with."),
    )
    due_at = models.DateTimeField(null=True, default=clock.now, help_text=_("None: not refreshed automatically."))
    requested_at = models.DateTimeField(
        null=True, help_text=_("When the run was requested with others; None: answered since.")
    )
    attempts = models.PositiveIntegerField(default=0, help_text=_("Attempts in a row without a final result."))
    checked_at = models.DateTimeField(null=True, help_text=_("When the newest stored answer was requested."))
    lease = models.UUIDField(null=True, help_text=_("The current lease; only its holder may save an answer."))
    lease_until = models.DateTimeField(null=True)
    leased_by = models.UUIDField(
        null=True,
        help_text=_("The worker that holds the lease; its heartbeat keeps the lease. None: a web request."),
    )
    lost_leases = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text=_("Leases in a row whose worker died before it had stored an answer."),
    )
    call_failures = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text=_("Failed calls about this run in a row that its own id may be the cause of."),
    )
    absences = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text=_("Answers in a row that left this run out although it was asked about.")
    )
    is_absence_verified = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("A single call has confirmed that CAMB.AI says nothing about this run."),
    )

    # These repeat data of the dubs for the run list (denormalised), so that a page of runs is one query.
    languages = models.JSONField(default=list, blank=True)
    guessed_languages = models.JSONField(null=True, help_text=_("Those of `languages` that are guesses."))
    language_mismatches = models.JSONField(
        db_column="language_checks",
        null=True,
        help_text=_("Dubs whose text is in another language, each [its tag, the tag read, lines; 0: the whole]."),
    )
    duration_ms = models.BigIntegerField(default=0)
    cue_count = models.PositiveIntegerField(default=0)
    check_count = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("The number of open review checks; written only with them.")
    )
    version = models.BigIntegerField(default=0, help_text=_("The team's version at the last change of this row."))

    source = models.ForeignKey("Source", on_delete=models.SET_NULL, null=True, related_name="runs", db_index=False)
    name_key = models.CharField(
        max_length=MAX_TITLE,
        blank=True,
        default="",
        db_default="",
        help_text=_("The title without its language; written only by the search for runs of one source."),
    )
    is_compared = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "Whether a worker has looked for runs of the same source since the title or the lines changed."
        ),
    )
    suggestion = models.BigIntegerField(
        null=True, help_text=_("The number shared by runs that look like one source; None: nothing is suggested.")
    )
    is_apart = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether a person said that the run is of no other run's source: it is never suggested again."),
    )
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
            # Partial indexes: current runs are found as fast with any number of archived ones.
            models.Index(fields=["team", "id"], name="run_newest", condition=Q(archived_at=None)),
            models.Index(fields=["team", "status", "id"], name="run_by_status", condition=Q(archived_at=None)),
            # Holds all that a search for titles reads, so that it needs no row of the table.
            models.Index(
                fields=["team", "archived_at", "id", "title_folded", "camb_run_id"],
                name="run_titles",
                condition=Q(archived_at=None),
            ),
            models.Index(fields=["id"], name="run_unfolded", condition=Q(title_folded=None)),
            models.Index(
                fields=["team", "id"],
                name="run_in_archive",
                condition=Q(archived_at__isnull=False, removed_at__isnull=True),
            ),
            models.Index(
                fields=["team", "removed_at", "id"], name="run_removed", condition=Q(removed_at__isnull=False)
            ),
            models.Index(
                fields=["team", "id"], name="run_fading", condition=Q(archived_at__isnull=False, is_indexed=True)
            ),
            models.Index(fields=["id"], name="run_returning", condition=Q(archived_at=None, is_indexed=False)),
            models.Index(fields=["team", "due_at"], name="run_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["team"], name="run_guessed", condition=Q(guessed_languages__isnull=False)),
            models.Index(fields=["lease"], name="run_lease", condition=Q(lease__isnull=False)),
            models.Index(fields=["team", "lease_until"], name="run_leased", condition=Q(lease_until__isnull=False)),
            models.Index(
                fields=["team", "requested_at"], name="run_requested", condition=Q(requested_at__isnull=False)
            ),
            models.Index(fields=["team", "checked_at"], name="run_checked"),
            # In this order of fields, a list by source finds out quickly whether a source has a newer run.
            models.Index(fields=["source", "id"], name="run_by_source", condition=Q(source__isnull=False)),
            models.Index(fields=["team", "name_key"], name="run_by_name", condition=~Q(name_key="")),
            models.Index(fields=["id"], name="run_uncompared", condition=Q(is_compared=False, cue_count__gt=0)),
            models.Index(
                fields=["team", "suggestion"], name="run_suggested", condition=Q(suggestion__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.camb_name

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags.all()]

    @property
    def camb_name(self) -> str:
        """The run's id at CAMB.AI, or that of its task, as shown to people."""
        return camb_name(self.camb_run_id, self.camb_task_id)


def camb_name(camb_run_id: int | None, camb_task_id: str) -> str:
    return f"Run {camb_run_id}" if camb_run_id else f"Task {camb_task_id}"


class RawAnswer(models.Model):
    """CAMB.AI's newest raw answer about a run: JSON, cut off at a maximum size and compressed with zlib."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="raw_answer")
    body = models.BinaryField()
    size = models.PositiveIntegerField(help_text=_("Bytes before compression and before the cut."))
    is_cut = models.BooleanField(default=False)
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"answer about run {self.run_id}"
