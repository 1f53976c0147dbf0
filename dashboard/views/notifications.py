"""What a member is told of in a team, in Dubroom and by email; and the link that ends the email."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from dashboard.forms.notifications import PersonForm
from dashboard.http.requests import SignedInRequest, page_methods
from results.models import Receiver
from results.notifications import bounces, email, receivers
from results.runs import saved_views
from teams.access import membership_or_404


@login_required
@page_methods
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    data = request.POST if request.method == "POST" else None
    form = PersonForm(membership, data, saved_views.visible_to(membership))
    if form.is_valid():
        form.save()
        messages.success(request, _("Your notifications are saved."))
        return redirect("notifications", slug)
    inbox = form.inbox
    context = {
        "membership": membership,
        "form": form,
        "email": form.email,
        "is_view_gone": inbox.scope == Receiver.Scope.VIEW and receivers.view_for(inbox) is None,
        "has_mail_server": bool(settings.EMAIL_URL),
    }
    return render(request, "notifications/page.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def retry(request: SignedInRequest, slug: str) -> HttpResponse:
    """Switch the person's email on again after it did not arrive, in all teams, and send a test."""
    membership = membership_or_404(request.user, slug)
    if bounces.try_again(membership):
        messages.success(request, _("A test email is on its way to %(email)s.") % {"email": request.user.email})
    return redirect("notifications", slug)


@csrf_exempt
@page_methods
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """End the email of the signed link, without a log-in: mail programs POST it by themselves (RFC 8058).

    A GET only shows a button, as programs that check links open them.
    """
    if email.opened(token) is None:
        raise Http404
    is_done = request.method == "POST" and email.unsubscribe(token)
    return render(request, "notifications/unsubscribe.html", {"is_done": is_done})
