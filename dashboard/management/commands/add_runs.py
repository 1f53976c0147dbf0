"""Adds runs to a team from a file or stdin, with the parser and the functions of the Add runs page."""

from argparse import ArgumentParser, FileType
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from dashboard.management import arguments
from results.runs import files, pasted_ids
from results.runs.add import add_pasted
from results.runs.verdicts import Verdict
from teams.models import Team


class Command(BaseCommand):
    help = (
        "Add runs to a team by the CAMB.AI run ids in a text or a file: lines, commas, a chat message, or a CSV or "
        "workbook with titles and tags."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_team(parser)
        parser.add_argument(
            "file", metavar="FILE", type=FileType("rb"), help="a text, CSV or workbook, or - for stdin"
        )

    def handle(self, *, team: Team, file: BinaryIO, **_: Any) -> None:
        try:
            with file:
                pasted = pasted_ids.read([files.read(file.read()).text])
        except files.UnreadableFileError as error:
            raise CommandError(f"{file.name}: {error}") from error
        wrong = [line for line in pasted.lines if line.verdict in (Verdict.BAD_ID, Verdict.NOT_AN_ID)]
        for line in wrong:
            self.stderr.write(f"Not an id: {line.written} ({line.note})")
        if not any(line.verdict in (Verdict.ID, Verdict.TASK) for line in pasted.lines):
            raise CommandError(pasted.question or "There is no run id in this text.")
        new, known = add_pasted(team, pasted.lines, added_by=None)
        self.stdout.write(f"{new} new, {known} already here, {len(wrong)} not an id.")
