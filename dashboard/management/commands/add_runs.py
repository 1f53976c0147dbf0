"""Adds runs to a team from a file or stdin, with the parser and the functions of the Add runs page."""

from argparse import ArgumentParser, FileType
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from dashboard.management import arguments
from results.models import Language
from results.runs import files, pasted_ids
from results.runs.add import add_pasted
from results.runs.verdicts import Verdict
from results.transcripts import languages
from teams.models import Team


class Command(BaseCommand):
    help = (
        "Add runs to a team by the CAMB.AI run ids in a text or a file: lines, commas, a chat message, or a CSV or "
        "workbook with titles, tags and languages."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_team(parser)
        parser.add_argument(
            "file", metavar="FILE", type=FileType("rb"), help="a text, CSV or workbook; - reads stdin"
        )
        parser.add_argument(
            "--language",
            metavar="LANGUAGE",
            default="",
            help="the language of the dubs, as a tag or a name, for every run without one in the file",
        )

    def handle(self, *, team: Team, file: BinaryIO, language: str, **_: Any) -> None:
        numbers = dict(Language.objects.values_list("camb_id", "tag"))
        tag = languages.read(language, numbers)
        if language and not tag:
            raise CommandError(languages.not_known(language))
        try:
            with file:
                pasted = pasted_ids.read([files.read(file.read()).text], languages=numbers)
        except files.UnreadableFileError as error:
            raise CommandError(f"{file.name}: {error}") from error
        if pasted.question:
            raise CommandError(f"{pasted.question} Nothing was added.")
        wrong = [line for line in pasted.lines if line.verdict in (Verdict.BAD_ID, Verdict.NOT_AN_ID)]
        for line in wrong:
            self.stderr.write(f"Not an id: {line.written} ({line.note})")
        if not any(line.verdict in (Verdict.ID, Verdict.TASK) for line in pasted.lines):
            raise CommandError("This text holds no run id.")
        for line in pasted.lines:
            if line.unknown_language:
                self.stderr.write(f"{line.written}: {line.note}")
        lines = [line.with_language(tag) for line in pasted.lines]
        new, known = add_pasted(team, lines, added_by=None)
        self.stdout.write(f"{new} new, {known} already here, {len(wrong)} not an id.")
