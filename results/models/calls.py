"""The call log: HTTP calls to CAMB.AI, and the runs in each call."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from results.models.runs import Run
from teams.models import Team


class Call(models.Model):
    """One HTTP call to CAMB.AI, stored for a while so that people can look up requests and their outcomes."""

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("Answered")
        UNAVAILABLE = "unavailable", _("CAMB.AI failed")
        REFUSED = "refused", _("Refused")
        MALFORMED = "malformed", _("Unreadable answer")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(db_index=True)
    ms = models.PositiveIntegerField(help_text=_("From the request to the last byte of the answer."))
    http_status = models.PositiveSmallIntegerField(null=True, help_text=_("None: no answer was received."))
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    message = models.TextField(blank=True)
    run_count = models.PositiveSmallIntegerField()

    class Meta:
        indexes = [models.Index(fields=["team", "at"], name="call_newest")]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at}"


class Attempt(models.Model):
    """One run in a call. `change` is a sentence on what the call changed for that run."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="attempts")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="call_attempts", db_index=False)
    change = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["run", "id"], name="attempt_newest")]

    def __str__(self) -> str:
        return self.change
