"""Creates a team, its owner and its CAMB.AI key without a browser, so that a script can set up a server."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from results.refresh import keys
from teams import audit, models
from teams.models import Membership, Team, User


class Command(BaseCommand):
    help = (
        "Create a team with its owner and CAMB.AI key, and print its slug. An existing owner is found by email "
        "address, and an existing team of that owner by name. A given password or key replaces the old one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", required=True, metavar="EMAIL")
        parser.add_argument("--name", required=True, help="the team's name")
        parser.add_argument("--password-stdin", action="store_true", help="read the owner's password from stdin")
        parser.add_argument(
            "--camb-key-env", metavar="VARIABLE", help="the environment variable that holds the CAMB.AI key"
        )

    def handle(self, *, owner: str, name: str, password_stdin: bool, camb_key_env: str | None, **_: Any) -> None:
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
        secret = os.environ.get(camb_key_env, "").strip() if camb_key_env else ""
        if camb_key_env and not secret:
            raise CommandError(f"The environment variable {camb_key_env} holds no key.")
        if not name.strip() or len(name) > models.MAX_TEAM_NAME:
            raise CommandError(f"The team's name must have 1 to {models.MAX_TEAM_NAME} characters.")
        try:
            with transaction.atomic():
                user = ensure_user(owner, password)
                team = _ensure_team(user, name.strip())
                if secret:
                    keys.save_key(team, secret)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if not user.has_usable_password():
            self.stderr.write(f"{user.email} has no password yet: give one with --password-stdin.")
        self.stdout.write(team.slug)


def ensure_user(email: str, password: str | None) -> User:
    """Return the user with this email address, created if necessary, and set the password if one is given.

    Raises ValidationError when the address or the password is not acceptable.
    """
    email = email.strip().lower()
    validate_email(email)
    user = User.objects.filter(email=email).first() or User(email=email)
    if password is not None:
        validate_password(password, user)
        if not user.check_password(password):  # a new password ends the access tokens; the same one must not
            user.set_password(password)
            if user.pk:
                audit.record_account(user, "password replaced")
    elif user.pk is None:
        user.set_unusable_password()
    user.save()
    # The operator who runs this command vouches for the address: the first log-in needs no confirmation email.
    EmailAddress.objects.update_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user


def _ensure_team(owner: User, name: str) -> Team:
    own = Membership.objects.of_user(owner).filter(role=Membership.Role.OWNER, team__name=name)
    membership = own.select_related("team").order_by("pk").first()
    if membership:
        return membership.team
    team = Team.objects.create_for(owner, name)
    audit.record(team, audit.Action.JOINED, f"{audit.person_name(owner)} as owner of the new team")
    return team
