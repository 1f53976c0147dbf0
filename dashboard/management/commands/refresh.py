"""How are results fetched where no worker runs? Everything that is due is asked here and now."""

import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from dashboard.management import arguments
from results import clock
from results.models import ApiKey, Call, Run
from results.refresh import ask, claims, limits
from teams.models import Team


class Command(BaseCommand):
    help = "Ask CAMB.AI about every run of a team that is due, and print what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_team(parser)

    def handle(self, *, team: Team, **_: Any) -> None:
        started = clock.now()
        _ask(team, started)
        asked = Run.objects.filter(team=team, checked_at__gte=started)
        calls = Call.objects.filter(team=team, at__gte=started).count()
        statuses = dict(asked.order_by().values_list("status").annotate(Count("pk")))
        rows = {"Runs asked": asked.count(), "Calls": calls}
        rows |= {str(status.label): statuses[status] for status in Run.Status if status in statuses}
        self.stdout.write(" ".join(f"{what}: {count}." for what, count in rows.items()))
        key = ApiKey.objects.filter(team=team).first()
        if key is None:
            raise CommandError(f"The team {team.slug!r} has no CAMB.AI key. Give it one with create_team.")
        if key.is_in_trouble:
            raise CommandError(key.message)


def _ask(team: Team, started: datetime) -> None:
    """Ask about what was due then; runs that are due again before the end are left to the next time."""
    due = Run.objects.filter(team=team).due(started)
    while due.exists():
        key = ApiKey.objects.filter(team=team).first()
        # Looked at before claiming: a moment later the rate may allow what it had just forbidden.
        is_rate_used_up = key is not None and limits.calls_left(key, clock.now()) <= 0
        if lease := claims.claim(team.pk):
            ask.refresh_lease(lease)
        elif is_rate_used_up:
            time.sleep(0.1)
        else:
            return  # the key may not be used now, or a worker holds the runs
