"""The open review checks of all lines, and what people decided: dismissals, and the limits of a team."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results.models.dubs import Dub
from results.models.runs import Run
from teams.models import Team, User


class OpenCheck(models.Model):
    """A review check of a line that no one has dismissed, for pages that look at many runs.

    `results/dubs/checks.py` keeps these rows. Archived runs have none.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="open_checks")
    dub = models.ForeignKey(Dub, on_delete=models.CASCADE, related_name="open_checks", db_index=False)
    position = models.PositiveIntegerField(help_text=_("The line's place in its dub, from 1."))
    start_ms = models.BigIntegerField()
    kind = models.CharField(max_length=10, help_text=_("A kind of review check, such as fast."))
    severity = models.PositiveSmallIntegerField(help_text=_("The kind's place among all kinds; 0: most severe."))
    language = models.CharField(max_length=35, blank=True, help_text=_("The dub's language without its region."))
    amount = models.FloatField(help_text=_("As `amount` of a ReviewCheck, and likewise the next three."))
    allowed = models.PositiveIntegerField()
    is_of_text = models.BooleanField()
    other_language = models.CharField(max_length=35, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dub", "position", "kind"], name="one_open_check_a_kind")]
        indexes = [
            models.Index(fields=["team", "severity", "-id"], name="open_check_severe"),
            models.Index(fields=["team", "language", "severity", "-id"], name="open_check_language"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} in line {self.position}"


class DismissedCheck(models.Model):
    """A review check that a person dismissed, and why.

    It names the line by its text, since each refresh writes a dub's lines anew. So it holds for as long as the dub
    has the text, wherever the line moves.
    """

    dub = models.ForeignKey(Dub, on_delete=models.CASCADE, related_name="dismissed_checks", db_index=False)
    kind = models.CharField(max_length=10, help_text=_("A kind of review check, such as fast."))
    text_hash = models.CharField(max_length=64, help_text=_("The SHA-256 hash of the line's text."))
    nth = models.PositiveIntegerField(help_text=_("Which of the dub's lines with this text it is, from 1."))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    dismissed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    dismissed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dub", "kind", "text_hash", "nth"], name="one_dismissal_a_check")
        ]

    def __str__(self) -> str:
        return self.reason or self.kind


class ReviewPolicy(models.Model):
    """The limits that a team's owners set for review checks. None, or an absent row: the guide's limit."""

    class Guide(models.TextChoices):
        CAPTIONS = "captions", _("Captions: every word that is said")
        SUBTITLES = "subtitles", _("Subtitles: a shortened translation")

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="review_policy")
    guide = models.CharField(max_length=10, choices=Guide.choices, default=Guide.CAPTIONS)
    speed = models.PositiveSmallIntegerField(
        null=True, help_text=_("Characters a second in the languages without a limit of their own.")
    )
    speeds = models.JSONField(default=dict, help_text=_("Characters a second by language tag."))
    overlap_ms = models.PositiveIntegerField(null=True)
    gap_ms = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"review policy of {self.team_id}"
