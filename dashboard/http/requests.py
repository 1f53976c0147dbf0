"""Shared parts of views: the methods of a page with a form, the request of a signed-in user, its browser's zone."""

from django.http import HttpRequest
from django.views.decorators.http import require_http_methods

from teams import time_zones
from teams.models import User

page_methods = require_http_methods(["GET", "HEAD", "POST"])


class SignedInRequest(HttpRequest):
    """A request that passed `login_required`, so its user is never anonymous."""

    user: User


def browser_time_zone(request: HttpRequest) -> str:
    """Return the time zone that static/js/times.js has read from the browser; empty if it is unknown here."""
    return time_zones.find(request.COOKIES.get("time_zone", ""))
