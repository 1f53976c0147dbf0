"""Reads the mailbox to which bounces go: a Maildir on this machine, or a folder of an IMAP server."""

import imaplib
import logging
import mailbox
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.conf import settings

from results.notifications import bounces

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20
# So many emails are read at once; the next time goes on with the others.
MAX_EMAILS = 200


class MailboxError(Exception):
    """The mailbox cannot be read; the message is a sentence for the administrator, without the password."""


class Found(NamedTuple):
    """How many emails were genuine reports, and how many anything else."""

    reports: int
    others: int


def read_configured() -> None:
    """Read the mailbox of BOUNCE_MAILBOX, if it is set. One that cannot be read is logged and tried again later."""
    if settings.BOUNCE_MAILBOX:
        try:
            read(settings.BOUNCE_MAILBOX)
        except MailboxError as error:
            logger.warning("BOUNCE_MAILBOX cannot be read: %s", error)


def read(place: str) -> Found:
    """Read the new emails of a Maildir or an imaps:// address, and return how many there were. Raises MailboxError.

    Reports are deleted once they are recorded. Everything else stays, marked as seen.
    """
    try:
        return _read_imap(place) if place.startswith(("imaps://", "imap://")) else _read_maildir(Path(place))
    except (OSError, imaplib.IMAP4.error, mailbox.Error, ValueError) as error:
        raise MailboxError(f"{type(error).__name__}: {str(error)[:200]}") from error


def _read_maildir(path: Path) -> Found:
    if not all((path / name).is_dir() for name in ("new", "cur", "tmp")):
        raise MailboxError(f"{path} is not a Maildir.")
    folder = mailbox.Maildir(path, factory=None, create=False)
    unseen = [file.name for file in sorted((path / "new").iterdir())][:MAX_EMAILS]
    reports = 0
    for name in unseen:
        with (path / "new" / name).open("rb") as email:
            is_report = bounces.receive(email.read(bounces.MAX_BYTES))
        reports += is_report
        if is_report:
            folder.discard(name)
        else:
            (path / "new" / name).rename(path / "cur" / f"{name.partition(':')[0]}:2,S")
    return Found(reports, len(unseen) - reports)


def _read_imap(place: str) -> Found:
    parts = urlsplit(place)
    host = parts.hostname or ""
    if parts.scheme == "imaps":
        context = ssl.create_default_context()
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            host, parts.port or 993, ssl_context=context, timeout=TIMEOUT_SECONDS
        )
    else:
        server = imaplib.IMAP4(host, parts.port or 143, timeout=TIMEOUT_SECONDS)
    with server:
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        status, answer = server.select(_quoted(unquote(parts.path.strip("/")) or "INBOX"))
        if status != "OK":
            raise MailboxError(f"The folder cannot be opened: {answer!r:.200}")
        unseen = server.uid("SEARCH", "UNSEEN")[1][0] or b""
        reports = 0
        uids = unseen.decode("ascii").split()[:MAX_EMAILS]
        for uid in uids:
            fetched = server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{bounces.MAX_BYTES}>)")[1]
            raw = next((part[1] for part in fetched if isinstance(part, tuple)), b"")
            is_report = bounces.receive(raw)
            reports += is_report
            server.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen \Deleted)" if is_report else r"(\Seen)")
        if reports:
            server.expunge()
    return Found(reports, len(uids) - reports)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
