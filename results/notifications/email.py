"""Tells people of events by email: plain text and simple HTML, with one click to unsubscribe (RFC 8058)."""

import re
import smtplib
from email.utils import formataddr
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import punycode
from django.utils.translation import gettext as _

from results.models import Message, Receiver
from results.notifications import bounces, receivers, sentences
from results.notifications.outbound import OutboundError, Reply
from results.notifications.summary import Summary
from results.transcripts.languages import isolated, quoted
from teams.models import User

SALT = "unsubscribe"
MAX_SUBJECT = 150


def unsubscribe_token(receiver: Receiver) -> str:
    """Return the signed token of the link that ends the receiver's email, without a log-in and at any time."""
    return signing.Signer(salt=SALT).sign(str(receiver.pk))


def unsubscribe(token: str) -> bool:
    """End the email that the token is for, and return whether the token is genuine. A second time changes nothing.

    A person who has left the team has no receiver any more, and the link still says that no email comes.
    """
    pk = opened(token)
    if pk is not None:
        Receiver.objects.filter(pk=pk, way=Receiver.Way.EMAIL).update(kinds={}, daily_at=None, problem="")
        unsent = Message.objects.filter(receiver=pk, receiver__way=Receiver.Way.EMAIL, state=Message.Progress.OPEN)
        unsent.update(state=Message.Progress.FAILED)
    return pk is not None


def opened(token: str) -> int | None:
    """Return the id of the receiver that a token is for; None if the token is not genuine."""
    try:
        return int(signing.Signer(salt=SALT).unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def reason_for(receiver: Receiver) -> str:
    """Return the sentence on why the person gets email; empty if it would be about a view that was removed."""
    names = {"team": isolated(receiver.team.name)}
    if receiver.scope == Receiver.Scope.ALL:
        return _("You get this because you follow all runs of %(team)s.") % names
    if receiver.scope == Receiver.Scope.MINE:
        return _("You get this because you follow the runs you added to %(team)s.") % names
    view = receivers.view_for(receiver)
    names["view"] = quoted(view)
    return _("You get this because you follow the view %(view)s of %(team)s.") % names if view else ""


def compose(message: Message, summary: Summary) -> EmailMultiAlternatives:
    """Return the email of a message. Its Message-ID is the same in each try."""
    receiver = message.receiver
    assert receiver.membership is not None  # noqa: S101
    user, slug = receiver.membership.user, receiver.team.slug
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    unsubscribe_url = sentences.absolute(reverse("notifications-unsubscribe", args=[unsubscribe_token(receiver)]))
    context = {
        "summary": summary,
        "reason": "" if message.is_test else reason_for(receiver),
        "settings_url": sentences.absolute(reverse("notifications", args=[slug])),
        "unsubscribe_url": unsubscribe_url,
    }
    title = re.sub(r"\s+", " ", f"{summary.title} · {summary.team}")[:MAX_SUBJECT]
    email = EmailMultiAlternatives(
        subject=title,
        body=render_to_string("notifications/email.txt", context),
        # What comes back goes to the return path; the header From stays the same for every email.
        from_email=bounces.return_path(message) or settings.DEFAULT_FROM_EMAIL,
        to=[_mailbox(user)],
        headers={
            "From": settings.DEFAULT_FROM_EMAIL,
            "Message-ID": f"<{message.uid.hex}@{host}>",
            "List-ID": f"<{slug}.notifications.{host}>",
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    email.attach_alternative(render_to_string("notifications/email.html", context), "text/html")
    return email


def _mailbox(user: User) -> str:
    """Return the name and address as a header has them; the domain is in ASCII, as `formataddr` takes no other."""
    local, _at, domain = user.email.rpartition("@")
    try:
        return formataddr((" ".join(user.name.split()), f"{local}@{punycode(domain)}"))
    except UnicodeError:
        return user.email  # letters before the @ that are not ASCII: the mail server says whether it takes them


def send(message: Message, summary: Summary) -> Reply:
    """Hand the email to the mail server. Raises OutboundError with a sentence for the person."""
    email = compose(message, summary)
    try:
        email.connection = get_connection(fail_silently=False)
        email.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()), (550, b""))
        answer = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise OutboundError(
            _("The mail server refused your address: %(answer)s") % {"answer": f"{code} {answer}"}
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        # The answer of the server may name its own addresses; what it says of ours is in the log.
        raise OutboundError(
            _("The mail server did not take the email (%(error)s).") % {"error": type(error).__name__}
        ) from error
    return Reply(250, "")
