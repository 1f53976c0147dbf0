"""Atom feeds of a team's events, or of those of a saved view, each opened by a token of its own."""

import hashlib
import secrets
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from results import clock
from results.models import Event, Feed, Run, SavedView
from results.notifications import receivers
from results.runs import saved_views
from teams import audit
from teams.access import can_manage, without_required_step
from teams.models import Membership, User

MAX_FEEDS = 20
# A feed holds so many entries or, if these are more, those of a day: a reader that asks now and then misses none.
ENTRIES = 100
DAY = timedelta(days=1)
MAX_ENTRIES = 2000


class TooManyFeedsError(Exception):
    """The member has MAX_FEEDS feeds in the team."""


def own(membership: Membership) -> QuerySet[Feed]:
    return Feed.objects.filter(membership=membership.pk).select_related("view").order_by("pk")


def of_user(user: User) -> QuerySet[Feed]:
    """Return the user's feeds of all teams."""
    feeds = Feed.objects.filter(membership__user=user, membership__team__removed_at=None)
    return feeds.select_related("membership__team", "view").order_by("membership__team__name", "pk")


def add(membership: Membership, view: SavedView | None) -> str:
    """Add a feed, and return its token, to be shown once. Raises TooManyFeedsError."""
    if own(membership).count() >= MAX_FEEDS:
        raise TooManyFeedsError
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        feed = Feed.objects.create(
            membership=membership, view=view, token_hash=_hashed(token), last_four=token[-4:]
        )
        _record(membership, feed, "added")
    return token


def remove(membership: Membership, feed: Feed) -> None:
    """Remove the member's feed; its address opens nothing any more."""
    with transaction.atomic():
        _record(membership, feed, "removed")
        feed.delete()


def _record(membership: Membership, feed: Feed, change: str) -> None:
    audit.record(membership.team_id, audit.Action.SETTINGS_CHANGED, f"feed …{feed.last_four}: {change}")


def opened_by(token: str) -> Feed | None:
    """Return the feed with this token, if its person may open the team's pages; else None."""
    members = Membership.objects.filter(user__is_active=True, team__removed_at=None)
    shut_out = without_required_step(members)
    feeds = Feed.objects.filter(token_hash=_hashed(token), membership__in=members).exclude(membership__in=shut_out)
    return feeds.select_related("membership__team", "membership__user", "view").first()


def entries(feed: Feed) -> list[Event]:
    """Return the feed's newest events: those of the last day, or ENTRIES of them if that is more."""
    member = feed.membership
    events = Event.objects.visible_in(member.team_id).visible_to(member, can_manage=can_manage(member))
    if feed.view_id:
        # A view that is not shared any more shows nothing.
        view = saved_views.visible_to(member).filter(pk=feed.view_id).first()
        runs = Run.objects.filter(team=member.team_id)
        # The days of its query are the member's, as in the list and the inbox.
        with timezone.override(member.user.zone):
            shown = receivers.runs_of_view(runs, view.query) if view else runs.none()
        events = events.filter(run__in=shown)
    events = events.select_related("run", "saved_search", "team").order_by("-pk")
    of_day = list(events.filter(created_at__gt=clock.now() - DAY)[:MAX_ENTRIES])
    return receivers.as_exported(of_day if len(of_day) >= ENTRIES else events[:ENTRIES], member)


def atom_id(feed: Feed, event: Event | None = None) -> str:
    """Return the id of the feed, or of its entry for an event, which no other feed of any installation has.

    It is made of what is random and stays: neither the team's slug nor the server's address.
    """
    own = uuid.uuid5(uuid.NAMESPACE_OID, feed.token_hash)
    # After a database was restored from an older backup, another event may have the same id.
    return (uuid.uuid5(own, f"{event.pk} {event.created_at.isoformat()}") if event else own).urn


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
