"""Requests for a refresh by people: of one run, of many, and of a run that someone has open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from results import clock, queue
from results.models import ApiKey, Run, RunQuerySet, TeamVersion
from results.refresh import ask, claims, limits
from teams.models import Team

# So many runs are marked as wanted in one transaction.
REQUESTS_PER_TRANSACTION = 1000


def request_refresh(run: Run) -> bool:
    """Have this run asked now ("Refresh now"), before all others of its team, as soon as the key's limits allow.

    False when it is being asked already, was a moment ago, or must not be asked: it is archived, or there is no key
    that may be used. Raises QueueUnreachableError when no worker can be told; the run is asked once one can.
    """
    now = clock.now()
    unfinished = Run.objects.filter(team=run.team_id).unfinished()
    first = unfinished.order_by("due_at").values_list("due_at", flat=True).first() or now
    askable = Run.objects.current().filter(
        pk=run.pk, team__in=ApiKey.objects.filter(limits.calls_allowed(now)).values("team")
    )
    askable = askable.unleased(now).exclude(checked_at__range=(now - timedelta(seconds=2), now))
    if not askable.update(due_at=min(first - timedelta(microseconds=1), now)):
        return False
    unreachable: list[bool] = []
    # Of one call, so that the person does not wait for other runs too.
    if lease := claims.claim(run.team_id, max_calls=1):
        ask.enqueue_lease(lease, on_unreachable=lambda: unreachable.append(True))
    else:
        queue.enqueue("refresh_due", on_unreachable=lambda: unreachable.append(True))
    if unreachable:
        raise QueueUnreachableError
    return True


class QueueUnreachableError(Exception):
    """The broker cannot be reached, so no worker can be told; what was requested is in the database."""


def refresh_obstacle(team: Team, run: Run | None = None) -> str:
    """What keeps CAMB.AI from being asked for the team, or about the run, and the way out; empty: nothing."""
    if run is not None and run.archived_at:
        return _("An archived run is not asked about. Restore it first.")
    key = ApiKey.objects.filter(team=team).first()
    if key is None:
        return _("Nobody can be asked: this team has no CAMB.AI key yet.")
    return key.message if key.is_in_trouble else ""


def request_refresh_many(runs: RunQuerySet, team: Team) -> int:
    """Have all these runs of the team asked as soon as its key allows; returns how many.

    They are marked a portion at a time: no transaction lasts, and workers begin while the rest is being marked.
    """
    now, total = clock.now(), 0
    pks = list(runs.filter(team=team).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), REQUESTS_PER_TRANSACTION):
        total += _want(team, pks[start : start + REQUESTS_PER_TRANSACTION], now)
        if not start:
            queue.enqueue("refresh_due")
    return total


def _want(team: Team, pks: Sequence[int], now: datetime) -> int:
    with transaction.atomic():
        # Whoever stores answers locks runs by pk, then the pulse: in another order each would wait for the other.
        current = Run.objects.current().filter(pk__in=pks).select_for_update().order_by("pk")
        wanted_before = dict(current.values_list("pk", "requested_at"))
        version = TeamVersion.bump(team.pk)
        counter, more = (
            TeamVersion.objects.filter(pk=team.pk),
            sum(before is None for before in wanted_before.values()),
        )
        if _wanted(team).exists():
            counter.update(requested=F("requested") + more)
        else:
            counter.update(requested=more, requested_since=now)
        return Run.objects.filter(pk__in=wanted_before).update(due_at=now, requested_at=now, version=version)


def _wanted(team: Team) -> RunQuerySet:
    """The runs that were asked for among many, and are not checked yet."""
    return Run.objects.filter(team=team).exclude(requested_at=None)


@dataclass(frozen=True)
class RefreshProgress:
    """How far a request for many runs is: runs checked, of how many, and about how many seconds are left.

    Nobody can tell (None) before the first is checked, or while the key is paused.
    """

    checked: int
    total: int
    seconds_left: int | None


def refresh_progress(team: Team) -> RefreshProgress | None:
    """How far the runs that somebody asked for are; None when all of them are checked."""
    left = _wanted(team).count()
    if not left:
        return None
    counter = TeamVersion.objects.get(pk=team.pk)
    now = clock.now()
    total, since = max(counter.requested, left), counter.requested_since or now
    checked = total - left
    is_going_on = checked and ApiKey.objects.filter(limits.calls_allowed(now), team=team).exists()
    seconds_left = round((now - since).total_seconds() / checked * left) if is_going_on else None
    return RefreshProgress(checked, total, seconds_left)


def refresh_sooner(run: Run) -> None:
    """Somebody has the run open: an unfinished one is asked sooner, though not more often than is polite."""
    soon = clock.now() + timedelta(seconds=settings.REFRESH_WATCHED_SECONDS)
    Run.objects.filter(pk=run.pk, due_at__gt=soon, lease=None).update(due_at=soon)
