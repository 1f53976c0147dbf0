"""Removes runs of a team, restores removed ones, or deletes them before their time in the trash is over."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from dashboard.management import arguments
from results.models import Run
from results.runs import trash
from teams.models import Team


class Command(BaseCommand):
    help = (
        "Remove runs of a team by their CAMB.AI run or task ids. They can be restored for "
        f"{trash.TRASH_TIME.days} days, and are then deleted with all their data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_team(parser)
        parser.add_argument("ids", nargs="+", metavar="ID", help="a run id or a task id of CAMB.AI")
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--restore", action="store_true", help="restore these runs, which were removed")
        instead.add_argument("--delete", action="store_true", help="delete these removed runs now, for good")

    def handle(self, *, team: Team, ids: list[str], restore: bool, delete: bool, **_: Any) -> None:
        runs = trash.removed_runs(team) if restore or delete else Run.objects.present().filter(team=team)
        numbers = {one: int(one) for one in ids if one.isdecimal() and len(one) < 19}
        named = Q(camb_run_id__in=numbers.values()) | Q(camb_task_id__in=ids)
        found = list(runs.filter(named).values_list("pk", "camb_run_id", "camb_task_id"))
        pks = [pk for pk, _run_id, _task_id in found]
        known = {each for _pk, *both in found for each in both if each}
        unknown = [one for one in ids if one not in known and numbers.get(one) not in known]
        if pks:
            self._change(team, pks, restore=restore, delete=delete)
        if unknown:
            where = "in the trash" if restore or delete else "in the team"
            raise CommandError(f"No such run {where}: {', '.join(unknown)}.")

    def _change(self, team: Team, pks: list[int], *, restore: bool, delete: bool) -> None:
        if restore:
            self.stdout.write(f"{trash.restore_removed(team, pks)} restored.")
        elif delete:
            self.stdout.write(f"{trash.delete_removed(team, pks)} deleted.")
        else:
            self.stdout.write(f"{trash.remove_runs(team, pks, by='').count} removed.")
