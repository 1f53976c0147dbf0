"""The counter of changes that makes a page's poll cheap."""

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from teams.models import Team


class TeamVersion(models.Model):
    """A counter for each team that grows with every change of a run, so that a poll costs one small read.

    `requested` counts the runs that were requested together. The unanswered ones among them have a
    `Run.requested_at`.
    """

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="version_counter")
    version = models.BigIntegerField(default=0)
    requested = models.PositiveIntegerField(
        default=0, help_text=_("Runs requested since the last time no request was open.")
    )
    requested_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.team_id} at {self.version}"

    @classmethod
    def current(cls, team_id: int) -> int:
        """Return the team's current version; 0 if nothing has changed yet."""
        # Raw SQL here and below, as each page and poll reads it, and the ORM takes ten times as long.
        with connection.cursor() as cursor:
            cursor.execute("SELECT version FROM results_teamversion WHERE team_id = %s", [team_id])
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    @classmethod
    def bump(cls, team_id: int) -> int:
        """Count one change and return the new version. Call it late in a transaction, because it locks the row."""
        count = "UPDATE results_teamversion SET version = version + 1 WHERE team_id = %s RETURNING version"
        with connection.cursor() as cursor:
            cursor.execute(count, [team_id])
            if (row := cursor.fetchone()) is None:
                TeamVersion.objects.bulk_create([TeamVersion(team_id=team_id, version=0)], ignore_conflicts=True)
                cursor.execute(count, [team_id])
                row = cursor.fetchone()
        return int(row[0])
