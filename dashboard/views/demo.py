"""Logs people in to the demo without a password."""

import logging

from django.conf import settings
from django.contrib import auth
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.embedded import demo
from teams import audit

logger = logging.getLogger(__name__)


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    """Log in to the demo's account, while the log-in page offers it."""
    account = demo.offered_account()
    if account is None:
        raise Http404
    auth.login(request, account, settings.AUTHENTICATION_BACKENDS[0])
    audit.record_login(account, audit.Action.LOGGED_IN)
    logger.info("User %s logged in to the demo without a password", account.pk)
    return redirect("teams-home")
