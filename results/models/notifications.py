"""Notifications: events, those who are told of them, the messages that tell, and the log of their delivery."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from results import clock
from results.models.plain_rows import PlainRow
from results.models.runs import Run
from results.models.saved_views import SavedView
from results.models.search import SavedSearch
from results.models.workers import WorkerHeartbeat
from results.secrets import seal, unseal
from teams import time_zones
from teams.models import Membership, Team, User, password_changed


class EventQuerySet(models.QuerySet["Event"]):
    def visible_in(self, team_id: int) -> "EventQuerySet":
        """Events of the team, except of runs that are archived: what no list shows is told to no one."""
        return self.filter(Q(run=None) | Q(run__archived_at=None), team=team_id)

    def visible_to(self, membership: Membership, *, can_manage: bool) -> "EventQuerySet":
        """Of these events, those that the member may see: a private saved search is its owner's alone."""
        own_or_shared = Q(saved_search=None) | Q(saved_search__owner=membership.user_id)
        own_or_shared |= Q(saved_search__is_shared=True)
        return (
            self.filter(own_or_shared)
            if can_manage
            else self.filter(own_or_shared).exclude(kind=Event.Kind.CHANNEL)
        )

    def visible_to_team(self) -> "EventQuerySet":
        """Of these events, those that every member may see."""
        return self.filter(Q(saved_search=None) | Q(saved_search__is_shared=True)).exclude(kind=Event.Kind.CHANNEL)

    def without_superseded(self, through: int) -> "EventQuerySet":
        """Of these events, those but that a run was partly ready that is ready in an event up to `through`."""
        ready = Event.objects.filter(run=OuterRef("run"), kind=Event.Kind.READY)
        return self.exclude(
            Q(kind=Event.Kind.PARTLY) & Exists(ready.filter(pk__gt=OuterRef("pk"), pk__lte=through))
        )


class Event(PlainRow):
    """What happened in a team, written once, in the transaction of what it tells of (a transactional outbox).

    Insert an event after `TeamVersion.bump`. The row that it locks puts a team's events in the order of their ids,
    so that a reader who has read up to an id misses none.
    """

    class Kind(models.TextChoices):
        READY = "ready", _("Ready")
        PARTLY = "partly", _("Partly ready")
        FAILED = "failed", _("Failed")
        NOT_FOUND = "not_found", _("Not found")
        CHANGED = "changed", _("Changed after it was ready")
        FOUND = "found", _("New dub for a saved search")
        KEY = "key", _("Key refused, out of credit, or working again")
        AWAY = "away", _("CAMB.AI stops answering, or answers again")
        COPIES = "copies", _("Copies of media cannot be kept")
        CHANNEL = "channel", _("Channel switched off")
        WEEKLY = "weekly", _("Weekly summary")

    # Told at once: a batch does not wait for these.
    URGENT = (Kind.KEY.value, Kind.AWAY.value, Kind.COPIES.value, Kind.CHANNEL.value)

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    saved_search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, null=True, related_name="+")
    language = models.CharField(max_length=35, blank=True)
    at_ms = models.BigIntegerField(null=True, help_text=_("The position in the dub that the event is about."))
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["team", "id"], name="event_of_team"),
            models.Index(fields=["run"], name="event_of_run", condition=Q(run__isnull=False)),
            models.Index(fields=["created_at"], name="event_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} in {self.team_id}"


class ReceiverQuerySet(models.QuerySet["Receiver"]):
    def present(self) -> "ReceiverQuerySet":
        """Receivers of teams that are not in the trash."""
        return self.filter(team__removed_at=None)

    def leased(self, now: datetime) -> "ReceiverQuerySet":
        """Receivers to whom a live worker is sending now."""
        return self.exclude(lease=None).exclude(pk__in=self.unleased(now).exclude(lease=None).values("pk"))

    def unleased(self, now: datetime) -> "ReceiverQuerySet":
        """Receivers to whom no live worker is sending. A lease of the far future is from a clock set back."""
        ended = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gt=now + 2 * Receiver.LEASE)
        alive = WorkerHeartbeat.objects.alive(now).values("pk")
        return self.filter(ended | Q(leased_by__isnull=False) & ~Q(leased_by__in=alive))


class Receiver(models.Model):
    """One who is told of a team's events: a member's inbox or email, or a channel of the team.

    `told_through` is the last event that was told or passed over; a message about the next ones is written in the
    transaction that moves it. A receiver with an open message gets no other, so messages keep their order.
    """

    class Way(models.TextChoices):
        INBOX = "inbox", _("In Dubroom")
        EMAIL = "email", _("Email")
        WEBHOOK = "webhook", _("Webhook")
        CHAT = "chat", _("Chat")

    class Scope(models.TextChoices):
        ALL = "all", _("All runs")
        MINE = "mine", _("Runs that I added")
        VIEW = "view", _("Runs of a saved view")

    NEVER, NOW, DAILY = "", "now", "daily"
    LEASE = timedelta(minutes=2)
    MAX_NAME = 60

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, null=True, related_name="receivers", db_index=False
    )
    way = models.CharField(max_length=7, choices=Way.choices)
    name = models.CharField(_("name"), max_length=MAX_NAME, blank=True)
    sealed_address = models.TextField(blank=True, help_text=_("A channel's address, which may hold a password."))
    shown_address = models.CharField(max_length=200, blank=True)
    sealed_secret = models.TextField(blank=True, help_text=_("The secret that signs a webhook."))
    sealed_old_secret = models.TextField(blank=True)
    old_secret_until = models.DateTimeField(null=True)
    kinds = models.JSONField(default=dict, help_text=_("When the receiver is told of each kind: now or daily."))
    scope = models.CharField(max_length=4, choices=Scope.choices, default=Scope.ALL)
    view = models.ForeignKey(SavedView, on_delete=models.SET_NULL, null=True, related_name="+")
    quiet_from = models.PositiveSmallIntegerField(null=True, help_text=_("The hour at which quiet hours begin."))
    quiet_until = models.PositiveSmallIntegerField(null=True)
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_("A channel's own; a person has one for all."),
    )
    told_through = models.BigIntegerField(default=0)
    told_at = models.DateTimeField(null=True)
    daily_through = models.BigIntegerField(default=0)
    daily_at = models.DateTimeField(null=True, help_text=_("When the next daily digest is due."))
    is_on = models.BooleanField(default=True)
    problem = models.TextField(blank=True, help_text=_("A sentence on why the last message did not arrive."))
    bounce = models.TextField(
        blank=True, default="", db_default="", help_text=_("What a mail server said of an email that came back.")
    )
    bounced_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text=_("When the next message is tried; None: none is open."))
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    leased_by = models.UUIDField(null=True, help_text=_("The worker whose heartbeat keeps the lease."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ReceiverQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "way"], name="one_receiver_a_way")]
        indexes = [
            models.Index(fields=["due_at"], name="receiver_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["lease"], name="receiver_lease", condition=Q(lease__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.way} of {self.membership_id}"

    @property
    def is_channel(self) -> bool:
        return self.way in (self.Way.WEBHOOK, self.Way.CHAT)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the receiver's hours and days."""
        return self.membership.user.zone if self.membership else time_zones.zone(self.time_zone)

    @property
    def address(self) -> str:
        """The decrypted address, only for sending. Raises secrets.SealBrokenError."""
        return unseal(self.sealed_address)

    @address.setter
    def address(self, address: str) -> None:
        self.sealed_address = seal(address)

    def kinds_sent(self, when: str) -> list[str]:
        """Return the kinds of events of which the receiver is told at this time, NOW or DAILY."""
        return [kind for kind, chosen in self.kinds.items() if chosen == when]


class Message(models.Model):
    """One message to one receiver about the events from `first` to `last`. Its `uid` stays the same in each try.

    A message is written anew for each try, so that it never tells of a run that was removed meanwhile.
    """

    class Progress(models.TextChoices):
        OPEN = "open", _("Being delivered")
        SENT = "sent", _("Delivered")
        FAILED = "failed", _("Not delivered")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    receiver = models.ForeignKey(Receiver, on_delete=models.CASCADE, related_name="messages", db_index=False)
    first = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    kinds = models.JSONField(default=list)
    is_test = models.BooleanField(default=False)
    is_extra = models.BooleanField(
        default=False, help_text=_("A test, or sent again on demand: no other waits for it.")
    )
    state = models.CharField(max_length=6, choices=Progress.choices, default=Progress.OPEN)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["receiver", "id"], name="message_of_receiver"),
            models.Index(fields=["receiver", "due_at"], name="message_open", condition=Q(state="open")),
            models.Index(fields=["created_at"], name="message_age"),
        ]

    def __str__(self) -> str:
        return f"msg_{self.uid.hex}"


class Delivery(models.Model):
    """One try to deliver a message: what was sent and what was answered, without secrets."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    at = models.DateTimeField(default=clock.now)
    duration_ms = models.PositiveIntegerField(default=0)
    request = models.TextField(blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    problem = models.TextField(blank=True, help_text=_("A sentence on what went wrong; empty: it arrived."))

    def __str__(self) -> str:
        return f"{self.message_id} at {self.at}"


class InboxItem(models.Model):
    """A line of a member's inbox: events of one kind that were told together. Leaving the team deletes it."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Event.Kind.choices)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    count = models.PositiveIntegerField(help_text=_("The number of events."))
    shown = models.JSONField(default=list, help_text=_("The ids of the events that the line names."))
    created_at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["membership", "id"], name="inbox_of_member"),
            models.Index(fields=["membership"], name="inbox_unread", condition=Q(read_at=None)),
            models.Index(fields=["created_at"], name="inbox_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.membership_id}"


@receiver(password_changed)
def _end_feeds(user: User, **_: object) -> None:
    """End the feeds of a user with a new password: who knew the old one may have added some."""
    Feed.objects.filter(membership__user=user).delete()


class Feed(models.Model):
    """An Atom feed of a saved view, opened by its token alone. Only the token's hash is stored."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+")
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, null=True, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"feed …{self.last_four} of {self.membership_id}"
