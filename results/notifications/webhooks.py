"""Tells webhooks of events by the Standard Webhooks specification: signed, timestamped, with secrets that rotate.

https://www.standardwebhooks.com: `webhook-id` is the same in each try of a message: the idempotency key by which a
receiver knows one that it has had. While a secret rotates, a message is signed with the new one and the old one.
"""

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook

from results import clock
from results.models import Event, Message, Receiver
from results.notifications import outbound, sentences
from results.notifications.outbound import Reply
from results.notifications.summary import Summary
from results.secrets import seal, unseal

# How long a receiver may go on with the secret that was replaced.
ROTATION = timedelta(hours=24)
PREFIX = "whsec_"


def new_secret(receiver: Receiver) -> str:
    """Give the webhook a new secret and return it, to be shown once; the caller saves the receiver."""
    secret = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    if receiver.sealed_secret:
        receiver.sealed_old_secret, receiver.old_secret_until = receiver.sealed_secret, clock.now() + ROTATION
    receiver.sealed_secret = seal(secret)
    return secret


def event_out(event: Event) -> dict[str, Any]:
    """Return an event as scripts get it, from the API and in webhooks. The names are part of the API."""
    run = event.run
    return {
        "id": event.pk,
        "kind": event.kind,
        "at": event.created_at.isoformat(timespec="milliseconds"),
        "text": sentences.sentence(event),
        "run": run.pk if run else None,
        "camb_run_id": run.camb_run_id if run else None,
        "title": str(run) if run else "",
        "languages": run.languages if run else [],
        "language": event.language,
        "position_ms": event.at_ms,
        "detail": event.detail,
        "page": sentences.absolute(sentences.path_of(event)),
    }


def payload(message: Message, content: Summary) -> str:
    """Return the body of the message with this content, in JSON."""
    team = message.receiver.team
    data = {
        "team": {"slug": team.slug, "name": team.name},
        "title": content.title,
        "counts": content.counts,
        "page": content.url,
        "events": [event_out(event) for event in content.events],
    }
    body = {
        "type": "test" if message.is_test else "events",
        "timestamp": message.created_at.isoformat(timespec="milliseconds"),
        "data": data,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def headers(message: Message, body: str, now: datetime) -> dict[str, str]:
    """Return the headers that identify and sign the message. Raises secrets.SealBrokenError."""
    receiver = message.receiver
    sealed = [receiver.sealed_secret]
    if receiver.old_secret_until and receiver.old_secret_until > now:
        sealed.append(receiver.sealed_old_secret)
    return {
        "Content-Type": "application/json",
        "User-Agent": "dubroom",
        "webhook-id": str(message),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(
            Webhook(unseal(one)).sign(str(message), now.astimezone(UTC), body) for one in sealed
        ),
    }


def send(message: Message, body: str) -> Reply:
    """Post the message, and return the reply. Raises OutboundError and secrets.SealBrokenError."""
    return outbound.post(message.receiver.address, body, headers(message, body, clock.now()))
