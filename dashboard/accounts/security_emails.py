"""Emails about changes that a person should hear of, so that one they did not make is noticed."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from dashboard.accounts.adapter import Adapter
from teams.models import Membership, Team, User


def send_security_email(request: HttpRequest, notice: str, people: Iterable[User], **context: Any) -> None:
    """Send each of the people the email of this name in templates/account/email/."""
    for person in people:
        Adapter(request).send_notification_mail(
            f"account/email/{notice}", person, {"by": request.user, **context}, email=person.email
        )


def owners_of(team: Team) -> Iterable[User]:
    return User.objects.filter(memberships__team=team, memberships__role=Membership.Role.OWNER, is_active=True)
