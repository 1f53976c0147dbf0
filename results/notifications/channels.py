"""The channels of a team: added, tested, switched, and their messages sent again."""

import uuid
from collections.abc import Collection
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from results import clock
from results.models import Event, Message, Receiver
from results.notifications import chat, receivers, webhooks
from results.notifications.chat import BadAddressError
from teams import audit
from teams.models import Team

MAX_CHANNELS = 20
MAX_ADDRESS = 1000
LOG_SHOWN = 50
# What a channel can be told of; the others concern single members.
KINDS = [kind for kind in Event.Kind if kind != Event.Kind.CHANNEL]

Way = Receiver.Way


class TooManyChannelsError(Exception):
    """The team has MAX_CHANNELS channels."""


def of_team(team_id: int) -> QuerySet[Receiver]:
    """Return the team's channels."""
    return (
        Receiver.objects.filter(team=team_id, membership=None).select_related("team", "view").order_by("name", "pk")
    )


def check_address(way: str, address: str) -> str:
    """Return the address as it may be shown, without what opens it. Raises BadAddressError."""
    if way == Way.CHAT:
        return chat.kind_of(address)
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("https", "http"):
        raise BadAddressError(_("Enter an address that begins with https://."))
    return f"{parts.scheme}://{host}"


def add(team: Team, way: str, name: str, address: str, time_zone: str = "") -> tuple[Receiver, str]:
    """Add a channel, told of everything from now on; return it with a webhook's secret, to be shown once.

    `time_zone` is that of its daily digest and quiet hours, by its name; UTC without one.

    Raises BadAddressError and TooManyChannelsError.
    """
    shown = check_address(way, address)
    receiver = Receiver(team=team, way=way, name=name, shown_address=shown, time_zone=time_zone)
    receiver.address = address
    receiver.kinds = {kind.value: Receiver.NOW for kind in KINDS}
    secret = webhooks.new_secret(receiver) if way == Way.WEBHOOK else ""
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        if of_team(team.pk).count() >= MAX_CHANNELS:
            raise TooManyChannelsError
        receivers.start_from_now(receiver)
        receiver.save()
        _record(receiver, f"added, {shown}")
    return receiver, secret


def rotate_secret(receiver: Receiver) -> str:
    """Give a webhook a new secret and return it; the old one signs beside it for a day."""
    secret = webhooks.new_secret(receiver)
    with transaction.atomic():
        receiver.save(update_fields=["sealed_secret", "sealed_old_secret", "old_secret_until"])
        _record(receiver, "secret replaced")
    return secret


def switch(receiver: Receiver, *, is_on: bool) -> None:
    """Switch a channel on, from now on, or off; a message on its way is then given up."""
    with transaction.atomic():
        Message.objects.filter(receiver=receiver, state=Message.Progress.OPEN).update(state=Message.Progress.FAILED)
        receiver.is_on, receiver.problem, receiver.due_at = is_on, "", None
        if is_on:
            receivers.start_from_now(receiver)
        receiver.save(update_fields=["is_on", "problem", "due_at", *receivers.PLACES])
        _record(receiver, "switched on" if is_on else "switched off")


CHOICE = ("name", "kinds", "scope", "view", "quiet_from", "quiet_until", "time_zone")


def save_choice(receiver: Receiver, earlier_times: Collection[str]) -> None:
    """Save the fields CHOICE: the channel's name, what it is told of, about which runs, and when.

    `earlier_times` holds the times at which it was told before.
    """
    told = [f"{kind} {when}" for kind, when in sorted(receiver.kinds.items())]
    with transaction.atomic():
        receivers.go_on(receiver, earlier_times)
        receiver.save(update_fields=[*CHOICE, *receivers.PLACES])
        _record(receiver, f"told of {', '.join(told) or 'nothing'}")


def remove(receiver: Receiver) -> None:
    with transaction.atomic():
        _record(receiver, "removed")
        receiver.delete()


def _record(receiver: Receiver, change: str) -> None:
    """Add an entry of the audit trail. The address itself may open the channel to whoever reads it."""
    audit.record(receiver.team_id, audit.Action.SETTINGS_CHANGED, f"channel {receiver.name}: {change}")


def send_again(message: Message) -> None:
    """Have a worker send a message again, with the id by which its receiver knows it."""
    if message.state != Message.Progress.OPEN:
        message.state, message.is_extra, message.due_at = Message.Progress.OPEN, True, clock.now()
        receivers.send_extra(message)


def log_of(receiver: Receiver) -> list[Message]:
    """Return the channel's newest messages, each with its deliveries."""
    messages = Message.objects.filter(receiver=receiver).prefetch_related("deliveries")
    return list(messages.order_by("-pk")[:LOG_SHOWN])


def message_of(receiver: Receiver, uid: uuid.UUID) -> Message | None:
    return Message.objects.filter(receiver=receiver, uid=uid).select_related("receiver").first()
