"""The tab Channels of a team: chats and webhooks that are told of events, with their log."""

import logging
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.forms.notifications import ChannelForm, NewChannelForm
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.team_tabs import tab_context
from results.models import Message, Receiver, SavedView
from results.notifications import channels, receivers
from results.transcripts.languages import quoted
from teams.access import membership_or_404, require_manage
from teams.models import Membership, User

logger = logging.getLogger(__name__)


@login_required
@page_methods
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    """List the team's channels. A POST adds one; only its answer holds a webhook's secret."""
    membership = _manager(request.user, slug)
    form, secret, status = NewChannelForm(request.POST if request.method == "POST" else None), "", 200
    if form.is_valid():
        data = form.cleaned_data
        try:
            receiver, secret = channels.add(
                membership.team, data["way"], data["name"], data["address"], request.user.zone.key
            )
        except channels.TooManyChannelsError:
            most = {"n": channels.MAX_CHANNELS}
            messages.error(request, _("A team can have up to %(n)s channels. Remove one first.") % most)
            return redirect("channels", slug)
        logger.info("Team %s: channel %s added by user %s", slug, receiver.pk, request.user.pk)
        form, status = NewChannelForm(), 201
    elif form.errors:
        status = 422
    context = _context(membership) | {
        "channels": channels.of_team(membership.team_id),
        "form": form,
        "secret": secret,
    }
    return render(request, "channels/page.html", context, status=status)


@login_required
@page_methods
def detail(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    membership, receiver = _channel(request.user, slug, pk)
    shared = SavedView.objects.filter(team=membership.team_id, is_shared=True)
    form = ChannelForm(receiver, request.POST if request.method == "POST" else None, shared)
    if form.is_valid():
        form.save()
        messages.success(request, _("The channel is saved."))
        return redirect("channels-detail", slug, pk)
    return _detail(request, membership, receiver, form, "", 422 if form.errors else 200)


def _detail(
    request: SignedInRequest,
    membership: Membership,
    receiver: Receiver,
    form: ChannelForm,
    secret: str,
    status: int,
) -> HttpResponse:
    context = _context(membership) | {
        "channel": receiver,
        "form": form,
        "secret": secret,
    }
    return render(request, "channels/detail.html", context | _log(receiver), status=status)


@login_required
@require_safe
def poll(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Answer 204 while the channel's log is as in the version `since`, else with the log and whether it is on."""
    membership, receiver = _channel(request.user, slug, pk)
    log = _log(receiver)
    if log["version"] == request.GET.get("since"):
        return HttpResponse(status=204)
    return render(request, "channels/_poll.html", {"membership": membership, "channel": receiver} | log)


def _log(receiver: Receiver) -> dict[str, Any]:
    """Return the context of `_log.html`; its version changes with each new message, try and state."""
    log = channels.log_of(receiver)
    tries = sum(len(message.deliveries.all()) for message in log)
    open_ = sum(message.state == Message.Progress.OPEN for message in log)
    newest = log[0].pk if log else 0
    return {"log": log, "is_open": open_ > 0, "version": f"{newest}-{tries}-{open_}"}


@login_required
@require_POST
def test(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Have a test message sent; the channel's page shows how it went."""
    _membership, receiver = _channel(request.user, slug, pk)
    receivers.send_test(receiver)
    messages.success(request, _("A test is on its way. The log below shows how it went."))
    return redirect("channels-detail", slug, pk)


@login_required
@require_POST
def rotate(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Give a webhook a new secret. Only this answer holds it."""
    membership, receiver = _channel(request.user, slug, pk)
    if receiver.way != Receiver.Way.WEBHOOK:
        raise Http404
    secret = channels.rotate_secret(receiver)
    logger.info("Team %s: secret of channel %s replaced by user %s", slug, pk, request.user.pk)
    shared = SavedView.objects.filter(team=membership.team_id, is_shared=True)
    return _detail(request, membership, receiver, ChannelForm(receiver, None, shared), secret, 201)


@login_required
@require_POST
def switch(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """Switch the channel off or, without `off`, on: it is then told of what happens from now on."""
    _membership, receiver = _channel(request.user, slug, pk)
    channels.switch(receiver, is_on="off" not in request.POST)
    return redirect("channels-detail", slug, pk)


@login_required
@require_POST
def resend(request: SignedInRequest, slug: str, pk: int, uid: UUID) -> HttpResponse:
    _membership, receiver = _channel(request.user, slug, pk)
    message = channels.message_of(receiver, uid)
    if message is None:
        raise Http404
    channels.send_again(message)
    messages.success(request, _("The message will be sent again."))
    return redirect("channels-detail", slug, pk)


@login_required
@require_POST
def remove(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    _membership, receiver = _channel(request.user, slug, pk)
    channels.remove(receiver)
    logger.info("Team %s: channel %s removed by user %s", slug, pk, request.user.pk)
    messages.success(request, _("The channel %(name)s is removed.") % {"name": quoted(receiver)})
    return redirect("channels", slug)


def _manager(user: User, slug: str) -> Membership:
    membership = membership_or_404(user, slug)
    require_manage(membership)
    return membership


def _channel(user: User, slug: str, pk: int) -> tuple[Membership, Receiver]:
    membership = _manager(user, slug)
    return membership, get_object_or_404(channels.of_team(membership.team_id), pk=pk)


def _context(membership: Membership) -> dict[str, object]:
    return tab_context(membership, "channels")
