"""Writes a message to each receiver once a batch of events is complete.

A batch ends when nothing has happened for a while, or after five minutes, so that 500 runs that become ready
within some minutes are one message. A message and the receiver's place among the events are written in one
transaction: a worker that dies leaves neither an event untold nor one told twice.
"""

from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, QuerySet, Subquery

from results import clock
from results.models import Event, EventQuerySet, InboxItem, Message, Receiver, TeamVersion
from results.notifications import receivers
from results.notifications.summary import ORDER
from results.queue.backlogs import isolated
from teams.access import without_required_step
from teams.models import Membership

# No batch grows for longer than this, and after a message the next one waits as long.
MAX_BATCH_TIME = timedelta(minutes=5)
# A message to a webhook lists each event, so a bigger batch takes several.
MAX_LISTED = 500
# So many events are named in a line of an inbox.
MAX_SHOWN = 3
# Receivers that one task looks after; the next task goes on with the others.
MAX_RECEIVERS = 2000
FAILURE = "Receiver %s could not be notified"

Way = Receiver.Way


class _Batch(NamedTuple):
    """The events of a team behind one place."""

    oldest_at: datetime
    newest_at: datetime
    last: int
    urgent: frozenset[str]


def collect() -> None:
    """Write what is to be told now, for each receiver on its own."""
    receivers.add_missing_inboxes()
    now = clock.now()
    known: dict[tuple[int, int], _Batch] = {}
    # Receivers in quiet hours are left out first: what waits for them grows all night, and is read in the morning.
    awake = (receiver for receiver in _behind() if not receivers.is_quiet(receiver, now))
    for receiver in islice(awake, MAX_RECEIVERS):
        place = (receiver.team_id, receiver.told_through)
        if place not in known:
            known[place] = _batch(*place)
        if _is_complete(known[place], receiver, now):
            with isolated(FAILURE, receiver.pk):
                _notify_now(receiver, known[place].last, now)
    for receiver in _with_members(
        Receiver.objects.present().filter(is_on=True, daily_at__lte=now).exclude(_has_open())
    ):
        if not receivers.is_quiet(receiver, now):
            with isolated(FAILURE, receiver.pk):
                _notify_daily(receiver, now)


def _behind() -> QuerySet[Receiver]:
    """Return the receivers without an open message for whose team there are newer events than they were told of."""
    newest = Event.objects.filter(team=OuterRef("team")).order_by("-pk").values("pk")[:1]
    behind = (
        Receiver.objects.present()
        .annotate(newest=Subquery(newest))
        .filter(is_on=True, newest__gt=F("told_through"))
    )
    return _with_members(behind.exclude(_has_open())).order_by("told_at", "pk")


def _has_open() -> Exists:
    open_message = Message.objects.filter(receiver=OuterRef("pk"), state=Message.Progress.OPEN, is_extra=False)
    return Exists(open_message)


def _with_members(found: QuerySet[Receiver]) -> QuerySet[Receiver]:
    # Who may not open the team's pages is not told of what they show.
    shut_out = without_required_step(Membership.objects.filter(pk=OuterRef("membership")))
    allowed = found.exclude(membership__user__is_active=False).exclude(Exists(shut_out))
    return allowed.select_related("membership__user", "view")


def _batch(team_id: int, after: int) -> _Batch:
    events = Event.objects.filter(team=team_id, pk__gt=after)
    ends = events.aggregate(oldest=Min("created_at"), newest=Max("created_at"), last=Max("pk"))
    urgent = events.filter(kind__in=Event.URGENT).values_list("kind", flat=True).distinct()
    return _Batch(ends["oldest"], ends["newest"], ends["last"], frozenset(urgent))


def _is_complete(batch: _Batch, receiver: Receiver, now: datetime) -> bool:
    if batch.urgent.intersection(receiver.kinds_sent(Receiver.NOW)):
        return True
    if now - batch.oldest_at >= MAX_BATCH_TIME:
        return True
    is_rested = receiver.told_at is None or now - receiver.told_at >= MAX_BATCH_TIME
    return is_rested and now - batch.newest_at >= timedelta(seconds=settings.NOTIFY_QUIET_SECONDS)


def _notify_now(receiver: Receiver, last: int, now: datetime) -> None:
    kinds = receiver.kinds_sent(Receiver.NOW)
    events = receivers.events_for(receiver, after=receiver.told_through, through=last, kinds=kinds)
    with transaction.atomic():
        events, last = _cut(receiver, events, last)
        # Another worker may have told these meanwhile: the row that is changed decides.
        row = Receiver.objects.filter(pk=receiver.pk, told_through=receiver.told_through, is_on=True)
        if not row.update(told_through=last):
            return
        has_news = (
            _fill_inbox(receiver, events, last)
            if receiver.way == Way.INBOX
            else _write(receiver, events, last, kinds, now)
        )
        if has_news:
            Receiver.objects.filter(pk=receiver.pk).update(told_at=now)


def _notify_daily(receiver: Receiver, now: datetime) -> None:
    kinds, newest = receiver.kinds_sent(Receiver.DAILY), receivers.newest_event(receiver.team_id)
    events = receivers.events_for(receiver, after=receiver.daily_through, through=newest, kinds=kinds)
    with transaction.atomic():
        events, last = _cut(receiver, events, newest)
        # What is cut off comes in the next message, and the next digest after the last of them.
        due_at = receiver.daily_at if last < newest else receivers.next_digest(receiver, now)
        place = {"daily_at": receiver.daily_at, "daily_through": receiver.daily_through}
        row = Receiver.objects.filter(pk=receiver.pk, is_on=True, **place)
        if row.update(daily_through=last, daily_at=due_at):
            _write(receiver, events, last, kinds, now)


def _cut(receiver: Receiver, events: EventQuerySet, last: int) -> tuple[EventQuerySet, int]:
    """Return these events and the end of their batch; of a webhook, only as many as a message lists."""
    if receiver.way == Way.WEBHOOK:
        listed = list(events.order_by("pk").values_list("pk", flat=True)[: MAX_LISTED + 1])
        last = listed[MAX_LISTED - 1] if len(listed) > MAX_LISTED else last
        events = events.filter(pk__lte=last)
    return events, last


def _write(receiver: Receiver, events: EventQuerySet, last: int, kinds: list[str], now: datetime) -> bool:
    """Write a message about these events up to `last`, if there are any, and return whether there are.

    `last` ends the batch, whatever its kind: a run that was partly ready may be ready by then.
    """
    first = events.aggregate(first=Min("pk"))["first"]
    if first is None:
        return False
    Message.objects.create(receiver=receiver, kinds=kinds, due_at=now, first=first, last=last)
    Receiver.objects.filter(pk=receiver.pk).update(due_at=now)
    return True


def _fill_inbox(receiver: Receiver, events: EventQuerySet, last: int) -> bool:
    """Add a line to the inbox for each kind of these events, and return whether there are any."""
    counts = events.order_by().values("kind").annotate(count=Count("pk"), first=Min("pk"))
    items = [
        InboxItem(
            membership_id=receiver.membership_id or 0,
            last=last,
            shown=list(events.filter(kind=row["kind"]).order_by("pk").values_list("pk", flat=True)[:MAX_SHOWN]),
            **row,
        )
        # The newest line is on top, and failures belong there.
        for row in sorted(counts, key=lambda row: -ORDER.index(row["kind"]))
    ]
    InboxItem.objects.bulk_create(items)
    if items:
        # The polls of open pages bring the new number of unread lines.
        TeamVersion.bump(receiver.team_id)
    return bool(items)
