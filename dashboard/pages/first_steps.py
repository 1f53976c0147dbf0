"""Page model of a team's first steps: each is done or not by what the team has, so nothing is stored."""

from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from results.models import ApiKey
from teams.access import can_manage, can_own
from teams.models import Membership


class FirstStep(NamedTuple):
    title: str
    text: str
    is_done: bool
    href: str
    """Where the step is done; empty when the member may not do it."""
    button: str


def get_first_steps(membership: Membership) -> list[FirstStep]:
    """Return the steps of a member who may add runs, in the order in which they are done."""
    team, owns, manages = membership.team, can_own(membership), can_manage(membership)
    key = ApiKey.objects.filter(team=team).first()
    has_people = team.memberships.exclude(pk=membership.pk).exists() or team.invitations.waiting().exists()
    return [
        FirstStep(
            _("Add your CAMB.AI key"),
            _("Dubroom uses it to check your runs. It is stored encrypted.")
            if owns
            else _("An owner of the team can do this."),
            key is not None and key.state == ApiKey.State.WORKING,
            reverse("keys", args=[team.slug]) if owns else "",
            _("Check the key") if key else _("Add the key"),
        ),
        FirstStep(
            _("Add your first runs"),
            _("Paste run ids: a list, a chat message, a CSV. Dubroom keeps checking them until they are ready."),
            team.runs.present().exists(),
            reverse("runs-add", args=[team.slug]),
            _("Add runs"),
        ),
        FirstStep(
            _("Invite your team"),
            _("Everyone you invite sees the same runs and transcripts.")
            if manages
            else _("An owner or a manager of the team can do this."),
            has_people,
            f"{reverse('teams-detail', args=[team.slug])}#invite" if manages else "",
            _("Invite people"),
        ),
    ]
