"""A batch is told once it is complete: after a pause, after five minutes, or at once when it cannot wait."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.pages.run_query import runs_of_view
from results import clock as shared_clock
from results.models import Event, InboxItem, Message, Receiver, Run
from results.notifications import channels, collect, receivers, summary

pytestmark = pytest.mark.django_db


@pytest.fixture
def go(clock, webhook):
    """Let this many seconds pass and look what is to be told; return how many messages there were so far."""

    def pass_time(seconds: float) -> int:
        clock(seconds)
        collect.collect()
        count = Message.objects.count()
        Message.objects.update(state="sent")
        return count

    return pass_time


def at_this_time(events) -> None:
    # The default of the field was bound before the test's clock; rows get its time here.
    Event.objects.filter(pk__in=[event.pk for event in events]).update(created_at=shared_clock.now())


def test_what_happens_in_quick_succession_is_one_message(happen, go):
    for number in range(4):
        at_this_time(happen("ready", f"Film {number}"))
        assert go(30) == 0
    assert go(60) == 1
    message = Message.objects.get()
    assert Event.objects.filter(pk__gte=message.first, pk__lte=message.last).count() == 4


def test_a_steady_trickle_is_told_every_five_minutes_and_not_each_time(happen, go):
    counts = []
    for number in range(20):
        at_this_time(happen("ready", f"Film {number}"))
        counts.append(go(90))
    # Half an hour: a message when the first batch ends, and then at most one in five minutes.
    assert 4 <= counts[-1] <= 7


def test_a_refused_key_is_told_at_once_with_what_waits(team, happen, go):
    at_this_time(happen("ready", "Film"))
    Event.objects.create(team=team, kind="key", detail={"state": "refused", "message": "The key was refused."})
    assert go(1) == 1


def test_a_batch_of_a_webhook_is_split_and_each_event_in_one_message(happen, go, monkeypatch):
    monkeypatch.setattr(collect, "MAX_LISTED", 3)
    at_this_time(happen("ready", *(f"Film {number}" for number in range(7))))
    for _ in range(3):
        go(400)
    told = [
        pk
        for message in Message.objects.order_by("pk")
        for pk in Event.objects.filter(pk__gte=message.first, pk__lte=message.last).values_list("pk", flat=True)
    ]
    assert (Message.objects.count(), told) == (3, list(Event.objects.order_by("pk").values_list("pk", flat=True)))


def test_within_a_batch_a_run_that_was_partly_ready_and_is_ready_counts_once(happen, go, team, hooks):
    channel, _ = channels.add(team, "chat", "Chat", "mmost://127.0.0.1:1/abcdefghijklmnop")
    both, other = happen("partly", "Both", "Other")
    done = Event.objects.create(team=team, kind="ready", run=both.run)
    at_this_time([both, other, done])
    go(400)
    message = Message.objects.get(receiver=channel)
    assert summary.summarise(message).title == "1 run is ready · 1 run is partly ready"
    [partly] = [section for section in summary.summarise(message).sections if section.kind == "partly"]
    assert [line.text for line in partly.groups[0].lines] == ["Other"]
    # The link of the inbox leads to this run alone, and a script gets each step.
    item = InboxItem.objects.get(kind="partly", membership=team.memberships.get())
    assert (item.count, InboxItem.objects.get(kind="ready").count) == (1, 1)
    listed = runs_of_view(Run.objects.filter(team=team), f"?events={item.first}-{item.last}-partly")
    assert list(listed) == [other.run]
    to_script = Message.objects.exclude(receiver=channel).get()
    assert summary.summarise(to_script).counts == {"partly": 2, "ready": 1}


def test_receivers_in_quiet_hours_cost_no_reading_of_events_and_hold_up_no_other(
    team, happen, go, webhook, monkeypatch
):
    hour, long_ago = shared_clock.now().hour, shared_clock.now() - timedelta(days=1)
    monkeypatch.setattr(collect, "MAX_RECEIVERS", 1)
    receivers.add_missing_inboxes()
    quiet = {"quiet_from": hour, "quiet_until": (hour + 2) % 24, "told_at": long_ago}
    Receiver.objects.update(**quiet)
    at_this_time(happen("ready", "Film"))
    with CaptureQueriesContext(connection) as queries:
        assert go(400) == 0
    assert not [query["sql"] for query in queries if "MIN(" in query["sql"]]
    Receiver.objects.filter(pk=webhook.pk).update(quiet_from=None, told_at=long_ago + timedelta(hours=1))
    assert go(0) == 1


def test_events_are_read_before_the_transaction_for_which_other_writers_wait(happen, go):
    at_this_time(happen("ready", "Film"))
    with CaptureQueriesContext(connection) as queries:
        assert go(400) == 1
    is_writing, written = False, 0
    for query in queries:
        if query["sql"].startswith(("SAVEPOINT", "RELEASE")):
            is_writing = query["sql"].startswith("SAVEPOINT")
        assert not (is_writing and 'FROM "results_event"' in query["sql"])
        written += is_writing and query["sql"].startswith("INSERT")
    assert written >= 2  # the message to the webhook, and a line of the owner's inbox


def test_events_that_are_deleted_while_they_are_collected_hold_up_no_other_team(happen, go, monkeypatch):
    at_this_time(happen("ready", "Film"))
    is_quiet = receivers.is_quiet

    def delete_first(receiver, now) -> bool:
        Event.objects.filter(team=receiver.team_id).delete()
        return is_quiet(receiver, now)

    monkeypatch.setattr(receivers, "is_quiet", delete_first)
    assert go(400) == 0


def test_two_workers_that_collect_at_once_write_one_message(happen, go, webhook, clock):
    at_this_time(happen("ready", "Film"))
    clock(timedelta(minutes=10) / timedelta(seconds=1))
    [late] = [receiver for receiver in collect._behind() if receiver.pk == webhook.pk]
    last = Event.objects.latest("pk").pk
    collect._notify_now(late, last, shared_clock.now())
    collect._notify_now(late, last, shared_clock.now())
    assert Message.objects.count() == 1


def test_a_digest_is_not_written_beside_a_message_that_another_worker_has_just_written(happen, go, webhook, clock):
    webhook.kinds = {"ready": Receiver.NOW, "failed": Receiver.DAILY}
    webhook.daily_at = shared_clock.now()
    webhook.save()
    at_this_time([*happen("failed", "Trailer"), *happen("ready", "Film")])
    clock(timedelta(minutes=10) / timedelta(seconds=1))
    [late] = [receiver for receiver in collect._behind() if receiver.pk == webhook.pk]
    collect.collect()
    assert [message.kinds for message in Message.objects.all()] == [["ready"]]
    # If the first message failed, the digest would overtake it.
    collect._notify_daily(late, shared_clock.now())
    assert Message.objects.count() == 1
    assert go(1) == 1
    assert go(1) == 2


def test_a_receiver_that_cannot_be_told_holds_up_no_other(team, happen, go, webhook, monkeypatch, caplog):
    events_for = receivers.events_for

    def fail_for_one(receiver, **places):
        if receiver.pk == webhook.pk:
            raise OverflowError
        return events_for(receiver, **places)

    monkeypatch.setattr(receivers, "events_for", fail_for_one)
    at_this_time(happen("ready", "Film"))
    go(400)
    assert InboxItem.objects.filter(membership=team.memberships.get()).count() == 1
    assert f"Receiver {webhook.pk} could not be notified" in caplog.text
