"""Writes a message to each receiver once a batch of events is complete.

A batch ends when nothing has happened for a while, or after five minutes, so that 500 runs that become ready
within some minutes are one message. A message and the receiver's place among the events are written in one
transaction: a worker that dies leaves neither an event untold nor one told twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Max, Min, OuterRef, QuerySet, Subquery

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
    known: dict[tuple[int, int], _Batch | None] = {}
    # Receivers in quiet hours are left out first: what waits for them grows all night, and is read in the morning.
    awake = (receiver for receiver in _behind() if not receivers.is_quiet(receiver, now))
    for receiver in islice(awake, MAX_RECEIVERS):
        place = (receiver.team_id, receiver.told_through)
        if place not in known:
            known[place] = _batch(*place)
        batch = known[place]
        if batch and _is_complete(batch, receiver, now):
            with isolated(FAILURE, receiver.pk):
                _notify_now(receiver, batch.last, now)
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


def _batch(team_id: int, after: int) -> _Batch | None:
    events = Event.objects.filter(team=team_id, pk__gt=after).order_by()
    ends = (Min("created_at"), Max("created_at"), Max("pk"))
    rows = list(events.values_list("kind").annotate(*ends))
    if not rows:
        return None  # they were deleted meanwhile
    kinds, oldest, newest, last = zip(*rows, strict=True)
    return _Batch(min(oldest), max(newest), max(last), frozenset(kinds).intersection(Event.URGENT))


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
    events, last = _cut(receiver, events, last)
    news = (
        _items(receiver, events, last)
        if receiver.way == Way.INBOX
        else _messages(receiver, events, last, kinds, now)
    )
    told = {"told_at": now} if news else {}
    _tell(receiver, news, {"told_through": receiver.told_through}, {"told_through": last, **told})


def _notify_daily(receiver: Receiver, now: datetime) -> None:
    kinds, newest = receiver.kinds_sent(Receiver.DAILY), receivers.newest_event(receiver.team_id)
    events = receivers.events_for(receiver, after=receiver.daily_through, through=newest, kinds=kinds)
    events, last = _cut(receiver, events, newest)
    # What is cut off comes in the next message, and the next digest after the last of them.
    due_at = receiver.daily_at if last < newest else receivers.next_digest(receiver, now)
    place = {"daily_at": receiver.daily_at, "daily_through": receiver.daily_through}
    news = _messages(receiver, events, last, kinds, now)
    _tell(receiver, news, place, {"daily_through": last, "daily_at": due_at})


def _tell(
    receiver: Receiver, news: Sequence[InboxItem | Message], place: dict[str, Any], new_place: dict[str, Any]
) -> None:
    """Store what tells of events together with the receiver's new place behind them.

    Another worker may have told these meanwhile, or have written the receiver another message, which must arrive
    first: the row that is changed decides. The events were read before, as SQLite's other writers wait for this
    transaction.
    """
    place = {**place, "due_at": receiver.due_at}
    if messages := [one for one in news if isinstance(one, Message)]:
        new_place = {**new_place, "due_at": messages[0].due_at}
    with transaction.atomic():
        if Receiver.objects.filter(pk=receiver.pk, is_on=True, **place).update(**new_place):
            _write(receiver, news)


def _write(receiver: Receiver, news: Sequence[InboxItem | Message]) -> None:
    Message.objects.bulk_create(one for one in news if isinstance(one, Message))
    items = [one for one in news if isinstance(one, InboxItem)]
    InboxItem.objects.bulk_create(items)
    if items:
        # The polls of open pages bring the new number of unread lines.
        TeamVersion.bump(receiver.team_id)


def _cut(receiver: Receiver, events: EventQuerySet, last: int) -> tuple[EventQuerySet, int]:
    """Return these events and the end of their batch; of a webhook, only as many as a message lists."""
    if receiver.way == Way.WEBHOOK:
        listed = list(events.order_by("pk").values_list("pk", flat=True)[: MAX_LISTED + 1])
        last = listed[MAX_LISTED - 1] if len(listed) > MAX_LISTED else last
        events = events.filter(pk__lte=last)
    return events, last


def _messages(
    receiver: Receiver, events: EventQuerySet, last: int, kinds: list[str], now: datetime
) -> list[Message]:
    """Return the message about these events up to `last`, if there are any.

    `last` ends the batch, whatever its kind: a run that was partly ready may be ready by then.
    """
    first = events.aggregate(first=Min("pk"))["first"]
    if first is None:
        return []
    return [Message(receiver=receiver, kinds=kinds, due_at=now, first=first, last=last)]


def _items(receiver: Receiver, events: EventQuerySet, last: int) -> list[InboxItem]:
    """Return a line for the inbox for each kind of these events."""
    items: dict[str, InboxItem] = {}
    # One plain read of the ids: to count and to pick by kind in SQL takes a query for each kind.
    for pk, kind in events.order_by("pk").values_list("pk", "kind").iterator():
        if kind not in items:
            items[kind] = InboxItem(membership=receiver.membership, kind=kind, first=pk, last=last, count=0)
        item = items[kind]
        item.count += 1
        if len(item.shown) < MAX_SHOWN:
            item.shown.append(pk)
    # The newest line is on top, and failures belong there.
    return sorted(items.values(), key=lambda item: -ORDER.index(item.kind))
