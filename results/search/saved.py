"""Which searches does somebody keep, and which new dubs have hits for them?"""

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from results.models import Dub, SavedSearch, SearchAlert
from results.search import indexing
from results.search.query import MAX_CHARACTERS
from results.search.service import count_in_dub
from teams.models import Membership

MAX_SAVED = 100
MAX_DUBS = 200


class TooManySearchesError(Exception):
    """Somebody keeps as many searches as one person may: each of them is asked of every new dub."""


def own(membership: Membership) -> QuerySet[SavedSearch]:
    """The searches that the person keeps in this team."""
    return SavedSearch.objects.filter(team=membership.team_id, owner=membership.user_id)


def visible_to(membership: Membership) -> QuerySet[SavedSearch]:
    """Return the person's own and the team's shared searches; `news` counts dubs that their owner has not seen."""
    mine = Q(owner=membership.user_id)
    news = Count("alerts", filter=Q(alerts__is_new=True, alerts__dub__run__archived_at=None))
    searches = SavedSearch.objects.filter(mine | Q(is_shared=True), team=membership.team_id)
    return searches.select_related("owner").annotate(news=news).order_by("q", "pk")


def save_search(membership: Membership, q: str, *, is_shared: bool) -> SavedSearch:
    """Keep this search; whoever keeps it already may share it so, or take it back.

    Raises TooManyError.
    """
    mine = own(membership)
    q = q.replace("\0", "").strip()[:MAX_CHARACTERS]
    if not mine.filter(q=q).exists() and mine.count() >= MAX_SAVED:
        raise TooManySearchesError
    saved, _is_new = mine.update_or_create(
        team_id=membership.team_id, owner_id=membership.user_id, q=q, defaults={"is_shared": is_shared}
    )
    return saved


def new_alert_count(membership: Membership) -> int:
    """In how many new dubs the person's own searches have hits."""
    alerts = SearchAlert.objects.filter(saved_search__in=own(membership), is_new=True)
    return alerts.filter(dub__run__archived_at=None).count()


def mark_seen(membership: Membership, q: str) -> None:
    """The person looks at the hits of this search: if it is their own, nothing of it is new any more."""
    alerts = SearchAlert.objects.filter(saved_search__in=own(membership).filter(q=q), is_new=True)
    # Most searches are nobody's: to look must not cost a write.
    if alerts.exists():
        alerts.update(is_new=False)


def send_alerts() -> None:
    """Ask every saved search of each dub whose lines were stored since, and learn the dub's words.

    What is archived is told of once it is restored.
    """
    untold = Dub.objects.filter(is_alert_checked=False, run__archived_at=None, run__is_indexed=True)
    for dub in untold.order_by("pk")[:MAX_DUBS]:
        searches = SavedSearch.objects.filter(team=dub.team_id)
        found = [(saved, count) for saved in searches if (count := count_in_dub(dub, saved.q))]
        alerts = [SearchAlert(saved_search=saved, dub=dub, count=count) for saved, count in found]
        indexing.learn_words(dub)
        with transaction.atomic():
            # Lines that came meanwhile are told of the next time.
            if Dub.objects.filter(pk=dub.pk, cues_hash=dub.cues_hash).update(is_alert_checked=True):
                # A dub that is said anew is no news to those who were told of it.
                SearchAlert.objects.bulk_create(
                    alerts,
                    update_conflicts=True,
                    unique_fields=["saved_search", "dub"],
                    update_fields=["count"],
                )
