"""Removes the second step from a log-in whose person has lost the app, the passkeys and the recovery codes."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from teams import audit
from teams.models import User


class Command(BaseCommand):
    help = (
        "Remove the authenticator app, the passkeys and the recovery codes of an account. First make sure that "
        "the person asked for it: from then on, the password alone is enough to log in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *, email: str, **_: Any) -> None:
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account with the address {email}.")
        with transaction.atomic():
            _count, by_model = Authenticator.objects.filter(user=user).delete()
            if not by_model:
                raise CommandError(f"The account {user.email} has no second step.")
            audit.record_account(user, "second step removed")
        self.stdout.write(f"{user.email} logs in with the password alone.")
