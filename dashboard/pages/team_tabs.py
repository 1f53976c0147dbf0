"""What every tab of a team's page shows."""

from typing import Any

from teams.access import can_manage, can_own
from teams.models import Membership


def tab_context(membership: Membership, tab: str) -> dict[str, Any]:
    """Return the context that every tab needs. The tab open now is named, for `teams/_tabs.html`."""
    return {
        "membership": membership,
        "can_manage": can_manage(membership),
        "can_own": can_own(membership),
        "team_tab": tab,
    }
