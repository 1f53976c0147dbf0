"""Answers a list's poll that finds nothing changed, before the long way that a page takes.

Open tabs ask hundreds of times a second, and almost always nothing has changed. So this costs two small reads: of
the session, and of the team's version for an active member. Only what the view would answer the same is answered
here; everything else goes on to the view.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve
from django.utils.crypto import constant_time_compare

from dashboard.http.sessions import SessionStore, is_key, read_data
from teams.models import User

_POLL = re.compile(r"/t/([-\w]+)/runs/poll/")
# To read all of the query, with the ids on the page, takes a third of an answer.
_SINCE = re.compile(r"(?<![^&])since=([0-9]+)(?![^&])")
# A team that requires a second step is left to the view.
_VERSION = """
    SELECT u.password, COALESCE(v.version, 0) FROM teams_team t
    JOIN teams_membership m ON m.team_id = t.id JOIN teams_user u ON u.id = m.user_id
    LEFT JOIN results_teamversion v ON v.team_id = t.id
    WHERE t.slug = %s AND u.id = %s AND u.is_active AND t.removed_at IS NULL AND NOT t.requires_second_step
"""


def unchanged_polls(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 204 to a poll of a list that is up to date."""

    def middleware(request: HttpRequest) -> HttpResponse:
        poll = _POLL.fullmatch(request.path_info)
        if poll is None or request.method != "GET" or not _is_unchanged(request, poll[1]):
            return get_response(request)
        request.resolver_match = _match(request.path_info)
        return HttpResponse(status=204, headers={"Cache-Control": "no-store, private"})

    return middleware


def _is_unchanged(request: HttpRequest, slug: str) -> bool:
    """Whether a member with a live session asks, and the team's version is the one that the page shows."""
    named, key = _SINCE.findall(request.META["QUERY_STRING"]), request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not (is_key(key) and len(named) == 1):
        return False
    data = read_data(key)
    session = SessionStore().decode(data) if data else {}
    if SESSION_KEY not in session:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, [slug, session[SESSION_KEY]])
        found = cursor.fetchone()
    if found is None or str(found[1]) != named[0]:
        return False
    own_hash: str = User(password=found[0]).get_session_auth_hash()
    return constant_time_compare(session.get(HASH_SESSION_KEY, ""), own_hash)


@lru_cache(maxsize=1000)
def _match(path: str) -> ResolverMatch:
    """Return the match by which the metrics name the view."""
    return resolve(path)
