"""The device of a log-in: its name, and whether the account has been used on it before."""

import re

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from teams.models import User

_COOKIE_AGE_S = 400 * 24 * 3600  # as long as browsers keep a cookie
_SALT = "dashboard.accounts.devices"
_MAX_USERS = 20
# The first that matches counts: Chromium's descendants name Chrome and Safari too.
_BROWSERS = {
    r"\bEdg\w*/": "Edge",
    r"\bOPR/": "Opera",
    r"\b(Firefox|FxiOS)/": "Firefox",
    r"\b(Chrome|CriOS|HeadlessChrome)/": "Chrome",
    r"\bSafari/": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def device_name(user_agent: str) -> str:
    """Return a name such as “Firefox on Windows” for a browser's User-Agent header."""
    browser = next((name for pattern, name in _BROWSERS.items() if re.search(pattern, user_agent)), "")
    system = next((name for part, name in _SYSTEMS.items() if part in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")


def is_known(request: HttpRequest, user: User) -> bool:
    """Return whether the user has logged in with this browser before."""
    return user.pk in _users(request)


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Note in a signed cookie that the user has logged in with this browser."""
    users = [user.pk, *(pk for pk in _users(request) if pk != user.pk)][:_MAX_USERS]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(users, salt=_SALT),
        max_age=_COOKIE_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _users(request: HttpRequest) -> list[int]:
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        users = signing.loads(cookie, salt=_SALT, max_age=_COOKIE_AGE_S)
    except signing.BadSignature:
        return []
    return [pk for pk in users if isinstance(pk, int)]
