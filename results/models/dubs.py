"""Dubs, cues, names of speakers, and CAMB.AI's numbers for languages."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from results.models.plain_rows import PlainRow
from results.models.runs import Run
from teams.models import Team, User


class DubQuerySet(models.QuerySet["Dub"]):
    def visible_to(self, user: User | AnonymousUser) -> "DubQuerySet":
        """Dubs of the teams of which the user is a member."""
        return self.filter(run__in=Run.objects.visible_to(user))

    def present(self) -> "DubQuerySet":
        """Dubs of runs that are not in the trash."""
        return self.filter(run__removed_at=None)


class LanguageSource(models.TextChoices):
    """Where a dub's language comes from, the strongest source first."""

    PERSON = "person", _("set by a person")
    CAMB = "camb", _("given by CAMB.AI")
    SHEET = "sheet", _("from the list it was added with")
    GUESS = "guess", _("guessed from the text")


class Dub(PlainRow):
    """A run's output in one language."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="dubs", db_index=False)
    language = models.CharField(
        max_length=35, blank=True, help_text=_("A tag such as es-es, an unknown number of CAMB.AI, or empty.")
    )
    language_source = models.CharField(
        max_length=6,
        blank=True,
        choices=LanguageSource.choices,
        default="",
        db_default="",
        help_text=_("Where the language comes from; empty: it is unknown."),
    )
    person_language = models.CharField(
        max_length=35, blank=True, default="", db_default="", help_text=_("The tag that a person set, or empty.")
    )
    camb_language = models.CharField(
        max_length=35,
        null=True,
        help_text=_(
            "The tag of CAMB.AI's key, by which an answer finds the dub; empty: CAMB.AI named no language."
        ),
    )
    is_language_detected = models.BooleanField(
        db_column="is_language_checked",
        default=False,
        db_default=False,
        help_text=_("Whether a worker has read which language the newest text is in."),
    )
    text_language = models.CharField(
        max_length=35,
        blank=True,
        default="",
        db_default="",
        help_text=_("The tag of the language that the text is in, as read from it; empty: that is uncertain."),
    )
    foreign_lines = models.JSONField(
        null=True,
        help_text=_("Stretches of lines in another language, each [first position, last position, tag]."),
    )
    has_current_checks = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether the stored review checks are those of the newest lines, language and limits."),
    )
    video_url = models.TextField(blank=True)
    audio_url = models.TextField(blank=True)
    media_fetched_at = models.DateTimeField(help_text=_("When CAMB.AI gave the links, which expire later."))
    cues_hash = models.CharField(max_length=64, blank=True)
    cue_count = models.PositiveIntegerField(default=0)
    duration_ms = models.BigIntegerField(default=0)
    is_alert_checked = models.BooleanField(
        default=True, help_text=_("False: saved searches have not been matched with its lines yet.")
    )

    objects = DubQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "camb_language"], name="one_dub_a_camb_language")]
        indexes = [
            models.Index(fields=["id"], name="dub_alert_unchecked", condition=Q(is_alert_checked=False)),
            models.Index(fields=["id"], name="dub_language_unchecked", condition=Q(is_language_detected=False)),
            models.Index(
                fields=["id"],
                name="dub_checks_outdated",
                condition=Q(has_current_checks=False, is_language_detected=True),
            ),
            models.Index(fields=["team", "language", "run"], name="dub_by_language"),
        ]

    def __str__(self) -> str:
        return f"{self.language or 'dub'} of run {self.run_id}"

    @property
    def camb_key(self) -> str:
        """The tag of CAMB.AI's key; empty if it named no language. Rows of older releases keep it in `language`."""
        return self.language if self.camb_language is None else self.camb_language

    @property
    def is_guess(self) -> bool:
        return self.language_source == LanguageSource.GUESS


class Cue(PlainRow):
    """One line of speech. `position` counts from 1 in time order; times are integer milliseconds."""

    # Only the dub is indexed, by the constraint below. A cue is found by its id (search) or in its dub's order, and
    # each further index would slow down the writing of every line.
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    dub = models.ForeignKey(Dub, on_delete=models.CASCADE, related_name="cues", db_index=False)
    position = models.PositiveIntegerField()
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    speaker = models.CharField(max_length=200, blank=True)
    original_speaker = models.CharField(
        max_length=200, blank=True, help_text=_("CAMB.AI's name of the speaker if people gave another name.")
    )
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dub", "position"], name="one_cue_a_position")]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.text[:60]


class SpeakerName(models.Model):
    """A name that people gave a speaker, for one run or for the whole team.

    A name without a run applies to all runs of the team that have no name of their own for the speaker. The cues
    already carry the name. It is stored for new cues, and to restore the original.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    original = models.CharField(max_length=200)
    name = models.CharField(_("name"), max_length=200)
    applied_through = models.BigIntegerField(
        null=True, help_text=_("The last run of the team whose cues carry the name; None: all do.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "original"], name="one_name_in_a_run"),
            models.UniqueConstraint(fields=["team", "original"], name="one_name_in_a_team", condition=Q(run=None)),
        ]
        indexes = [
            models.Index(fields=["id"], name="speaker_name_pending", condition=Q(applied_through__isnull=False))
        ]

    def __str__(self) -> str:
        return self.name


class Language(models.Model):
    """CAMB.AI's number for a language, fetched once a day."""

    camb_id = models.PositiveIntegerField(primary_key=True)
    tag = models.CharField(max_length=35)

    def __str__(self) -> str:
        return self.tag
