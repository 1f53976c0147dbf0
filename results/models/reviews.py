"""What people decided about review checks."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results.models.dubs import Dub
from teams.models import User


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
