"""Context of the frame around every page: the user's teams and the active section."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from teams.access import memberships_of
from teams.models import Membership


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the user's `memberships`, the `last_membership` seen, and the rail's active `section`.

    A page of a team passes its own `membership`; on a page without one, the frame shows the last. The section is
    the first word of the URL's name: `runs-list` is in `runs`. `searched_for` stands in the search box, also on the
    error page of a search. `now_ms` is the server's time, since a browser's own may be wrong.
    """
    match = request.resolver_match
    name = (match.url_name if match else None) or ""
    section = name.partition("-")[0]
    memberships = SimpleLazyObject(lambda: _memberships(request))
    return {
        "memberships": memberships,
        "last_membership": SimpleLazyObject(lambda: _last(request, memberships)),
        "section": section,
        "searched_for": request.GET.get("q", "") if section == "search" else "",
        "now_ms": str(round(timezone.now().timestamp() * 1000)),
    }


def _last(request: HttpRequest, memberships: Iterable[Membership]) -> Membership | None:
    """Return the membership in the team that the user saw last, else the first; None without any."""
    found = list(memberships)
    slug = request.session.get("last_team") if found else None
    return next((membership for membership in found if membership.team.slug == slug), found[0] if found else None)


def _memberships(request: HttpRequest) -> list[Membership]:
    # An error page may be rendered before the middleware that sets the user has run.
    user = getattr(request, "user", None)
    return memberships_of(user) if user else []
