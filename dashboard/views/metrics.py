"""The metrics for Prometheus, for holders of METRICS_TOKEN."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from dashboard.http.metrics import exposition


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Answer with all metrics; without the token there is no such page."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not constant_time_compare(given, settings.METRICS_TOKEN):
        raise Http404
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
