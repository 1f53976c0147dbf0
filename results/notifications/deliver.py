"""Delivers messages, in order for each receiver, with leases so that a crash loses none.

A claim leases a receiver whose next message is due. A worker that dies leaves the message open; after the lease
another worker sends it again with the same id, by which the receiver knows it. Each receiver has its own lease,
its own wait after a failure, and an end to each try, so a dead or slow one holds up no other.
"""

import logging
import uuid
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from django.db import transaction
from django.db.models import Min, Q
from django.utils.translation import gettext as _

from results import clock, queue
from results.camb.texts import storable
from results.models import Delivery, Event, Message, Receiver, TeamVersion
from results.notifications import chat, email, webhooks
from results.notifications import summary as summaries
from results.notifications.outbound import OutboundError, Reply
from results.refresh import heartbeat
from results.secrets import SealBrokenError
from teams.access import without_required_step
from teams.models import Membership

logger = logging.getLogger(__name__)

# The waits before each further try: eight tries within 28 hours.
DELIVERY_BACKOFF = tuple(
    timedelta(**pause)
    for pause in (
        {"seconds": 5}, {"minutes": 5}, {"minutes": 30}, {"hours": 2}, {"hours": 5}, {"hours": 10}, {"hours": 10},
    )
)  # fmt: skip
# Each delivery takes one of a worker's threads, so few are under way at once, on all machines together.
MAX_DELIVERIES = 4
# Of these. There is one mail server for all teams: while it is silent, emails must not hold up every channel.
MAX_EMAIL_DELIVERIES = 2
# After this time a worker goes on with another receiver.
MAX_SECONDS = 20.0
# A log of requests is for people to read, not to keep the content of messages.
MAX_LOGGED = 20_000

Progress = Message.Progress
Way = Receiver.Way


def enqueue_due() -> None:
    """Enqueue a task for each receiver that `claim_due` leases."""
    for lease in claim_due():
        queue.enqueue("deliver_messages", str(lease), on_unreachable=partial(_release, lease))


def claim_due() -> list[uuid.UUID]:
    """Lease receivers whose next message is due, and return the leases; those that wait longest first."""
    now = clock.now()
    leased = Counter(Receiver.objects.leased(now).values_list("way", flat=True))
    room, email_room = MAX_DELIVERIES - leased.total(), MAX_EMAIL_DELIVERIES - leased[Way.EMAIL]
    leases: list[uuid.UUID] = []
    if room <= 0:
        return leases
    due = Receiver.objects.present().unleased(now).filter(due_at__lte=now).order_by("due_at", "pk")
    emails = due.filter(way=Way.EMAIL).values("pk")[: max(0, email_room)]
    due = due.filter(~Q(way=Way.EMAIL) | Q(pk__in=emails))
    for pk in due.values_list("pk", flat=True)[:room]:
        lease = uuid.uuid4()
        if Receiver.objects.unleased(now).filter(pk=pk).update(lease=lease, **_lease_fields(now)):
            leases.append(lease)
    return leases


def recover_from_clock_change() -> None:
    """Make due what is further ahead than the longest wait: it was scheduled before the clock was set back.

    A daily digest is at most a day ahead, and an hour more where the summer time ends. Events that seem yet to come
    would keep their batch open for as long.
    """
    now = clock.now()
    Event.objects.filter(created_at__gt=now).update(created_at=now)
    Receiver.objects.filter(told_at__gt=now).update(told_at=now)
    for model in (Message, Receiver):
        model.objects.filter(due_at__gt=now + max(DELIVERY_BACKOFF)).update(due_at=now)
    Receiver.objects.filter(daily_at__gt=now + timedelta(hours=25)).update(daily_at=now)


def deliver(lease: str) -> None:
    """Send the due messages of the receiver under this lease, then enqueue further receivers.

    The lease is first replaced by a new one, so a message of the queue that comes twice finds the receiver once.
    """
    own, now = uuid.uuid4(), clock.now()
    leased = Receiver.objects.filter(lease=lease, lease_until__gt=now)
    if not leased.update(lease=own, **_lease_fields(now)):
        return
    deadline = monotonic() + MAX_SECONDS
    try:
        while (message := _next_due(own)) and not queue.is_worker_stopping():
            Receiver.objects.filter(lease=own).update(lease_until=clock.now() + Receiver.LEASE)
            _try(message, own)
            if monotonic() > deadline:
                break
    finally:
        _release(own)
    enqueue_due()


def _lease_fields(now: datetime) -> dict[str, object]:
    return {"lease_until": now + Receiver.LEASE, "leased_by": heartbeat.worker_id}


def _next_due(lease: uuid.UUID) -> Message | None:
    """Return the receiver's next due message: one sent on demand, or the first open one."""
    due = Message.objects.filter(receiver__lease=lease, state=Progress.OPEN, due_at__lte=clock.now())
    related = due.select_related("receiver__team", "receiver__membership__user", "receiver__view")
    return related.order_by("-is_extra", "pk").first()


def _release(lease: uuid.UUID) -> None:
    """Give the receiver back; what it is still to be sent comes behind the messages of those that wait already."""
    now = clock.now()
    with transaction.atomic():
        receiver = Receiver.objects.select_for_update().filter(lease=lease).first()
        if receiver:
            due = Message.objects.filter(receiver=receiver, state=Progress.OPEN).aggregate(at=Min("due_at"))["at"]
            due = due and max(due, now)
            Receiver.objects.filter(pk=receiver.pk).update(lease=None, lease_until=None, leased_by=None, due_at=due)


def _try(message: Message, lease: uuid.UUID) -> None:
    """Make one try to deliver the message, and store how it went."""
    began, delivery = monotonic(), Delivery(message=message)
    problem = ""
    try:
        reply = _send(message, delivery)
        if reply:
            delivery.http_status, delivery.answer = reply.http_status, reply.body
            if not 200 <= reply.http_status < 300:
                problem = _("The channel answered with HTTP %(code)s.") % {"code": reply.http_status}
    except (OutboundError, chat.BadAddressError) as error:
        problem = str(error)
    except SealBrokenError:
        problem = _("The stored address can no longer be decrypted on this server. Enter it again.")
    except MemoryError:
        raise
    except Exception:
        logger.exception("Message %s could not be written", message)
        problem = _("The message could not be written. Ask the administrator of this server.")
    delivery.problem, delivery.duration_ms = problem, round((monotonic() - began) * 1000)
    _store(message, delivery, lease)


def _send(message: Message, delivery: Delivery) -> Reply | None:
    """Send the message; return the reply, or None if nothing is left to tell. Notes the request in the log."""
    receiver = message.receiver
    content = summaries.test_summary(receiver) if message.is_test else summaries.summarise(message)
    if content.is_empty or _is_shut_out(receiver):
        return None
    if receiver.way == Way.WEBHOOK:
        body = webhooks.payload(message, content)
        delivery.request = body[:MAX_LOGGED]
        return webhooks.send(message, body)
    delivery.request = content.title if receiver.way == Way.EMAIL else chat.text_of(content)[:MAX_LOGGED]
    return email.send(message, content) if receiver.way == Way.EMAIL else chat.send(receiver.address, content)


def _is_shut_out(receiver: Receiver) -> bool:
    """Whether the receiver's person may not open the team's pages any more since the message was written."""
    member = receiver.membership
    if member is None:
        return False
    is_missing_step = without_required_step(Membership.objects.filter(pk=member.pk)).exists()
    return is_missing_step or not member.user.is_active


def _store(message: Message, delivery: Delivery, lease: uuid.UUID) -> None:
    """Store a try: the message is sent, tried again later, or given up, which switches the receiver off."""
    # What a receiver answers may hold characters that no database stores.
    for name in ("request", "answer", "problem"):
        setattr(delivery, name, storable(getattr(delivery, name)))
    now, problem = clock.now(), delivery.problem
    with transaction.atomic():
        if not Message.objects.filter(pk=message.pk, receiver__lease=lease).exists():
            return  # the receiver was removed, or its lease ended and another worker sends the message
        delivery.save()
        fields: dict[str, object] = {"tries": message.tries + 1}
        if not problem:
            fields |= {"state": Progress.SENT, "sent_at": now}
        elif message.is_extra or message.tries >= len(DELIVERY_BACKOFF) or delivery.http_status == 410:
            fields["state"] = Progress.FAILED
        else:
            fields["due_at"] = now + DELIVERY_BACKOFF[message.tries]
        Message.objects.filter(pk=message.pk).update(**fields)
        Receiver.objects.filter(pk=message.receiver_id).update(problem=problem)
        if fields.get("state") == Progress.FAILED and not message.is_extra:
            switch_off(message.receiver, problem)


def switch_off(receiver: Receiver, problem: str) -> None:
    """Switch the receiver off, and tell those who can mend it; in the transaction under way."""
    Receiver.objects.filter(pk=receiver.pk).update(is_on=False)
    if receiver.is_channel:
        TeamVersion.bump(receiver.team_id)
        detail = {"name": receiver.name, "problem": problem}
        Event.objects.create(team_id=receiver.team_id, kind=Event.Kind.CHANNEL, detail=detail)
    logger.warning("Receiver %s of team %s is switched off: %s", receiver.pk, receiver.team_id, problem)
