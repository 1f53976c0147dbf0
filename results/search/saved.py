"""Saved searches, and alerts about new dubs that have hits for them."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from results import clock
from results.db.replica import fetch_rows
from results.models import Dub, Event, Run, SavedSearch, SearchAlert, TeamVersion
from results.queue.backlogs import Quarantine, isolated
from results.search import indexing
from results.search.find import count_in_dub
from results.search.query import MAX_CHARACTERS
from teams import audit
from teams.models import Membership

MAX_SAVED = 100
MAX_DUBS = 200
# While runs are due, refreshing them comes first: one task checks only so many dubs.
DUBS_WHILE_BUSY = 25
_quarantine = Quarantine("The saved searches could not be run on dub %s")
# Raw SQL, as the ORM takes longer than the database.
_OWN = "select id, is_shared from results_savedsearch where team_id = %s and owner_id = %s and q = %s"
_NEW_ALERTS = """
    select count(*) from results_searchalert alert
    join results_dub dub on dub.id = alert.dub_id join results_run run on run.id = dub.run_id
    where alert.is_new and run.archived_at is null
    and alert.saved_search_id in (select id from results_savedsearch where team_id = %s and owner_id = %s)
"""


class OwnSearch(NamedTuple):
    """A search that the member has saved, as far as its page needs it."""

    pk: int
    is_shared: bool


class TooManySearchesError(Exception):
    """The user has MAX_SAVED searches in the team. Their number is limited, as each is run on every new dub."""


def own(membership: Membership) -> QuerySet[SavedSearch]:
    """Return the searches that the member has saved in this team."""
    return SavedSearch.objects.filter(team=membership.team_id, owner=membership.user_id)


def find_own(membership: Membership, q: str) -> OwnSearch | None:
    """Return the search with this text that the member has saved; None if there is none."""
    rows = fetch_rows(_OWN, [membership.team_id, membership.user_id, q.strip()])
    return OwnSearch(*rows[0]) if rows else None


def visible_to(membership: Membership) -> QuerySet[SavedSearch]:
    """Return the member's own and the team's shared searches; `news` counts the dubs unseen by the owner."""
    mine = Q(owner=membership.user_id)
    news = Count("alerts", filter=Q(alerts__is_new=True, alerts__dub__run__archived_at=None))
    searches = SavedSearch.objects.filter(mine | Q(is_shared=True), team=membership.team_id)
    return searches.select_related("owner").annotate(news=news).order_by("q", "pk")


def save_search(membership: Membership, q: str, *, is_shared: bool) -> SavedSearch:
    """Save this search for the member, or change whether a search that is saved already is shared.

    Raises TooManySearchesError.
    """
    mine = own(membership)
    q = q.replace("\0", "").strip()[:MAX_CHARACTERS]
    if not mine.filter(q=q).exists() and mine.count() >= MAX_SAVED:
        raise TooManySearchesError
    with transaction.atomic():
        saved, _is_new = mine.update_or_create(
            team_id=membership.team_id, owner_id=membership.user_id, q=q, defaults={"is_shared": is_shared}
        )
        if is_shared:
            audit.record(membership.team_id, audit.Action.SETTINGS_CHANGED, f"search {q}: shared")
    return saved


def remove_search(saved: SavedSearch) -> None:
    with transaction.atomic():
        if saved.is_shared:
            audit.record(saved.team_id, audit.Action.SETTINGS_CHANGED, f"search {saved.q}: removed")
        saved.delete()


def new_alert_count(membership: Membership) -> int:
    """Return the number of unseen alerts of the member's own searches."""
    [(count,)] = fetch_rows(_NEW_ALERTS, [membership.team_id, membership.user_id])
    return int(count)


def mark_seen(search: OwnSearch) -> None:
    """Mark the alerts of this search as seen when the member looks at its hits."""
    alerts = SearchAlert.objects.filter(saved_search=search.pk, is_new=True)
    # Few searches have new alerts: a look at one must not cost a write.
    if alerts.exists():
        alerts.update(is_new=False)


def create_alerts() -> None:
    """Run every saved search on each dub whose lines are new, store alerts, and learn the dub's words.

    Dubs of archived runs follow once the run is restored.
    """
    unchecked = Dub.objects.filter(is_alert_checked=False, run__archived_at=None, run__is_indexed=True)
    unchecked = unchecked.exclude(pk__in=_quarantine.pks())
    most = DUBS_WHILE_BUSY if Run.objects.askable(clock.now()).exists() else MAX_DUBS
    for dub in unchecked.order_by("pk")[:most]:
        with _quarantine.isolated(dub.pk):
            _create_alerts_about(dub)


def _create_alerts_about(dub: Dub) -> None:
    found = []
    for saved in SavedSearch.objects.filter(team=dub.team_id).select_related("owner"):
        # One search that fails must not keep the team's other searches from every new dub.
        with isolated("The saved search %s could not be run", saved.pk):
            if count := _count_for_owner(dub, saved):
                found.append((saved, count))
    indexing.learn_words(dub)
    with transaction.atomic():
        # A dub that got other lines or another language meanwhile is left for the next time.
        same = Dub.objects.filter(pk=dub.pk, cues_hash=dub.cues_hash, language=dub.language)
        if same.update(is_alert_checked=True):
            # A dub whose lines changed is no news to an owner who has an alert about it already.
            _record_found(dub, found)
            SearchAlert.objects.bulk_create(
                [SearchAlert(saved_search=saved, dub=dub, count=count) for saved, count in found],
                update_conflicts=True,
                unique_fields=["saved_search", "dub"],
                update_fields=["count"],
            )


def _record_found(dub: Dub, found: Sequence[tuple[SavedSearch, int]]) -> None:
    """Write an event for each search that had no alert about the dub yet, in the transaction under way."""
    if not found:
        return
    alerted = set(SearchAlert.objects.filter(dub=dub).values_list("saved_search", flat=True))
    if new := [(saved, count) for saved, count in found if saved.pk not in alerted]:
        TeamVersion.bump(dub.team_id)
        Event.objects.bulk_create(
            Event(
                team_id=dub.team_id,
                kind=Event.Kind.FOUND,
                run_id=dub.run_id,
                saved_search=saved,
                language=dub.language,
                detail={"count": count},
            )
            for saved, count in new
        )


def _count_for_owner(dub: Dub, saved: SavedSearch) -> int:
    """Return the number of the dub's lines that match, with the dates of the search in its owner's time zone."""
    with timezone.override(saved.owner.zone):
        return count_in_dub(dub, saved.q)
