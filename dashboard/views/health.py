"""Health checks for load balancers and monitors."""

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from results import queue
from results.db.health import accepts_writes, is_migrated


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """Answer that this process runs, even without database or broker: a restart would repair neither."""
    return JsonResponse({"status": "alive"})


@require_safe
def status(request: HttpRequest) -> JsonResponse:
    """Answer ok, or 503 with the reason.

    The broker is not checked, and a missing worker is only reported: every page works without them.
    """
    try:
        reason = _failure_reason()
    except (DatabaseError, InterfaceError):
        # The driver's message names hosts and users, and this page is public.
        reason = "The database does not answer."
    if reason:
        return JsonResponse({"status": "unavailable", "reason": reason}, status=503)
    return JsonResponse({"status": "ok", "worker": "silent" if queue.worker_missing_since() else "heard"})


def _failure_reason() -> str:
    """Return why this server cannot work; empty when it can. Raises the errors of the database driver."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'off'" if connection.vendor == "sqlite" else "SHOW transaction_read_only")
        if cursor.fetchone() != ("off",):
            return "The database takes no changes."
    if not is_migrated():
        return "The database is not migrated."
    return "" if accepts_writes() else "The database takes no changes: its disk may be full."
