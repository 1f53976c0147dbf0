"""What does the frame around every page need to know?"""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from teams.models import Membership


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the person's `memberships` and the rail's active `section`.

    A page of a team passes its own `membership`; the frame of a page without one leads to the first team. The
    section is the first word of the URL's name: `runs-list` lies in `runs`.
    """
    match = request.resolver_match
    name = (match.url_name if match else None) or ""
    return {"memberships": SimpleLazyObject(lambda: _memberships(request)), "section": name.partition("-")[0]}


def _memberships(request: HttpRequest) -> list[Membership]:
    # Rendering a page of trouble may come before the middleware that sets the user.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    return list(Membership.objects.select_related("team").filter(user=user).order_by("team__name", "pk"))
