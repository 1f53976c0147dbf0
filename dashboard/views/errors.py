"""Error pages for requests that Django refuses before any view runs, and for views that fail."""

import errno
import logging
import sys

from django.core.exceptions import DisallowedHost, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from redis.exceptions import RedisError

from results.db import health

logger = logging.getLogger(__name__)

# The disk of the cache, the broker or the copies is full, out of inodes or read-only, or no file can be opened.
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


class WithoutTraceback(logging.Filter):
    """Drops the traceback from Django's log record of a 503, as `server_error` has logged one line already."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", None) == 503:
            record.exc_info = None
        return True


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400. Of a disallowed host, Django's log says which setting to change."""
    if isinstance(exception, TooManyFieldsSent):
        request.GET = QueryDict()  # the page reads the words searched for, and would fail as the view did
    context = {"is_unknown_name": isinstance(exception, DisallowedHost)}
    return render(request, "400.html", context, status=400)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, without a look at the form: Django's own view checks its token, and fails if it is too large."""
    return render(request, "404.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without the CSRF token of its page, or from a page of another origin."""
    is_foreign = reason.startswith("Origin checking failed")
    if is_foreign:
        logger.warning(
            "%s If that is this server's own address, add it to CSRF_TRUSTED_ORIGINS, and set BEHIND_PROXY=True if "
            "a proxy is in front.",
            reason,
        )
    return render(request, "403_csrf.html", {"is_foreign": is_foreign}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 to a transient error, or a failure of Redis or of a disk, else 500.

    Neither page reads the database or the session.
    """
    name, status, headers = "503_outage.html", 503, {"Retry-After": "30"}
    error = sys.exception()
    if health.is_transient(error):
        health.record_failure(error)
    elif isinstance(error, RedisError):
        logger.error("Redis failed: %s", health.first_line(error))
    elif isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        logger.error("A disk failed: %s", error)
    else:
        name, status, headers = "500.html", 500, {}
    try:
        page = render_to_string(name)
    except ValueError:  # a static file that was never collected has no URL
        logger.error("Static files are missing. Run: python manage.py collectstatic")
        page = render_to_string("503_bare.html")
    return HttpResponse(page, status=status, headers=headers)
