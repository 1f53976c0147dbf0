"""A team's CAMB.AI key, with its circuit breaker and rate limit."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results.secrets import seal, unseal
from teams.models import Team


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, now: datetime) -> "ApiKeyQuerySet":
        """Keys with which calls may be made now. That of a removed team may not be used.

        A pause whose failure is yet to come began before the clock was set back, and would last longer by as much.
        `circuit_breaker.is_usable` repeats this rule in SQL.
        """
        is_removed = Exists(Team.objects.filter(pk=OuterRef("pk"), removed_at__isnull=False))
        is_over = Q(retry_at=None) | Q(retry_at__lte=now) | Q(last_call_at__gt=now + ApiKey.CLOCK_TOLERANCE)
        return self.filter(~is_removed & is_over)


class ApiKey(models.Model):
    """A team's CAMB.AI key, and the outcome of the last call with that key.

    `retry_at` is the state of the key's circuit breaker: while this time is in the future, no call is made for the
    team. A failure of the key or of the whole service sets this time. One row thus tells every worker on every
    machine when the next probe is due.
    """

    class State(models.TextChoices):
        UNTRIED = "untried", _("Not tested yet")
        WORKING = "working", _("Working")
        REFUSED = "refused", _("Refused")
        UNPAID = "unpaid", _("Out of credit")
        UNAVAILABLE = "unavailable", _("CAMB.AI does not answer")

    # Machines may differ by less than this in what they read of the database's clock.
    CLOCK_TOLERANCE = timedelta(seconds=10)

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="api_key")
    sealed = models.TextField()
    last_four = models.CharField(max_length=4)
    is_demo = models.BooleanField(default=False, help_text=_("Calls go to the demo's stand-in for CAMB.AI."))
    state = models.CharField(max_length=12, choices=State.choices, default=State.UNTRIED)
    message = models.TextField(blank=True, help_text=_("A sentence on what went wrong, and the next step."))
    failures = models.PositiveIntegerField(default=0, help_text=_("Failed calls in a row."))
    retry_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True, help_text=_("When runs were last leased: keys take turns by it."))
    last_call_at = models.DateTimeField(
        null=True, help_text=_("When a call last ended; updated once a minute while calls succeed.")
    )
    rate_used_until = models.DateTimeField(
        null=True, help_text=_("Up to when the calls so far use up the rate limit.")
    )
    away_since = models.DateTimeField(
        null=True, help_text=_("The first failure in a row that was the service's own; None: it answers.")
    )
    told_state = models.CharField(
        max_length=12,
        blank=True,
        default="",
        db_default="",
        help_text=_("The state in which the team was last told that the key is; empty: that it works."),
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"key …{self.last_four} of {self.team_id}"

    @property
    def secret(self) -> str:
        """The decrypted key, only for the request header. Raises secrets.SealBrokenError."""
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
        """Whether the last call failed because of the key, its account or the service."""
        return self.state not in (self.State.UNTRIED, self.State.WORKING)

    @property
    def is_unproven(self) -> bool:
        """Whether the key has yet to prove that it works; until then, calls are made one at a time."""
        return self.failures > 0 or self.state == self.State.UNTRIED
