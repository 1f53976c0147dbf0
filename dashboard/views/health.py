"""Health checks for load balancers and monitors."""

from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from results import clock, queue
from results.db.health import accepts_writes, is_migrated
from results.refresh import backlog


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """Answer that this process runs, even without database or broker: a restart would repair neither."""
    return JsonResponse({"status": "alive"})


@require_safe
def status(request: HttpRequest) -> JsonResponse:
    """Answer ok, or 503 with the reason. The broker is not checked: every page works without it."""
    signs: dict[str, str] = {}
    try:
        reason = _failure_reason()
        if not reason:
            missing_since = queue.worker_missing_since()
            signs = {"worker": _sign(not missing_since), "beat": _sign(not backlog.is_beat_silent())}
            reason = _late_reason(missing_since)
    except (DatabaseError, InterfaceError):
        # The driver's message names hosts and users, and this page is public.
        reason = "The database does not answer."
    if reason:
        return JsonResponse({"status": "unavailable", "reason": reason} | signs, status=503)
    return JsonResponse({"status": "ok"} | signs)


def _sign(is_there: bool) -> str:
    return "heard" if is_there else "silent"


def _failure_reason() -> str:
    """Return why this server cannot work; empty when it can. Raises the errors of the database driver."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'off'" if connection.vendor == "sqlite" else "SHOW transaction_read_only")
        if cursor.fetchone() != ("off",):
            return "The database takes no changes."
    if not is_migrated():
        return "The database is not migrated."
    return "" if accepts_writes() else "The database takes no changes: its disk may be full or read-only."


def _late_reason(missing_since: datetime | None) -> str:
    """Return why work is not done as it should be; empty when it is. A limit of 0 is none."""
    limit = settings.HEALTH_WORKER_SECONDS
    if limit and missing_since and (clock.now() - missing_since).total_seconds() > limit:
        return "No worker is running."
    limit = settings.HEALTH_OLDEST_DUE_SECONDS
    if limit and backlog.oldest_due_age() > limit:
        return "Runs are checked too late."
    return ""
