"""The weekly summary is written once a week and team, and what is old is deleted."""

from datetime import UTC, datetime, timedelta

import pytest

from results import clock as shared_clock
from results.models import Event, InboxItem, Message
from results.notifications import periodic, sentences
from tests.factories import make_team

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch):
    """Set the time."""
    return lambda now: monkeypatch.setattr(shared_clock, "now", lambda: now)


def weekly() -> list[Event]:
    return list(Event.objects.filter(kind="weekly"))


def test_a_week_is_summed_up_once_for_each_team_in_which_something_happened(happen, team, at):
    make_team()
    happen("ready", "One", "Two")
    happen("failed", "Three")
    Event.objects.update(created_at=MONDAY - timedelta(days=3))
    for now in (MONDAY, MONDAY + timedelta(hours=1), MONDAY + timedelta(days=6)):
        at(now)
        periodic.write_weekly()
        Event.objects.filter(kind="weekly").update(created_at=MONDAY)
    [event] = weekly()
    assert (event.team, event.detail) == (team, {"counts": {"ready": 2, "failed": 1}})
    assert sentences.sentence(event) == "In the last seven days: 2 runs are ready, 1 run failed"


def test_before_monday_morning_nothing_is_summed_up(happen, at):
    happen("ready", "One")
    Event.objects.update(created_at=MONDAY - timedelta(days=3))
    at(MONDAY - timedelta(hours=3))
    periodic.write_weekly()
    assert weekly() == []


def test_old_events_lines_and_messages_are_deleted(happen, team, webhook, at):
    [event] = happen("ready", "One")
    InboxItem.objects.create(
        membership=team.memberships.get(), kind="ready", first=event.pk, last=event.pk, count=1
    )
    Message.objects.create(receiver=webhook, state="sent")
    still_open = Message.objects.create(receiver=webhook)
    at(shared_clock.now() + periodic.EVENT_LIFETIME + timedelta(days=1))
    periodic.delete_old()
    assert (Event.objects.count(), InboxItem.objects.count(), list(Message.objects.all())) == (0, 0, [still_open])
