"""Refreshes that users request: of one run, of many runs with their progress, and of a run open in a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from results import clock, queue
from results.db import chunks
from results.models import ApiKey, Run, RunQuerySet, TeamVersion
from results.refresh import ask, claims
from teams.models import Team

REQUESTS_PER_TRANSACTION = 1000


class QueueUnreachableError(Exception):
    """The broker cannot be reached, so no worker can be told; the request is stored in the database.

    The message is a sentence for users.
    """

    def __init__(self) -> None:
        super().__init__(
            _("Refresh is delayed by a problem on this server. It starts by itself once that is fixed.")
        )


@dataclass(frozen=True)
class RefreshProgress:
    """The progress of a request for many runs: runs checked, runs requested, and about how many seconds are left.

    `seconds_left` is None before the first run is checked and while the key is paused.
    """

    checked: int
    total: int
    seconds_left: int | None


def request_refresh(run: Run) -> bool:
    """Refresh this run before all others of its team, as soon as the key's limits allow ("Refresh").

    Returns False when the run is leased, was checked within the last two seconds, or may not be refreshed: it is
    archived, or its team has no key or an open circuit breaker. Raises QueueUnreachableError when no worker can be
    told; the run is refreshed once one can.
    """
    now = clock.now()
    unfinished = Run.objects.filter(team=run.team_id).unfinished()
    first = unfinished.order_by("due_at").values_list("due_at", flat=True).first() or now
    usable_keys = ApiKey.objects.usable(now)
    refreshable = Run.objects.current().filter(pk=run.pk, team__in=usable_keys.values("team")).unleased(now)
    refreshable = refreshable.exclude(checked_at__range=(now - timedelta(seconds=2), now))
    due_at = min(first - timedelta(microseconds=1), now)
    if not chunks.update_in_chunks(run.team, [run.pk], which=Q(pk__in=refreshable.values("pk")), due_at=due_at):
        return False
    unreachable: list[bool] = []
    # A lease of a single call, so that the waiting user need not wait for other runs too.
    if lease := claims.claim_for_message(run.team_id):
        ask.enqueue_lease(lease, on_unreachable=lambda: unreachable.append(True))
    else:
        queue.enqueue("refresh_due", on_unreachable=lambda: unreachable.append(True))
    if unreachable:
        raise QueueUnreachableError
    return True


def request_refresh_many(runs: RunQuerySet, team: Team) -> int:
    """Make all these runs of the team due now; return how many there are, without archived ones.

    They are marked in chunks, so that no transaction lasts long and workers begin while the rest is being marked.
    Raises QueueUnreachableError, once all are marked, when no worker can be told; they are refreshed once one can.
    """
    now, total = clock.now(), 0
    unreachable: list[bool] = []
    pks = list(runs.filter(team=team).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), REQUESTS_PER_TRANSACTION):
        total += _mark_requested(team, pks[start : start + REQUESTS_PER_TRANSACTION], now)
        if not start:
            queue.enqueue("refresh_due", on_unreachable=lambda: unreachable.append(True))
    if total and unreachable:
        raise QueueUnreachableError
    return total


def refresh_progress(team: Team, left: int | None = None) -> RefreshProgress | None:
    """Return the progress of the team's requested refreshes, or None when all of their runs are checked.

    `left` is how many are not, where the caller has counted them.
    """
    left = _requested(team).count() if left is None else left
    if not left:
        return None
    counter = TeamVersion.objects.get(pk=team.pk)
    now = clock.now()
    total, since = max(counter.requested, left), counter.requested_since or now
    checked = total - left
    can_estimate = checked and ApiKey.objects.usable(now).filter(team=team).exists()
    seconds_left = round((now - since).total_seconds() / checked * left) if can_estimate else None
    return RefreshProgress(checked, total, seconds_left)


def refresh_obstacle(team: Team, run: Run | None = None) -> str:
    """Return why the team's runs, or this run, cannot be refreshed, and the way out; empty if they can be.

    The sentence is for users.
    """
    if run is not None and run.archived_at:
        return _("An archived run is not refreshed. Restore it first.")
    key = ApiKey.objects.filter(team=team).first()
    if key is None:
        return _("This team has no CAMB.AI key yet, so nothing can be refreshed.")
    return key.message if key.is_in_trouble else ""


def refresh_sooner(run: Run) -> None:
    """Make an unfinished run that a user has open due within REFRESH_WATCHED_SECONDS, and not more often."""
    soon = clock.now() + timedelta(seconds=settings.REFRESH_WATCHED_SECONDS)
    # Each poll of the page asks, and hardly any has something to change: none of the others locks a row.
    if run.due_at and run.due_at > soon and run.lease is None:
        which = Q(due_at__gt=soon, lease=None)
        chunks.update_in_chunks(run.team, [run.pk], which=which, due_at=soon)


def _mark_requested(team: Team, pks: Sequence[int], now: datetime) -> int:
    """Mark these runs as requested and due, count them in the team's progress, and return how many there are."""
    with transaction.atomic():
        # Storing answers locks runs by pk, then the team's version; another order here could deadlock with it.
        current = Run.objects.current().filter(pk__in=pks).select_for_update().order_by("pk")
        requested_before = dict(current.values_list("pk", "requested_at"))
        version = TeamVersion.bump(team.pk)
        counter = TeamVersion.objects.filter(pk=team.pk)
        added = sum(before is None for before in requested_before.values())
        if _requested(team).exists():
            counter.update(requested=F("requested") + added)
        else:
            counter.update(requested=added, requested_since=now)
        return Run.objects.filter(pk__in=requested_before).update(due_at=now, requested_at=now, version=version)


def _requested(team: Team) -> RunQuerySet:
    """Return the team's runs that were requested together with others and are not checked yet."""
    return Run.objects.filter(team=team, requested_at__isnull=False)
