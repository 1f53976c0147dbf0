"""A channel has the times of a person: now, once a day or never, and quiet hours by a clock of its own."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from results import clock as shared_clock
from results.models import Receiver
from results.notifications import collect, receivers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def digest(webhook) -> Receiver:
    """The webhook, told of ready runs once a day."""
    webhook.kinds = {"ready": Receiver.DAILY}
    receivers.go_on(webhook, ())
    webhook.save()
    return webhook


def told_titles(hooks) -> list[list[str]]:
    return [[event["title"] for event in json.loads(body)["data"]["events"]] for _headers, body in hooks.received]


def test_a_daily_digest_of_a_channel_is_one_message_of_the_whole_day(digest, hooks, happen, tell):
    happen("ready", "One")
    happen("failed", "Never told")
    tell()
    happen("ready", "Two")
    tell()
    assert hooks.received == []
    tell(after=24 * 3600)
    tell()
    assert told_titles(hooks) == [["One", "Two"]]


def test_a_digest_of_more_than_a_message_lists_takes_several(digest, hooks, happen, tell, monkeypatch):
    monkeypatch.setattr(collect, "MAX_LISTED", 2)
    happen("ready", "One", "Two", "Three", "Four", "Five")
    tell(after=24 * 3600)
    for _ in range(4):
        tell()
    assert told_titles(hooks) == [["One", "Two"], ["Three", "Four"], ["Five"]]
    digest.refresh_from_db()
    assert digest.daily_at > shared_clock.now()


def test_two_workers_that_collect_a_cut_digest_at_once_write_one_message(digest, happen, clock, monkeypatch):
    monkeypatch.setattr(collect, "MAX_LISTED", 1)
    happen("ready", "One", "Two")
    clock(24 * 3600)
    late = Receiver.objects.get(pk=digest.pk)
    collect._notify_daily(late, shared_clock.now())
    collect._notify_daily(late, shared_clock.now())
    assert digest.messages.count() == 1


def test_quiet_hours_of_a_channel_keep_its_messages_back_until_they_end(webhook, hooks, happen, tell):
    hour = shared_clock.now().astimezone(webhook.zone).hour
    Receiver.objects.filter(pk=webhook.pk).update(quiet_from=hour, quiet_until=(hour + 2) % 24)
    happen("ready", "One")
    tell()
    assert hooks.received == []
    tell(after=2 * 3600)
    assert told_titles(hooks) == [["One"]]


@pytest.mark.parametrize(("zone", "hour"), [("", 8), ("Asia/Kathmandu", 2), ("America/New_York", 13)])
def test_a_channel_has_a_clock_of_its_own(digest, zone, hour):
    digest.time_zone, digest.quiet_from, digest.quiet_until = zone, 8, 9
    now = datetime(2026, 1, 7, tzinfo=UTC)
    due = receivers.next_digest(digest, now)
    assert due is not None
    assert (due.astimezone(UTC).hour, due - now < timedelta(days=1)) == (hour, True)
    assert [receivers.is_quiet(digest, due + timedelta(hours=late)) for late in (-1, 0, 1)] == [False, True, False]
