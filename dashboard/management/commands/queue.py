"""Shows what waits to be done, over all teams and per team, and which workers are there."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.db.models import Count, Min

from dashboard.management.report import ReportCommand
from results import clock
from results.models import Run, WorkerHeartbeat
from results.refresh import backlog, poison


class Command(ReportCommand):
    help = "Show what is due, how old the oldest due run is, the messages in the broker, and the workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--most", type=int, default=10, metavar="N", help="the teams with most due runs to show"
        )

    def handle(self, *, json: bool, most: int, **_: Any) -> None:
        now = clock.now()
        due = Run.objects.due(now).order_by().values("team__slug").annotate(n=Count("pk"), oldest=Min("due_at"))
        teams = [
            {
                "team": row["team__slug"],
                "due_runs": row["n"],
                "oldest_due_age": round((now - row["oldest"]).total_seconds()),
            }
            for row in due.order_by("-n", "team__slug")[:most]
        ]
        workers = [
            {"worker": worker.name, "heartbeat_age": round((now - worker.seen_at).total_seconds(), 1)}
            for worker in WorkerHeartbeat.objects.alive(now).order_by("name")
        ]
        left_alone = [
            {
                "task_left_alone": suspect.task,
                "worker_deaths": suspect.deaths,
                "tried_again_in": max(0, round((suspect.next_at - now).total_seconds())),
            }
            for suspect in poison.suspects(now)
        ]
        state = asdict(backlog.read_backlog()) | {"messages": backlog.messages_or_none()}
        if json:
            self.print_json(state | {"teams": teams, "worker_list": workers, "left_alone": left_alone})
            return
        messages = state.pop("messages")
        rows: dict[str, Any] = state | (
            {f"messages in {name}": number for name, number in messages.items()}
            if messages is not None
            else {"messages": "the broker does not answer"}
        )
        self.print_rows(
            [{"what": name.replace("_", " "), "now": value} for name, value in rows.items()], as_json=False
        )
        self.stdout.write("")
        self.print_rows(teams, as_json=False, nothing="No team has due runs.")
        self.stdout.write("")
        self.print_rows(workers, as_json=False, nothing="No worker is running.")
        if left_alone:
            self.stdout.write("")
            self.print_rows(left_alone, as_json=False)
