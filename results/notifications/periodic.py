"""What is done now and then: the weekly summary, and the removal of old events, messages and lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from results import clock
from results.models import Event, InboxItem, Message, TeamVersion
from teams.models import Team

EVENT_LIFETIME = timedelta(days=90)
LOG_LIFETIME = timedelta(days=30)
WEEK = timedelta(days=7)
# The hour (UTC) on Monday from which weekly summaries are written.
WEEKLY_HOUR = 5
ROWS_PER_DELETE = 1000

Kind = Event.Kind


def write_weekly() -> None:
    """Write the weekly summary of each team in which something happened, once a week, from Monday morning on."""
    now = clock.now()
    monday = _monday(now)
    if now < monday:
        return
    recent = Event.objects.filter(created_at__gte=monday - WEEK)
    newest = recent.filter(kind=Kind.WEEKLY).values("team").annotate(at=Max("created_at"))
    told = {row["team"] for row in newest if row["at"] >= monday}
    of_week = recent.filter(created_at__lt=monday).exclude(kind=Kind.WEEKLY)
    for team_id in of_week.order_by().values_list("team", flat=True).distinct():
        if team_id not in told:
            counts = dict(of_week.filter(team=team_id).order_by().values_list("kind").annotate(Count("pk")))
            _write_weekly(team_id, counts, monday)


def _monday(now: datetime) -> datetime:
    day = now.astimezone(UTC).replace(hour=WEEKLY_HOUR, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _write_weekly(team_id: int, counts: dict[str, int], monday: datetime) -> None:
    with transaction.atomic():
        # Two workers may come here at once: the team's row lets one pass after the other.
        if Team.objects.select_for_update(no_key=True).filter(pk=team_id).first() is None:
            return
        if not Event.objects.filter(team=team_id, kind=Kind.WEEKLY, created_at__gte=monday).exists():
            TeamVersion.bump(team_id)
            Event.objects.create(team_id=team_id, kind=Kind.WEEKLY, detail={"counts": counts})


def delete_old() -> None:
    """Delete old events, lines of inboxes and messages with their log, in short transactions."""
    now = clock.now()
    _delete(Event.objects.filter(created_at__lt=now - EVENT_LIFETIME))
    _delete(InboxItem.objects.filter(created_at__lt=now - EVENT_LIFETIME))
    _delete(Message.objects.filter(created_at__lt=now - LOG_LIFETIME).exclude(state=Message.Progress.OPEN))


def _delete(old: QuerySet[Any]) -> None:
    while pks := list(old.values_list("pk", flat=True)[:ROWS_PER_DELETE]):
        old.filter(pk__in=pks).delete()
