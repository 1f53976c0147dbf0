"""Restores a removed team, as when none of its owners can log in."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from results.runs import trash
from teams.models import Team


class Command(BaseCommand):
    help = f"Restore a team that was removed less than {trash.TRASH_TIME.days} days ago, with its people and data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the team's slug, as in its addresses: /t/SLUG/")

    def handle(self, *, slug: str, **_: Any) -> None:
        team = Team.objects.filter(slug=slug, removed_at__isnull=False).first()
        if team is None or not trash.restore_team(team):
            raise CommandError(f"There is no removed team {slug!r} that can be restored.")
        self.stdout.write(f"The team {team} is restored.")
