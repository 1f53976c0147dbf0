"""What views share: the methods of a page with a form, and the type of a signed-in person's request."""

from django.http import HttpRequest
from django.views.decorators.http import require_http_methods

from teams.models import User

page_methods = require_http_methods(["GET", "HEAD", "POST"])


class SignedInRequest(HttpRequest):
    """A request that `login_required` has let through, so its user is never anonymous."""

    user: User
