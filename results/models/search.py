"""The vocabulary for suggestions, saved searches, and search alerts."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results.models.dubs import Dub
from teams.models import Team, User


class VocabularyWord(models.Model):
    """A word in a team's present or former dubs, folded as in the search index.

    `backwards` is the word with its letters reversed, so that an index also finds words with the same ending.
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
    """A search that a user saved, private or shared with the team. The owner is alerted when a new dub has hits."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="saved_searches", db_index=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_searches")
    q = models.CharField(_("search"), max_length=1000)
    is_shared = models.BooleanField(_("shared with the team"), default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "owner", "q"], name="saved_once")]

    def __str__(self) -> str:
        return self.q


class SearchAlert(models.Model):
    """A dub that had hits for a saved search when it was stored."""

    saved_search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    dub = models.ForeignKey(Dub, on_delete=models.CASCADE, related_name="+")
    count = models.PositiveIntegerField(help_text=_("The number of the dub's lines that were hits."))
    is_new = models.BooleanField(default=True, help_text=_("The owner of the search has not seen the alert yet."))
    found_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saved_search", "dub"], name="found_once")]

    def __str__(self) -> str:
        return f"{self.count} in dub {self.dub_id}"
