"""Adds runs to a team from a text file or stdin, with the parser and the functions of the Add runs page."""

from argparse import ArgumentParser, FileType
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from dashboard.management import arguments
from results.runs import pasted_ids
from results.runs.add import add_pasted
from results.runs.pasted_ids import Verdict
from teams.models import Team


class Command(BaseCommand):
    help = (
        "Add runs to a team by the CAMB.AI run ids in a text: lines, commas, a chat message, or a CSV with titles "
        "and tags."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_team(parser)
        parser.add_argument(
            "file", metavar="FILE", type=FileType(encoding="utf-8-sig"), help="a text in UTF-8, or - for stdin"
        )

    def handle(self, *, team: Team, file: TextIO, **_: Any) -> None:
        try:
            with file:
                lines = pasted_ids.parse(file.read())
        except UnicodeDecodeError as error:
            raise CommandError(f"{file.name} is not a text in UTF-8.") from error
        for line in lines:
            if line.verdict is Verdict.NOT_AN_ID:
                self.stderr.write(f"Not an id: {line.written} ({line.note})")
        if not any(line.verdict in (Verdict.ID, Verdict.TASK) for line in lines):
            raise CommandError("There is no run id in this text.")
        new, known = add_pasted(team, lines, added_by=None)
        wrong = sum(line.verdict is Verdict.NOT_AN_ID for line in lines)
        self.stdout.write(f"{new} new, {known} already here, {wrong} not an id.")
