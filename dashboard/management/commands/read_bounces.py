"""Reads emails that came back: one from standard input, as mail servers hand it to a program, or a mailbox."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError

from dashboard.management.report import ReportCommand
from results.notifications import bounces, mailbox

# sysexits.h: a mail server keeps the email, and tries again later.
TEMPORARY_FAILURE = 75


class Command(ReportCommand):
    help = (
        "Read a delivery report from standard input and, if it is genuine, pause the email to the address that it "
        "is about. With --mailbox, read a mailbox."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--to", metavar="ADDRESS", default="", help="the address that the report was sent to")
        parser.add_argument(
            "--mailbox",
            metavar="PLACE",
            nargs="?",
            const="",
            help="a Maildir, or imaps://user:password@host/folder; without it, BOUNCE_MAILBOX",
        )

    def handle(self, *, json: bool, to: str, mailbox: str | None, **_: Any) -> None:
        if not settings.BOUNCE_ADDRESS:
            raise CommandError("Set BOUNCE_ADDRESS first: without it, emails have no return path of their own.")
        try:
            if mailbox is None:
                self._read_one(to, as_json=json)
            else:
                self._read_mailbox(mailbox or settings.BOUNCE_MAILBOX, as_json=json)
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database cannot be used: {error}", returncode=TEMPORARY_FAILURE) from error

    def _read_one(self, to: str, *, as_json: bool) -> None:
        raw = sys.stdin.buffer.read(bounces.MAX_BYTES)
        # Read to its end: a mail server that cannot write all of the email takes that for a failure.
        while sys.stdin.buffer.read(bounces.MAX_BYTES):
            pass
        is_report = bounces.receive(raw, [to] if to else [])
        sentence = "The report is recorded." if is_report else "Not a report about an email of Dubroom."
        self.print_result(sentence, as_json=as_json, reports=int(is_report), others=int(not is_report))

    def _read_mailbox(self, place: str, *, as_json: bool) -> None:
        if not place:
            raise CommandError("Name a mailbox, or set BOUNCE_MAILBOX.")
        try:
            found = mailbox.read(place)
        except mailbox.MailboxError as error:
            raise CommandError(f"The mailbox cannot be read: {error}") from error
        sentence = f"Reports recorded: {found.reports}. Other emails: {found.others}."
        self.print_result(sentence, as_json=as_json, **found._asdict())
