"""Is this server able to answer?"""

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from results import queue
from results.db.health import accepts_writes, is_migrated


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """Say that this process answers, whatever else is away: to start it again would mend none of that."""
    return JsonResponse({"status": "alive"})


@require_safe
def status(request: HttpRequest) -> JsonResponse:
    """Say ok, or 503 with the reason.

    The broker is not asked, and a silent worker is only told of: without them every page still works.
    """
    try:
        reason = _why_not()
    except (DatabaseError, InterfaceError):
        # The driver's own words name hosts and users; this page is open to everybody.
        reason = "The database does not answer."
    if reason:
        return JsonResponse({"status": "unavailable", "reason": reason}, status=503)
    return JsonResponse({"status": "ok", "worker": "silent" if queue.worker_missing_since() else "heard"})


def _why_not() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'off'" if connection.vendor == "sqlite" else "SHOW transaction_read_only")
        if cursor.fetchone() != ("off",):
            return "The database takes no changes."
    if not is_migrated():
        return "The database is not migrated."
    return "" if accepts_writes() else "The database takes no changes: its disk may be full."
