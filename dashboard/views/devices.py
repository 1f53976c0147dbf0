"""Ends a log-in on another device. The list of devices is allauth's page `usersessions_list`."""

import logging

from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.http.requests import SignedInRequest

logger = logging.getLogger(__name__)


@login_required
@require_POST
def end(request: SignedInRequest, pk: int) -> HttpResponse:
    session = get_object_or_404(UserSession, user=request.user, pk=pk)
    get_adapter().end_sessions([session])
    logger.info("User %s ended a log-in from %s", request.user.pk, session.ip)
    messages.success(request, _("That device is logged out."))
    return redirect("usersessions_list")
