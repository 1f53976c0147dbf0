"""What the administrator's commands share: subcommands, and output as a table or as JSON."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from teams.models import Team, User

Row = dict[str, Any]


class ReportCommand(BaseCommand):
    """A command that prints rows: for people as a table, with `--json` for programs."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON for programs")

    def print_rows(self, rows: Sequence[Row], *, as_json: bool, nothing: str = "Nothing.") -> None:
        """Print rows with the same columns; `nothing` is printed in place of a table without rows."""
        if as_json:
            self.print_json(list(rows))
            return
        if not rows:
            self.stdout.write(nothing)
            return
        table = [
            [column.replace("_", " ") for column in rows[0]],
            *([_text(cell) for cell in row.values()] for row in rows),
        ]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            self.stdout.write(
                "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            )

    def print_result(self, sentence: str, *, as_json: bool, **result: Any) -> None:
        """Print what was done: a sentence, or its facts as JSON."""
        if as_json:
            self.print_json(result)
        else:
            self.stdout.write(sentence)

    def print_json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, default=_text, ensure_ascii=False, indent=2))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def find_user(email: str) -> User:
    """Return the account with this email address, or raise CommandError."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"There is no account with the address {email!r}.")
    return user


def find_new_owner(email: str) -> User:
    """Return the account that becomes an owner, locked until the end of the transaction, so that it stays open.

    Raises CommandError if it is closed, or if there is none.
    """
    user = find_user(email)
    if not User.objects.select_for_update().filter(pk=user.pk, is_active=True).exists():
        mend = f"Reopen it first: python manage.py users reopen {user.email}"
        raise CommandError(f"The account {user.email} is closed and cannot own a team. {mend}")
    return user


def find_team(slug: str) -> Team:
    """Return the team with this slug, or raise CommandError."""
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise CommandError(f"There is no team {slug!r}.")
    return team
