"""Deletes an account, with what belongs to its person alone."""

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Count, QuerySet

from results.runs.trash import delete_team
from teams import audit
from teams.models import Membership, Team, User


def teams_without(user: User) -> QuerySet[Team]:
    """The teams that would be left without an owner: others are in them, and only this user owns them."""
    others = Membership.objects.exclude(user=user)
    return (
        Team.objects.filter(removed_at=None, memberships__user=user, memberships__role=Membership.Role.OWNER)
        .filter(pk__in=others.values("team"))
        .exclude(pk__in=others.filter(role=Membership.Role.OWNER).values("team"))
        .order_by("name", "pk")
    )


def teams_of_one(user: User) -> QuerySet[Team]:
    """The teams in which nobody else is: they are deleted with the account."""
    alone = Team.objects.annotate(people=Count("memberships")).filter(people=1)
    return Team.objects.filter(pk__in=alone.values("pk"), memberships__user=user).order_by("name", "pk")


def delete_account(user: User) -> None:
    """Delete the user with their memberships, tokens, log-ins and settings, and the teams of one.

    What they added to other teams stays there. Raises LastOwnerError, and deletes nothing, while a team needs them.
    """
    with transaction.atomic():
        for team in list(teams_of_one(user)):
            delete_team(team)
        for membership in user.memberships.filter(team__removed_at=None).select_related("team"):
            membership.remove()
            audit.record(membership.team, audit.Action.LEFT, "account deleted")
        for session in UserSession.objects.filter(user=user):
            session.end()
        user.delete()
