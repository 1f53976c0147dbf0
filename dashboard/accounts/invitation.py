"""The invitation that a visitor has opened, carried through sign-up and log-in in the session."""

from django.db import transaction
from django.http import HttpRequest

from teams import audit
from teams.models import Invitation, Membership, User

_INVITATION = "invitation"


def carry_invitation(request: HttpRequest, invitation: Invitation | None) -> None:
    """Store the opened invitation in the visitor's session, through sign-up and log-in; None removes it."""
    if invitation:
        request.session[_INVITATION] = invitation.pk
    else:
        request.session.pop(_INVITATION, None)


def carried_invitation(request: HttpRequest) -> Invitation | None:
    """Return the invitation in the visitor's session, or None if it can no longer be accepted."""
    pk = request.session.get(_INVITATION)
    return Invitation.objects.acceptable().select_related("team").filter(pk=pk).first() if pk else None


def join(invitation: Invitation, user: User) -> Membership | None:
    """Let the invited user join the team; None when the invitation is for another address or over."""
    with transaction.atomic():
        membership = invitation.accept(user)
        if membership:
            audit.record(membership.team_id, audit.Action.JOINED, f"{audit.person_name(user)} as {membership.role}")
    return membership
