"""Lists teams, gives one another owner, deletes one, and sets how long one keeps things."""

from argparse import ArgumentParser
from dataclasses import asdict, replace
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import Count, Q

from dashboard.management.report import ReportCommand, find_new_owner, find_team, find_user
from results import clock
from results.media import quota
from results.models import ApiKey
from results.runs import retention
from results.runs.trash import delete_team
from teams import audit
from teams.models import Membership, Team

Role = Membership.Role
LIMITS = {
    "archived_run_days": "archived runs",
    "media_days": "copies of media",
    "call_log_days": "calls to CAMB.AI",
}


class Command(ReportCommand):
    help = "List teams; give one another owner, limit how long it keeps things, or delete it with all its data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", nargs="?", choices=["list", "owner", "retention", "delete"], default="list")
        parser.add_argument("slug", nargs="?", metavar="SLUG")
        parser.add_argument("email", nargs="?", metavar="EMAIL", help="the account that becomes an owner")
        parser.add_argument(
            "--replace", metavar="EMAIL", help="the owner who becomes a member; without it both are owners"
        )
        for name, what in LIMITS.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(
                option, type=int, metavar="DAYS", help=f"keep {what} so long; 0: no limit of its own"
            )
        parser.add_argument("--yes", action="store_true", help="delete without asking")

    def handle(self, *, action: str, slug: str | None, json: bool, **options: Any) -> None:
        if action == "list":
            self.print_rows(_rows(slug or ""), as_json=json, nothing="There are no teams.")
            return
        if not slug:
            raise CommandError("Name the team by its slug, as in its addresses: /t/SLUG/")
        team = find_team(slug)
        if action == "owner":
            owners = _set_owner(team, options["email"], options["replace"])
            sentence = f"{slug} is owned by {', '.join(owners)}."
            self.print_result(sentence, as_json=json, team=slug, owners=owners)
            return
        if action == "retention":
            limits = _set_retention(team, {name: options[name] for name in LIMITS})
            said = [f"{LIMITS[name]} {retention.days_in_english(days)}" for name, days in limits.items()]
            self.print_result(f"Retention of {slug}: {', '.join(said)}.", as_json=json, team=slug, **limits)
            return
        if not options["yes"]:
            raise CommandError(f"This deletes the team {team.name!r} with all its runs. Confirm with --yes.")
        delete_team(team)
        self.print_result(f"{slug} is deleted; a worker deletes its data.", as_json=json, deleted=slug)


def _rows(part: str) -> list[dict[str, Any]]:
    teams = Team.objects.filter(slug__icontains=part).order_by("slug")
    counted = teams.annotate(
        run_count=Count("runs", distinct=True),
        archived_count=Count("runs", filter=Q(runs__archived_at__isnull=False), distinct=True),
    )
    keys = dict(ApiKey.objects.filter(team__in=teams).values_list("team", "state"))
    return [
        {
            "slug": team.slug,
            "name": team.name,
            "owners": _owners(team),
            "members": team.memberships.count(),
            "runs": team.run_count,
            "archived": team.archived_count,
            "media_mb": quota.used_bytes(team.pk) // 2**20,
            "key": keys.get(team.pk),
        }
        for team in counted
    ]


def _owners(team: Team) -> list[str]:
    owners = team.memberships.filter(role=Role.OWNER).order_by("user__email")
    return list(owners.values_list("user__email", flat=True))


def _set_retention(team: Team, limits: dict[str, int | None]) -> dict[str, int | None]:
    """Set the limits that are given, and return all of the team's limits; None is no limit of its own."""
    given = {name: days for name, days in limits.items() if days is not None}
    if any(days < 0 for days in given.values()):
        raise CommandError("A number of days is 0 or more.")
    if any(days > clock.MAX_DAYS for days in given.values()):
        raise CommandError(f"A number of days is at most {clock.MAX_DAYS:,}.")
    with transaction.atomic():
        # The team's row is the lock: of two commands at once, the second keeps what the first has set.
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        wanted = replace(retention.limits_of(team), **{name: days or None for name, days in given.items()})
        if given:
            retention.set_limits(team, wanted)
    return asdict(wanted)


def _set_owner(team: Team, email: str | None, replaced: str | None) -> list[str]:
    """Make the account an owner of the team, and the replaced owner a member; return all owners' addresses."""
    if not email:
        raise CommandError("Name the account that becomes an owner by its email address.")
    with transaction.atomic():
        user = find_new_owner(email)
        Team.objects.select_for_update().get(pk=team.pk)
        team.memberships.update_or_create(user=user, defaults={"role": Role.OWNER})
        audit.record(team, audit.Action.MEMBER_CHANGED, f"{audit.person_name(user)}: now owner")
        if replaced:
            before = find_user(replaced)
            old = team.memberships.filter(user=before, role=Role.OWNER).exclude(user=user)
            if not old.update(role=Role.MEMBER):
                raise CommandError(f"{replaced} is not another owner of {team.slug}.")
            audit.record(team, audit.Action.MEMBER_CHANGED, f"{audit.person_name(before)}: owner → member")
    return _owners(team)
