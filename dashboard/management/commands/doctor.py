"""Checks the installation on this machine, and says what to mend."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError

from dashboard.management.checks import run_checks
from dashboard.management.report import ReportCommand
from results.media import copy_storage


class Command(ReportCommand):
    help = "Check settings, database, broker, workers, storage, permissions, clock and keys, and say what to fix."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--accept-media-storage",
            "--accept-media-folder",
            action="store_true",
            help="accept the folder or bucket that this machine sees as the storage of all machines",
        )
        parser.add_argument(
            "--fetch-missing-copies",
            action="store_true",
            help="fetch copies again whose files are lost, if CAMB.AI still has them",
        )

    def handle(self, *, json: bool, accept_media_storage: bool, fetch_missing_copies: bool, **_: Any) -> None:
        if accept_media_storage:
            number = _with_storage(copy_storage.accept_storage)
            sentence = f"The storage is accepted. Copies that were kept elsewhere before: {number}."
            self.print_result(sentence, as_json=json, accepted=True, from_elsewhere=number)
            return
        if fetch_missing_copies:
            if reason := copy_storage.refusal():
                raise CommandError(reason)
            number = _with_storage(copy_storage.fetch_missing_again)
            self.print_result(f"Copies to be fetched again: {number}.", as_json=json, fetched_again=number)
            return
        findings = run_checks()
        if json:
            self.print_json([finding._asdict() for finding in findings])
        else:
            for finding in findings:
                mend = f" {finding.mend}" if finding.mend else ""
                self.stdout.write(f"{finding.level:<8} {finding.check:<12} {finding.found}{mend}")
        if any(finding.level == "failed" for finding in findings):
            sys.exit(1)


def _with_storage(action: Callable[[], int]) -> int:
    try:
        return action()
    except Exception as error:  # storages raise exceptions of their own kinds
        raise CommandError(f"The storage of media copies cannot be used: {error}") from error
