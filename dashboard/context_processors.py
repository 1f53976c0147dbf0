"""What does the frame around every page need to know?"""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from teams.models import Membership


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the person's `memberships`, the `last_membership` looked at, and the rail's active `section`.

    A page of a team passes its own `membership`; the frame of a page without one stays with the last. The section
    is the first word of the URL's name: `runs-list` lies in `runs`.
    """
    match = request.resolver_match
    name = (match.url_name if match else None) or ""
    memberships = SimpleLazyObject(lambda: _memberships(request))
    return {
        "memberships": memberships,
        "last_membership": SimpleLazyObject(lambda: _last(request, memberships)),
        "section": name.partition("-")[0],
    }


def _last(request: HttpRequest, memberships: Iterable[Membership]) -> Membership | None:
    """The one of the team that the person saw last, else the first."""
    found = list(memberships)
    slug = request.session.get("last_team") if found else None
    return next((one for one in found if one.team.slug == slug), found[0] if found else None)


def _memberships(request: HttpRequest) -> list[Membership]:
    # Rendering a page of trouble may come before the middleware that sets the user.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    return list(Membership.objects.select_related("team").filter(user=user).order_by("team__name", "pk"))
