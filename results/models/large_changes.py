"""What remains to be done of a change of very many runs."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from teams.models import MAX_ACTOR_NAME, Team


class LargeChange(models.Model):
    """A change of many runs that a worker goes on with. Those of a team are done one after the other, by pk."""

    class ChangeKind(models.TextChoices):
        ARCHIVED = "archived"
        UNARCHIVED = "unarchived"
        REMOVED = "removed"
        RESTORED = "restored"
        DELETED = "deleted"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10)
    at = models.DateTimeField(help_text=_("When the change was asked for, which its runs are given."))
    by = models.CharField(
        max_length=MAX_ACTOR_NAME, blank=True, help_text=_("The name of the person who asked for it.")
    )
    pks = models.JSONField(help_text=_("The runs, in the order in which they are changed."))
    done = models.PositiveIntegerField(default=0, help_text=_("How many of them are changed already."))

    def __str__(self) -> str:
        return f"{self.kind}: {self.done} of {len(self.pks)} runs"
