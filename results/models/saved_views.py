"""Saved views of the list of runs."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from teams.models import Team, User


class SavedView(models.Model):
    """A filter, an order and columns of the list of runs under a name, for its owner or shared with the team.

    A team's default view is shown to whoever opens the list without a filter.
    """

    MAX_NAME = 60

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="saved_views", db_index=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=MAX_NAME)
    query = models.TextField(blank=True, help_text=_("The query string of the list, without the page."))
    is_shared = models.BooleanField(_("shared with the team"), default=False)
    is_default = models.BooleanField(_("the team's default"), default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "owner", "name"], name="one_view_a_name"),
            models.UniqueConstraint(fields=["team"], name="one_default_view", condition=Q(is_default=True)),
        ]
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
