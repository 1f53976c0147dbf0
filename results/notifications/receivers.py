"""Which events a receiver is told of, and the inboxes that every member has."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, time, timedelta
from typing import cast

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from results import clock, queue
from results.db.replica import fetch_rows
from results.models import Event, EventQuerySet, Message, Receiver, Run, RunQuerySet, SavedView
from teams.access import can_export, can_manage
from teams.models import Membership

# The hour of a receiver's day at which a daily digest is sent.
DIGEST_HOUR = 8
Way = Receiver.Way
# Raw SQL, as the polls of a member with unread lines ask, and the ORM takes longer than the database.
_QUIET_FIELDS = ("id", "membership_id", "way", "quiet_from", "quiet_until", "time_zone")
_QUIET_HOURS = f"select {', '.join(_QUIET_FIELDS)} from results_receiver where membership_id = %s and way = %s"  # noqa: S608


def inbox_of(membership: Membership) -> Receiver:
    """Return the member's inbox, unsaved if a worker has not made it yet."""
    found = Receiver.objects.filter(membership=membership.pk, way=Way.INBOX).select_related("view", "membership")
    return found.first() or _new_inbox(membership)


def email_of(membership: Membership) -> Receiver:
    """Return the member's settings for email; unsaved, and told of nothing, until they are first set."""
    found = Receiver.objects.filter(membership=membership.pk, way=Way.EMAIL).first()
    return found or Receiver(team_id=membership.team_id, membership_id=membership.pk, way=Way.EMAIL)


def locked(receiver: Receiver) -> Receiver:
    """Return the stored row of a receiver as it is now, locked; a person's is created if there is none yet."""
    if receiver.is_channel:
        return Receiver.objects.select_for_update().get(pk=receiver.pk)
    if receiver.pk is None:
        # A worker may create the same inbox at this moment.
        Receiver.objects.bulk_create([receiver], ignore_conflicts=True)
    return Receiver.objects.select_for_update().get(membership=receiver.membership_id, way=receiver.way)


def add_missing_inboxes() -> None:
    """Give each new member an inbox, which is told of nothing that happened before the person joined."""
    has_inbox = Exists(Receiver.objects.filter(membership=OuterRef("pk"), way=Way.INBOX))
    missing = list(Membership.objects.exclude(has_inbox))
    if missing:
        Receiver.objects.bulk_create(map(_new_inbox, missing), ignore_conflicts=True)


def _new_inbox(membership: Membership) -> Receiver:
    earlier = Event.objects.filter(team=membership.team_id, created_at__lt=membership.created_at)
    return Receiver(
        team_id=membership.team_id,
        membership_id=membership.pk,
        way=Way.INBOX,
        kinds=dict.fromkeys(Event.Kind.values, Receiver.NOW),
        told_through=earlier.order_by("-pk").values_list("pk", flat=True).first() or 0,
    )


def newest_event(team_id: int) -> int:
    """Return the id of the team's newest event; what is up to it, a new receiver is not told."""
    return Event.objects.filter(team=team_id).order_by("-pk").values_list("pk", flat=True).first() or 0


def earlier_times(team_id: int, event_id: int) -> bool:
    """Whether anyone was told of an event of this id or a later one, which may have been deleted with its run."""
    return Receiver.objects.filter(team=team_id, told_through__gte=event_id).exists()


def start_from_now(receiver: Receiver) -> None:
    """Have the receiver told only of what happens from now on; the caller saves it."""
    receiver.told_through = receiver.daily_through = newest_event(receiver.team_id)
    receiver.daily_at = next_digest(receiver, clock.now())


PLACES = ("told_through", "daily_through", "daily_at")
SET_BY_RESUME = (*PLACES, "is_on", "problem", "bounce", "bounced_at")


def go_on(receiver: Receiver, earlier_times: Collection[str]) -> None:
    """Set what a changed choice of kinds needs, in the fields PLACES; the caller saves the receiver.

    `earlier_times` holds the times, NOW or DAILY, at which the receiver was told before: it goes on where it was
    there, and begins with what happens from now on elsewhere.
    """
    newest = newest_event(receiver.team_id)
    if Receiver.NOW not in earlier_times:
        receiver.told_through = newest
    if Receiver.DAILY not in earlier_times:
        receiver.daily_through = newest
    receiver.daily_at = next_digest(receiver, clock.now())


def resume(receiver: Receiver, earlier_times: Collection[str]) -> None:
    """Set what `go_on` does, and have the receiver told again, in the fields SET_BY_RESUME; the caller saves it."""
    go_on(receiver, earlier_times)
    receiver.is_on, receiver.problem = True, receiver.problem if receiver.is_on else ""
    receiver.bounce, receiver.bounced_at = "", None


def next_digest(receiver: Receiver, now: datetime) -> datetime | None:
    """Return when the receiver's next daily digest is due, by its own clock; None without one."""
    if not receiver.kinds_sent(Receiver.DAILY):
        return None
    local = now.astimezone(receiver.zone)
    today = datetime.combine(local.date(), time(DIGEST_HOUR), local.tzinfo)
    return today if today > local else today + timedelta(days=1)


def is_quiet(receiver: Receiver, now: datetime) -> bool:
    """Whether it is in the receiver's quiet hours, which may go over midnight."""
    begin, end = receiver.quiet_from, receiver.quiet_until
    if begin is None or end is None or begin == end:
        return False
    hour = now.astimezone(receiver.zone).hour
    return begin <= hour < end if begin < end else hour >= begin or hour < end


def is_quiet_for(membership: Membership) -> bool:
    """Whether it is in the member's quiet hours, which are set with the email and hold for the browser too."""
    rows = fetch_rows(_QUIET_HOURS, [membership.pk, Way.EMAIL.value])
    return bool(rows) and is_quiet(Receiver.from_db(None, _QUIET_FIELDS, rows[0]), clock.now())


def send_test(receiver: Receiver) -> None:
    """Have a worker send a test message soon, whatever else is open or failing."""
    send_extra(Message(receiver=receiver, is_test=True, is_extra=True, due_at=clock.now()))


def send_extra(message: Message) -> None:
    """Have a worker send this message soon, in front of others."""
    with transaction.atomic():
        message.save()
        Receiver.objects.filter(pk=message.receiver_id).update(due_at=clock.now())
        queue.enqueue("notify")


# --- Events -----------------------------------------------------------------------------------------


def events_for(receiver: Receiver, *, after: int, through: int, kinds: Collection[str]) -> EventQuerySet:
    """Return the events of these kinds behind `after` and up to `through` that the receiver is told of."""
    events = Event.objects.visible_in(receiver.team_id).filter(pk__gt=after, pk__lte=through, kind__in=kinds)
    if receiver.way != Way.WEBHOOK:  # a script gets each step, a reader where a run stands
        events = events.without_superseded(through)
    member = receiver.membership
    events = events.visible_to(member, can_manage=can_manage(member)) if member else events.visible_to_team()
    if receiver.scope == Receiver.Scope.MINE and member:
        return events.filter(Q(run=None) | Q(run__added_by=member.user_id))
    if receiver.scope == Receiver.Scope.VIEW:
        return events.filter(Q(run=None) | Q(run__in=_runs_of_view(receiver)))
    return events


def as_exported(events: Iterable[Event], member: Membership | None) -> list[Event]:
    """Return the events as they leave Dubroom, by the API, a feed or an email of this member, or a channel: None.

    A member who may not export transcripts gets no line of one.
    """
    found = list(events)
    for event in found if member and not can_export(member) else ():
        if event.kind == Event.Kind.CHANGED:
            event.detail = {name: value for name, value in event.detail.items() if name not in ("before", "after")}
    return found


def view_for(receiver: Receiver) -> SavedView | None:
    """Return the receiver's saved view; None if it was removed, or may not be seen by the receiver any more."""
    view = receiver.view
    if view is None or view.team_id != receiver.team_id:
        return None
    is_own = receiver.membership is not None and receiver.membership.user_id == view.owner_id
    return view if view.is_shared or is_own else None


def scope_query(receiver: Receiver) -> str:
    """Return what narrows an address of the list of runs to those of which the receiver is told."""
    if receiver.scope == Receiver.Scope.MINE and receiver.membership:
        return f"&who={receiver.membership.user_id}"
    view = view_for(receiver) if receiver.scope == Receiver.Scope.VIEW else None
    query = view.query.removeprefix("?") if view else ""
    return f"&{query}" if query else ""


def _runs_of_view(receiver: Receiver) -> RunQuerySet:
    view = view_for(receiver)
    if view is None:
        return Run.objects.none()
    with timezone.override(receiver.zone):
        return runs_of_view(Run.objects.filter(team=receiver.team_id), view.query)


def runs_of_view(runs: RunQuerySet, query: str) -> RunQuerySet:
    """Return those of the runs that a saved view shows. What its query means is known to the list of runs alone."""
    matching = cast("Callable[[RunQuerySet, str], RunQuerySet]", import_string(settings.SAVED_VIEW_FILTER))
    return matching(runs, query)
