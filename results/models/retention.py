"""How long a team keeps what would otherwise stay for ever."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from teams.models import Team


class Retention(models.Model):
    """A team's own limits, in days. None: archived runs and copies stay, and calls as long as the server says."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="retention")
    archived_run_days = models.PositiveIntegerField(null=True, help_text=_("Since the run was archived."))
    media_days = models.PositiveIntegerField(null=True, help_text=_("Since the copy was stored."))
    call_log_days = models.PositiveIntegerField(null=True, help_text=_("Since the call."))

    def __str__(self) -> str:
        return f"retention of {self.team_id}"
