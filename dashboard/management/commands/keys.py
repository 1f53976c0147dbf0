"""Lists the teams' CAMB.AI keys with their states, and has one tested; no secret is shown."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from dashboard.management.report import ReportCommand, find_team
from results.models import ApiKey
from results.refresh import keys
from results.secrets import SealBrokenError


class Command(ReportCommand):
    help = "List the teams' CAMB.AI keys with what went wrong, or have one tested by a worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", nargs="?", choices=["list", "test"], default="list")
        parser.add_argument("slug", nargs="?", metavar="SLUG")
        parser.add_argument(
            "--in-trouble", action="store_true", help="only keys that cannot be used as they should"
        )

    def handle(self, *, action: str, slug: str | None, in_trouble: bool, json: bool, **_: Any) -> None:
        if action == "test":
            if not slug:
                raise CommandError("Name the team by its slug, as in its addresses: /t/SLUG/")
            key = ApiKey.objects.filter(team=find_team(slug)).first()
            if key is None:
                raise CommandError(f"The team {slug!r} has no CAMB.AI key.")
            keys.request_test(key)
            self.print_result(f"A worker tests the key of {slug}.", as_json=json, requested=slug)
            return
        rows = [_row(key) for key in ApiKey.objects.select_related("team").order_by("team__slug")]
        chosen = [row for row in rows if not in_trouble or row["in_trouble"]]
        self.print_rows(
            chosen, as_json=json, nothing="No key is in trouble." if in_trouble else "There are no keys."
        )


def _row(key: ApiKey) -> dict[str, Any]:
    message = key.message
    try:
        is_readable = bool(key.secret)
    except SealBrokenError:
        is_readable, message = False, "None of FIELD_KEYS decrypts this key."
    return {
        "team": key.team.slug,
        "key": f"…{key.last_four}",
        "state": key.state,
        "in_trouble": key.is_in_trouble or not is_readable,
        "failures": key.failures,
        "retry_at": key.retry_at,
        "last_call_at": key.last_call_at,
        "message": message,
    }
