"""Adds runs to a team from a file or stdin, with the parser and the functions of the Add runs page."""

from argparse import ArgumentParser, FileType
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from dashboard.management import arguments
from results.models import Language
from results.runs.add import PastedRuns, add_pasted
from results.runs.paste import files, pasted_ids
from results.runs.paste.verdicts import Verdict
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
        parser.add_argument(
            "--sheet", metavar="NAME", default="", help="the sheet of a workbook; else its first one"
        )
        parser.add_argument(
            "--encoding",
            choices=sorted(files.ENCODINGS),
            default="",
            help="the encoding of a CSV that is not in UTF-8; else it is guessed",
        )

    def handle(self, *, team: Team, file: BinaryIO, language: str, sheet: str, encoding: str, **_: Any) -> None:
        numbers = dict(Language.objects.values_list("camb_id", "tag"))
        tag = languages.read(language, numbers)
        if language and not tag:
            raise CommandError(languages.not_known(language))
        pasted = pasted_ids.read([self._read(file, sheet, encoding)], languages=numbers)
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
        found = PastedRuns.of(team, lines)
        new, _known = add_pasted(team, found.lines, added_by=None)
        counts = [f"{new} new", f"{len(found.known)} already here"]
        counts += [f"{len(found.archived)} archived"] if found.archived else []
        counts += [f"{len(found.removed)} restored"] if found.removed else []
        self.stdout.write(f"{', '.join(counts)}, {len(wrong)} not an id.")

    def _read(self, file: BinaryIO, sheet: str, encoding: str) -> str:
        """Return the text of the file, and say how it was read where it might have been meant otherwise."""
        try:
            with file:
                found = files.read(file.read(), encoding=encoding, sheet=sheet)
        except files.UnreadableFileError as error:
            raise CommandError(f"{file.name}: {error}") from error
        sheets = ", ".join(found.sheets)
        if sheet and sheet != found.sheet:
            raise CommandError(f"{file.name}: there is no sheet “{sheet}”. Sheets: {sheets or 'none'}.")
        if not sheet and len(found.sheets) > 1:
            self.stderr.write(f"Only the sheet “{found.sheet}” is read; --sheet chooses another. Sheets: {sheets}.")
        if not encoding and not found.is_certain:
            self.stderr.write(f"Read as {files.ENCODINGS[found.encoding]}; --encoding chooses another.")
        return found.text
