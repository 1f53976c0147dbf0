"""Is this server able to answer?"""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from results import bell


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Say ok, or 503 with the reason.

    The broker is not asked, and a silent worker is only told of: without them every page still works.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        # The driver's own words name hosts and users; this page is open to everybody.
        return JsonResponse({"status": "unavailable", "reason": "The database does not answer."}, status=503)
    return JsonResponse({"status": "ok", "worker": "silent" if bell.silent_since() else "heard"})
