"""Lists, closes, reopens and deletes accounts, for the administrator of the server."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from dashboard.management.report import ReportCommand, find_new_owner, find_user
from teams import audit
from teams.models import Membership, Team, User


class Command(ReportCommand):
    help = "List accounts; close, reopen or delete one. A closed or deleted account is logged out everywhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", nargs="?", choices=["list", "close", "reopen", "delete"], default="list")
        parser.add_argument("email", nargs="?", metavar="EMAIL")
        parser.add_argument(
            "--new-owner", metavar="EMAIL", help="who owns the teams that the deleted account alone owned"
        )

    def handle(self, *, action: str, email: str | None, new_owner: str | None, json: bool, **_: Any) -> None:
        if action == "list":
            self.print_rows(_rows(email or ""), as_json=json, nothing="There are no accounts.")
            return
        if not email:
            raise CommandError(f"Name the account to {action} by its email address.")
        user = find_user(email)
        if action == "delete":
            owned = _delete(user, new_owner)
            sentence = f"{user.email} is deleted."
            if owned:
                sentence += f" {new_owner} owns {', '.join(owned)} now."
            self.print_result(sentence, as_json=json, deleted=user.email, teams_with_new_owner=owned)
            return
        is_active = action == "reopen"
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(is_active=is_active)
            audit.record_account(user, "account reopened" if is_active else "account closed")
        sentence = f"{user.email} {'may log in again' if is_active else 'is closed and logged out'}."
        self.print_result(sentence, as_json=json, email=user.email, is_active=is_active)


def _rows(part: str) -> list[dict[str, Any]]:
    users = User.objects.filter(email__icontains=part).prefetch_related("memberships__team").order_by("email")
    return [
        {
            "email": user.email,
            "name": user.name,
            "is_active": user.is_active,
            "last_login": user.last_login,
            "teams": [f"{place.team.slug} ({place.role})" for place in user.memberships.all()],
        }
        for user in users
    ]


def _delete(user: User, new_owner: str | None) -> list[str]:
    """Delete the account; return the slugs of the teams that it alone owned, which go to the new owner."""
    owner = Membership.Role.OWNER
    with transaction.atomic():
        # Accounts are locked before teams, here and by `teams owner`. Of two owners who are deleted at the same
        # moment, the second is refused; no account becomes an owner while it is deleted.
        User.objects.select_for_update().get(pk=user.pk)
        heir = find_new_owner(new_owner) if new_owner else None
        owned = user.memberships.filter(role=owner).values("team")
        alone = [
            team
            for team in Team.objects.filter(pk__in=owned).select_for_update().order_by("pk")
            if not team.memberships.filter(role=owner).exclude(user=user).exists()
        ]
        slugs = sorted(team.slug for team in alone)
        if slugs and (heir is None or heir == user):
            raise CommandError(
                f"{user.email} alone owns {', '.join(slugs)}. Name who takes over with --new-owner, or delete the "
                "teams first: python manage.py teams delete SLUG"
            )
        for team in alone:
            team.memberships.update_or_create(user=heir, defaults={"role": owner})
            audit.record(team, audit.Action.MEMBER_CHANGED, f"{audit.person_name(heir)}: now owner")
        audit.record_account(user, "account deleted")
        user.delete()
    return slugs
