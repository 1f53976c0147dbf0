"""What is kept of CAMB.AI's runs: the run, its dubs, their cues, the raw answer, and the team's key."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results.secrets import seal, unseal
from teams.models import Team, User


class ApiKey(models.Model):
    """A team's CAMB.AI key, and how CAMB.AI took it the last time.

    `retry_at` is the key's gate: while it lies ahead, no run of the team is asked. Trouble of the key or of the
    whole service sets it, so one row says for every worker on every machine when the next probe is due.
    """

    class State(models.TextChoices):
        UNTRIED = "untried", _("Not tried yet")
        WORKING = "working", _("Working")
        REFUSED = "refused", _("Refused")
        UNPAID = "unpaid", _("Payment needed")
        UNAVAILABLE = "unavailable", _("CAMB.AI does not answer")

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="api_key")
    sealed = models.TextField()
    last_four = models.CharField(max_length=4)
    is_demo = models.BooleanField(default=False, help_text=_("Answered by the stand-in CAMB.AI of the demo."))
    state = models.CharField(max_length=12, choices=State.choices, default=State.UNTRIED)
    message = models.TextField(blank=True, help_text=_("What went wrong, and what to do, in plain words."))
    failures = models.PositiveIntegerField(default=0, help_text=_("Failed calls in a row."))
    retry_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True, help_text=_("When CAMB.AI last answered or failed to."))
    paced_to = models.DateTimeField(null=True, help_text=_("Up to when the calls already let go use up its rate."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"key …{self.last_four} of {self.team_id}"

    @property
    def secret(self) -> str:
        """The key itself, for the request header only. Raises secrets.SealBrokenError."""
        return unseal(self.sealed)

    @secret.setter
    def secret(self, key: str) -> None:
        self.sealed = seal(key)
        self.last_four = key[-4:]

    @property
    def base_url(self) -> str:
        return settings.DEMO_BASE_URL if self.is_demo else settings.CAMB_BASE_URL

    @property
    def is_in_trouble(self) -> bool:
        return self.state not in (self.State.UNTRIED, self.State.WORKING)

    @property
    def is_unproven(self) -> bool:
        """Whether one call at a time has to show first that the key works."""
        return self.failures > 0 or self.state == self.State.UNTRIED


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
    LEASE = timedelta(seconds=settings.CAMB_TOTAL_SECONDS * 1.5)

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="runs", db_index=False)
    camb_run_id = models.BigIntegerField(null=True)
    camb_task_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=200, blank=True)
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
    wanted_at = models.DateTimeField(
        null=True, help_text=_("When somebody asked for it among many; None: answered.")
    )
    asks = models.PositiveIntegerField(default=0, help_text=_("Asks in a row that brought nothing final."))
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
            models.Index(fields=["team", "wanted_at"], name="run_wanted", condition=Q(wanted_at__isnull=False)),
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


class Answer(models.Model):
    """CAMB.AI's newest raw answer about a run: zlib-compressed JSON, cut off at a bound."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="answer")
    body = models.BinaryField()
    size = models.PositiveIntegerField(help_text=_("Bytes before compression and cutting."))
    is_cut = models.BooleanField(default=False)
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"answer about run {self.run_id}"


class DubQuerySet(models.QuerySet["Dub"]):
    def visible_to(self, user: User | AnonymousUser) -> "DubQuerySet":
        """Dubs of the teams that this person is in."""
        return self.filter(run__in=Run.objects.visible_to(user))


class Dub(models.Model):
    """A run's output in one language."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="dubs", db_index=False)
    language = models.CharField(
        max_length=35, blank=True, help_text=_("A tag such as es-es, an unknown id of CAMB.AI, or nothing.")
    )
    video_url = models.TextField(blank=True)
    audio_url = models.TextField(blank=True)
    media_fetched_at = models.DateTimeField(help_text=_("When the links were given; they end some time later."))
    cues_hash = models.CharField(max_length=64, blank=True)
    cue_count = models.PositiveIntegerField(default=0)
    duration_ms = models.BigIntegerField(default=0)
    is_told = models.BooleanField(
        default=True, help_text=_("False: saved searches have yet to be told of its lines.")
    )

    objects = DubQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "language"], name="one_dub_a_language")]
        indexes = [models.Index(fields=["id"], name="dub_untold", condition=Q(is_told=False))]

    def __str__(self) -> str:
        return f"{self.language or 'dub'} of run {self.run_id}"


class Cue(models.Model):
    """One line of speech. `position` counts from 1 in time order; times are integer milliseconds."""

    # Only the dub has an index: a cue is reached by its id (search) or in its dub's order, and each further
    # index would be paid for with every line written.
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    dub = models.ForeignKey(Dub, on_delete=models.CASCADE, related_name="cues", db_index=False)
    position = models.PositiveIntegerField()
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    speaker = models.CharField(max_length=200, blank=True)
    original_speaker = models.CharField(
        max_length=200, blank=True, help_text=_("CAMB.AI's name of the speaker, when people gave another one.")
    )
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dub", "position"], name="one_cue_a_position")]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.text[:60]


class SpeakerName(models.Model):
    """What people call a speaker: in one run, or without one in every run of the team that has no name of its own.

    The cues already carry it; it is kept for those that come, and to find the way back to the original.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    original = models.CharField(max_length=200)
    name = models.CharField(_("name"), max_length=200)
    settled_to = models.BigIntegerField(
        null=True, help_text=_("The last of the team's runs whose cues carry it; None: all do.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "original"], name="one_name_in_a_run"),
            models.UniqueConstraint(fields=["team", "original"], name="one_name_in_a_team", condition=Q(run=None)),
        ]
        indexes = [models.Index(fields=["id"], name="name_unsettled", condition=Q(settled_to__isnull=False))]

    def __str__(self) -> str:
        return self.name


class Call(models.Model):
    """One HTTP call to CAMB.AI, kept for a while so that people can see what was asked and what came of it."""

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("Answered")
        UNAVAILABLE = "unavailable", _("Not available")
        REFUSED = "refused", _("Refused")
        MALFORMED = "malformed", _("Not understood")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(db_index=True)
    ms = models.PositiveIntegerField(help_text=_("From the request to the last byte of the answer."))
    http_status = models.PositiveSmallIntegerField(null=True, help_text=_("None: no answer came at all."))
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    message = models.TextField(blank=True)
    run_count = models.PositiveSmallIntegerField()

    class Meta:
        indexes = [models.Index(fields=["team", "at"], name="call_newest")]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at}"


class Attempt(models.Model):
    """One run's part in a call: what it changed, in words."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="attempts")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    change = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["run", "id"], name="attempt_newest")]

    def __str__(self) -> str:
        return self.change


class Language(models.Model):
    """CAMB.AI's own numbers for languages, asked for once a day."""

    camb_id = models.PositiveIntegerField(primary_key=True)
    tag = models.CharField(max_length=35)

    def __str__(self) -> str:
        return self.tag


class Pulse(models.Model):
    """A counter a team: it grows with every change of a run, so that a poll costs one small read.

    Beside it stands how much was asked for among many; those that are left have a `Run.wanted_at`.
    """

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="pulse")
    version = models.BigIntegerField(default=0)
    wanted = models.PositiveIntegerField(default=0, help_text=_("How many runs were asked for since nothing was."))
    wanted_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.team_id} at {self.version}"

    @classmethod
    def of(cls, team_id: int) -> int:
        """Return the team's version now."""
        return cls.objects.filter(pk=team_id).values_list("version", flat=True).first() or 0

    @classmethod
    def beat(cls, team_id: int) -> int:
        """Count one change and return the new version; call it late in the transaction, as it locks the row."""
        count = "UPDATE results_pulse SET version = version + 1 WHERE team_id = %s RETURNING version"
        with connection.cursor() as cursor:
            cursor.execute(count, [team_id])
            if (row := cursor.fetchone()) is None:
                Pulse.objects.bulk_create([Pulse(team_id=team_id, version=0)], ignore_conflicts=True)
                cursor.execute(count, [team_id])
                row = cursor.fetchone()
        return int(row[0])


class Word(models.Model):
    """A word that a team's dubs say or once said, folded as the search index folds it.

    `backwards` is the same word read from its end, so that words with the same end stand side by side too.
    """

    pk = models.CompositePrimaryKey("team", "word")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    word = models.CharField(max_length=32)
    backwards = models.CharField(max_length=32)

    class Meta:
        indexes = [models.Index(fields=["team", "backwards"], name="word_backwards")]

    def __str__(self) -> str:
        return self.word


class SavedSearch(models.Model):
    """A search that somebody keeps, for themselves or for the team, and is told of when a new dub has hits."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="saved_searches", db_index=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_searches")
    q = models.CharField(_("search"), max_length=1000)
    is_shared = models.BooleanField(_("shared with the team"), default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "owner", "q"], name="saved_once")]

    def __str__(self) -> str:
        return self.q


class Finding(models.Model):
    """A dub that had hits for a saved search when it was stored."""

    saved_search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="findings", db_index=False)
    dub = models.ForeignKey(Dub, on_delete=models.CASCADE, related_name="+")
    count = models.PositiveIntegerField(help_text=_("How many of its lines were hits."))
    is_new = models.BooleanField(default=True, help_text=_("The search's owner has not seen it yet."))
    found_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saved_search", "dub"], name="found_once")]

    def __str__(self) -> str:
        return f"{self.count} in dub {self.dub_id}"


class Shelf(models.Model):
    """Whether a team keeps copies of its media with us, and how much may be kept."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="shelf")
    is_on = models.BooleanField(default=False)
    most_bytes = models.BigIntegerField()
    looked_at = models.DateTimeField(null=True, help_text=_("Since when answers have to be looked at for media."))

    def __str__(self) -> str:
        return f"shelf of {self.team_id}"


class CopyQuerySet(models.QuerySet["Copy"]):
    def unleased(self, now: datetime) -> "CopyQuerySet":
        """Copies that no worker is at."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now))

    def due(self, now: datetime) -> "CopyQuerySet":
        """Copies to be fetched now that no worker is at."""
        return self.unleased(now).filter(due_at__lte=now).exclude(dub=None)


class Copy(models.Model):
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
    got = models.BigIntegerField(default=0, help_text=_("Bytes that are here."))
    source = models.TextField(blank=True, help_text=_("The link that it came from, without its signature."))
    validator = models.TextField(blank=True, help_text=_("The host's mark of this very content, to go on by."))
    peaks = models.BinaryField(default=b"", help_text=_("How loud it is in each part; empty if nobody can tell."))
    length_ms = models.PositiveIntegerField(default=0, help_text=_("Of the sound, if there are peaks."))
    tries = models.PositiveIntegerField(default=0, help_text=_("Failed tries in a row."))
    message = models.TextField(blank=True, help_text=_("Why it is not here yet, in plain words."))
    due_at = models.DateTimeField(null=True, default=timezone.now, help_text=_("None: not fetched by itself."))
    lease = models.UUIDField(null=True, help_text=_("Whose turn it is to fetch it."))
    lease_until = models.DateTimeField(null=True)

    objects = CopyQuerySet.as_manager()

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
        return self.got * 100 // self.size if self.size else 0
