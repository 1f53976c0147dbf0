"""Emails that came back after a mail server had taken them: their reports (RFC 3464) pause the person's email.

With BOUNCE_ADDRESS, each email has a return path of its own, such as `bounces+12-3f…@example.org`. Its token names
the message and is signed together with the person's address, so that no one else can have a person's email paused,
and a report about an earlier address says nothing of the present one.
"""

import logging
import re
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message as Mail
from email.utils import getaddresses
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from results import clock
from results.models import Delivery, Message, Receiver
from results.notifications import receivers
from teams.models import Membership, User

logger = logging.getLogger(__name__)

SALT = "results.notifications.bounces"
# 96 bits: the part of an address before the @ holds 64 characters.
TOKEN_LENGTH = 24
# More of a report is not read. What it says comes first, and the email that came back last.
MAX_BYTES = 1_000_000
MAX_PARTS = 50
MAX_REASON = 500
# The headers in which mail servers note the address that a report was sent to.
ADDRESSED_BY = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
# Permanent failures of one email rather than of the address: a full mailbox, a size, a content or a policy.
OF_MESSAGE = ("5.2.2", "5.2.3", "5.3.4", "5.6.", "5.7.")
# Without a status, the codes of SMTP that say that there is no such address.
UNKNOWN_ADDRESS = ("550", "551", "553")

Way = Receiver.Way
Progress = Message.Progress


class Report(NamedTuple):
    """What a mail server reports of one email that it could not deliver, or not yet."""

    reason: str
    is_permanent: bool


# --- The return path --------------------------------------------------------------------------------


def return_path(message: Message) -> str:
    """Return the address to which reports about this email go; empty without BOUNCE_ADDRESS."""
    if not settings.BOUNCE_ADDRESS or message.receiver.membership is None:
        return ""
    name, _at, host = settings.BOUNCE_ADDRESS.partition("@")
    return f"{name}+{message.pk}-{_token(message.pk, message.receiver.membership.user)}@{host}"


def _token(pk: int, user: User) -> str:
    signature = salted_hmac(SALT, f"{pk} {user.email.lower()}", algorithm="sha256")
    return signature.hexdigest()[:TOKEN_LENGTH]


def _message_at(addresses: Iterable[str]) -> Message | None:
    """Return the message of which one of these addresses is the return path; None if none is genuine."""
    name, _at, host = settings.BOUNCE_ADDRESS.partition("@")
    pattern = rf"{re.escape(name)}\+(\d{{1,18}})-([0-9a-f]{{{TOKEN_LENGTH}}})@{re.escape(host)}"
    for address in addresses:
        found = re.fullmatch(pattern, address.strip(), re.IGNORECASE | re.ASCII)
        if not settings.BOUNCE_ADDRESS or not found:
            continue
        emails = Message.objects.filter(pk=int(found[1]), receiver__way=Way.EMAIL)
        message = emails.select_related("receiver__membership__user").first()
        member = message.receiver.membership if message else None
        if message and member and constant_time_compare(_token(message.pk, member.user), found[2].lower()):
            return message
    return None


# --- Reports ----------------------------------------------------------------------------------------


def receive(raw: bytes, addresses: Iterable[str] = ()) -> bool:
    """Read an email that was sent to a return path, and return whether it is a genuine report, now recorded.

    `addresses` are those to which a mail server says that it was sent, beside those in its headers. Anything else,
    such as an automatic answer of a person on holiday, changes nothing.
    """
    try:
        mail = message_from_bytes(raw[:MAX_BYTES])
        report = read_report(mail)
        named = [str(value) for header in ADDRESSED_BY for value in mail.get_all(header, [])]
        # One header at a time: in some versions of Python, one that is broken takes those behind it along.
        told = [address for value in (*addresses, *named) for _name, address in getaddresses([value])]
    except Exception:  # strangers write these emails, and none may keep the next from being read
        logger.warning("An email at BOUNCE_ADDRESS could not be read", exc_info=True)
        return False
    message = _message_at(told) if report else None
    if report is None or message is None:
        return False
    _record(message, report)
    return True


def read_report(mail: Mail) -> Report | None:
    """Return what the delivery report in this email says; None if it holds none, or one of success."""
    found = None
    for number, part in enumerate(mail.walk()):
        if number >= MAX_PARTS:
            break
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        for fields in blocks if isinstance(blocks, list) else ():
            report = _read_fields(fields) if isinstance(fields, Mail) else None
            # Of several recipients, to which a mail server may have passed the email on, the worst counts.
            if report and (found is None or report.is_permanent > found.is_permanent):
                found = report
    return found


def _read_fields(fields: Mail) -> Report | None:
    action = str(fields.get("Action", "")).strip().lower()
    if action not in ("failed", "delayed", "expired"):
        return None
    said = re.sub(r"^\s*[\w-]+\s*;", "", str(fields.get("Diagnostic-Code", "")))
    # What the last mail server said is more exact than what the one that reports it made of it.
    status = _first(r"\b[245]\.(?!0\.0\b)\d{1,3}\.\d{1,3}\b", f"{said} {fields.get('Status', '')}")
    is_of_address = status.startswith("5.") and not status.startswith(OF_MESSAGE)
    if not status:
        is_of_address = _first(r"\b[45]\d\d\b", said) in UNKNOWN_ADDRESS
    reason = " ".join(re.sub(r"[\x00-\x1f\x7f\ufffd\ud800-\udfff]+", " ", said).split())[:MAX_REASON]
    return Report(reason or status or action, is_permanent=action == "failed" and is_of_address)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.ASCII)
    return found[0] if found else ""


def _record(message: Message, report: Report) -> None:
    """Note the report for the person; a permanent failure also pauses the email to the address, of all teams."""
    user = message.receiver.membership.user if message.receiver.membership else None
    now = clock.now()
    with transaction.atomic():
        # A report that comes twice, or is replayed after the person tried again, says nothing new.
        came_back = Message.objects.filter(pk=message.pk).exclude(state=Progress.FAILED)
        if report.is_permanent and not came_back.update(state=Progress.FAILED):
            return
        if not report.is_permanent and not came_back.exists():
            return
        Delivery.objects.create(message=message, problem=report.reason)
        if not report.is_permanent:
            told = Receiver.objects.filter(pk=message.receiver_id, is_on=True)
            told.update(bounce=report.reason, bounced_at=now)
            return
        paused = Receiver.objects.filter(membership__user=user, way=Way.EMAIL)
        paused.update(is_on=False, bounce=report.reason, bounced_at=now)
    # One order of locks everywhere avoids deadlocks: a message, then its receiver, as deletions lock them too. So
    # these wait for the end of the transaction.
    unsent = Message.objects.filter(receiver__in=paused.values("pk"), state=Progress.OPEN)
    unsent.update(state=Progress.FAILED)
    logger.warning("Email to user %s is paused: %s", user.pk if user else None, report.reason)


# --- Trying again -----------------------------------------------------------------------------------


def resume(user: User) -> None:
    """Forget what came back, and have the person told by email again of what happens from now on, in all teams."""
    for receiver in Receiver.objects.filter(membership__user=user, way=Way.EMAIL).select_related(
        "membership__user"
    ):
        if receiver.is_on and not receiver.bounce and not receiver.problem:
            continue
        if not receiver.is_on:
            receivers.start_from_now(receiver)
        receiver.is_on, receiver.problem, receiver.bounce, receiver.bounced_at = True, "", "", None
        receiver.save(
            update_fields=[
                "is_on", "problem", "bounce", "bounced_at", "told_through", "daily_through", "daily_at"
            ]
        )  # fmt: skip


def try_again(membership: Membership) -> bool:
    """Switch the person's email on again and send a test to it; return whether there was anything to mend."""
    receiver = Receiver.objects.filter(membership=membership.pk, way=Way.EMAIL).first()
    if receiver is None or not (receiver.problem or receiver.bounce or not receiver.is_on):
        return False
    resume(membership.user)
    receivers.send_test(receiver)
    return True
