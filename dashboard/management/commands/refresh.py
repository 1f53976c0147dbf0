"""Refreshes every due run of a team in the foreground, for servers without a worker."""

import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from dashboard.management import arguments
from results import clock
from results.models import ApiKey, Call, Run
from results.refresh import ask, claims, rate_limit
from teams.models import Team


class Command(BaseCommand):
    help = "Check every due run of a team, and print the number of runs by status."

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_team(parser)

    def handle(self, *, team: Team, **_: Any) -> None:
        started = clock.now()
        _ask(team, started)
        asked = Run.objects.filter(team=team, checked_at__gte=started)
        calls = Call.objects.filter(team=team, at__gte=started).count()
        statuses = dict(asked.order_by().values_list("status").annotate(Count("pk")))
        rows = {"Runs checked": asked.count(), "Calls": calls}
        rows |= {str(status.label): statuses[status] for status in Run.Status if status in statuses}
        self.stdout.write(" ".join(f"{what}: {count}." for what, count in rows.items()))
        key = ApiKey.objects.filter(team=team).first()
        if key is None:
            raise CommandError(f"The team {team.slug!r} has no CAMB.AI key. Add one with create_team.")
        if key.is_in_trouble:
            raise CommandError(key.message)


def _ask(team: Team, started: datetime) -> None:
    """Ask about the runs that were due at `started`. Runs that become due again wait for the next command."""
    due = Run.objects.filter(team=team).due(started)
    while due.exists():
        key = ApiKey.objects.filter(team=team).first()
        # Checked before claiming: the rate limit may be free again a moment later.
        is_rate_used_up = key is not None and rate_limit.calls_left(key, clock.now()) <= 0
        if lease := claims.claim(team.pk):
            ask.refresh_lease(lease)
        elif is_rate_used_up:
            time.sleep(0.1)
        else:
            return  # the key may not be used now, or a worker holds the runs
