"""A member's Atom feeds of what happens in a team: added, removed, and read with their token alone."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import feedgenerator
from django.utils.translation import gettext as _
from django.utils.xmlutils import SimplerXMLGenerator
from django.views.decorators.http import conditional_page, require_POST, require_safe

from dashboard.accounts.identity import require_identity
from dashboard.http.ids import parse_id
from dashboard.http.requests import SignedInRequest, page_methods
from results.exports.xml_text import valid_xml
from results.models import Feed
from results.notifications import feeds, sentences
from results.runs import saved_views
from teams.access import membership_or_404


@login_required
@page_methods
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    """List the member's feeds. A POST adds one; only its answer holds the address."""
    membership = membership_or_404(request.user, slug)
    address, status = "", 200
    if request.method == "POST":
        require_identity(request)
        chosen = parse_id(request.POST.get("view", ""))
        view = get_object_or_404(saved_views.visible_to(membership), pk=chosen) if chosen else None
        try:
            token = feeds.add(membership, view)
        except feeds.TooManyFeedsError:
            messages.error(request, _("You can have up to %(n)s feeds. Remove one first.") % {"n": feeds.MAX_FEEDS})
            return redirect("feeds", slug)
        address, status = request.build_absolute_uri(reverse("feeds-atom", args=[token])), 201
    context = {
        "membership": membership,
        "feeds": feeds.own(membership),
        "views": saved_views.visible_to(membership),
        "address": address,
    }
    return render(request, "feeds/page.html", context, status=status)


@login_required
@require_POST
def remove(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    feeds.remove(membership, get_object_or_404(feeds.own(membership), pk=pk))
    messages.success(request, _("The feed is removed. Its address no longer works."))
    return redirect("feeds", slug)


class _AtomFeed(feedgenerator.Atom1Feed):
    """An Atom feed with texts, where Django's has HTML, and of which a reader can tell that nothing has changed."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item | {"description": None})
        handler.addQuickElement("summary", item["description"], {"type": "text"})

    def latest_post_date(self) -> datetime:
        # Django's answers the present time for a feed without entries.
        updated: datetime = super().latest_post_date() if self.items else self.feed["created_at"]
        return updated


@require_safe
@conditional_page
def atom(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with the feed that this token opens; without it, or once its person has left the team, with 404."""
    feed = feeds.opened_by(token)
    if feed is None:
        raise Http404
    title = valid_xml(_title(feed))
    writer = _AtomFeed(
        title=title,
        link=sentences.absolute(reverse("runs-list", args=[feed.membership.team.slug])),
        description="",
        author_name=title,
        feed_url=request.build_absolute_uri(),
        feed_guid=feeds.atom_id(feed),
        created_at=feed.created_at,
    )
    for event in feeds.entries(feed):
        what = sentences.heading(event.kind, 1)
        writer.add_item(
            title=valid_xml(f"{event.run}: {event.get_kind_display()}" if event.run else what),
            link=sentences.absolute(sentences.path_of(event)),
            description=valid_xml(sentences.sentence(event)),
            unique_id=feeds.atom_id(feed, event),
            pubdate=event.created_at,
            updateddate=event.created_at,
        )
    # The reader keeps what it has read, and asks whether it is still so.
    headers = {"Cache-Control": "private, no-cache"}
    return HttpResponse(writer.writeString("utf-8"), content_type=writer.content_type, headers=headers)


def _title(feed: Feed) -> str:
    team = feed.membership.team.name
    return f"{team}: {feed.view}" if feed.view else team
