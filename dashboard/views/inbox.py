"""A member's inbox: what the member was told of, by kind, and marking it as read."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from dashboard.http.ids import parse_id, parse_ids
from dashboard.pages.inbox import badge_values, build_lines, build_tabs
from dashboard.pages.render_once import render_once
from results.models import Event
from results.notifications import inbox
from teams.access import membership_or_404


@login_required
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    kind = _kind(request.GET.get("kind", ""))
    items, following = inbox.get_page(membership, kind, parse_id(request.GET.get("before", "")) or 0)
    context = {
        "membership": membership,
        "kind": kind,
        "lines": build_lines(membership, items),
        "tabs": build_tabs(membership, kind),
        "next": urlencode({"kind": kind, "before": str(following)}) if following else "",
        "unread": inbox.unread(membership).count,
    }
    return render(request, "inbox/page.html", context)


@login_required
@require_safe
def poll(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the number of unread lines, for a page or hidden tab whose own polls do not bring it."""
    membership = membership_or_404(request.user, slug)
    return HttpResponse(render_once("inbox/_badge.html", **badge_values(membership, oob=True)))


@login_required
@require_POST
def read(request: HttpRequest, slug: str) -> HttpResponse:
    """Mark the lines with these `pk`s as read, or with `all` every line."""
    membership = membership_or_404(request.user, slug)
    inbox.mark_read(membership, None if "all" in request.POST else parse_ids(request.POST.getlist("pk")[:100]))
    kind = _kind(request.POST.get("kind", ""))
    return redirect(reverse("inbox", args=[slug]) + (f"?{urlencode({'kind': kind})}" if kind else ""))


def _kind(text: str) -> str:
    return text if text in Event.Kind.values else ""
