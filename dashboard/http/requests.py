"""Shared parts of views: the methods of a page with a form, and the request of a signed-in user."""

from django.http import HttpRequest
from django.views.decorators.http import require_http_methods

from teams.models import User

page_methods = require_http_methods(["GET", "HEAD", "POST"])


class SignedInRequest(HttpRequest):
    """A request that passed `login_required`, so its user is never anonymous."""

    user: User
