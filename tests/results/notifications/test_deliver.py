"""Webhooks are signed, tried again with the same id, and switched off; no receiver holds up another."""

import json
import socket
import time
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from results import clock as shared_clock
from results import tasks
from results.models import Delivery, Event, Message, Receiver
from results.notifications import channels, deliver, outbound, receivers, webhooks
from tests.factories import make_team

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_batch_is_one_signed_message_that_the_librarys_own_verifier_accepts(webhook, hooks, happen, tell):
    happen("ready", *(f"Film {number}" for number in range(30)))
    happen("failed", "Trailer")
    tell()
    [received] = hooks.received
    told = json.loads(received[1])
    assert (told["type"], told["data"]["counts"], len(told["data"]["events"])) == (
        "events", {"ready": 30, "failed": 1}, 31,
    )  # fmt: skip
    Webhook(webhook.plain_secret).verify(received[1].decode(), received[0])
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook.plain_secret).verify(received[1].decode() + " ", received[0])


def test_nothing_is_told_of_what_was_before_the_webhook(team, hooks, happen, tell):
    happen("ready", "Old")
    channels.add(team, Receiver.Way.WEBHOOK, "Late", hooks.url)
    tell()
    assert hooks.received == []


def test_a_failed_message_comes_again_with_the_same_id_and_later_ones_wait_for_it(webhook, hooks, happen, tell):
    hooks.answers += [500, 500]
    happen("ready", "One")
    tell()
    happen("ready", "Two")
    tell(after=300)
    tell(after=300)
    tell(after=300)
    ids = [headers["webhook-id"] for headers, _body in hooks.received]
    titles = [[event["title"] for event in json.loads(body)["data"]["events"]] for _headers, body in hooks.received]
    assert titles == [["One"], ["One"], ["One"], ["Two"]]
    assert (len(set(ids[:3])), ids[3] != ids[0]) == (1, True)


def test_after_eight_tries_within_28_hours_the_webhook_is_off_and_the_team_told(webhook, hooks, happen, tell):
    hooks.answers += [503] * 20
    happen("ready", "One")
    for pause in (timedelta(), *deliver.DELIVERY_BACKOFF):
        tell(after=pause / timedelta(seconds=1))
    webhook.refresh_from_db()
    assert (len(hooks.received), webhook.is_on, webhook.problem) == (
        8,
        False,
        "The channel answered with HTTP 503.",
    )
    assert timedelta(hours=27) < sum(deliver.DELIVERY_BACKOFF, timedelta()) <= timedelta(hours=28)
    assert Event.objects.get(kind="channel").detail == {
        "name": "Pipeline",
        "problem": "The channel answered with HTTP 503.",
    }


def test_a_receiver_that_is_gone_is_off_at_once(webhook, hooks, happen, tell):
    hooks.answers.append(410)
    happen("ready", "One")
    tell()
    webhook.refresh_from_db()
    assert (webhook.is_on, Message.objects.get().state) == (False, "failed")


def test_a_redirect_is_not_followed(webhook, hooks, happen, tell):
    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", f"{hooks.url}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    hooks.answers.append(redirect)
    happen("ready", "One")
    tell()
    assert (len(hooks.received), Delivery.objects.get().http_status) == (1, 302)


def test_a_slow_answer_ends_at_the_deadline(webhook, hooks, happen, tell, monkeypatch):
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 0.5)

    def trickle(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(40):
            try:
                handler.wfile.write(b"X-Slow: 1\r\n")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    hooks.answers.append(trickle)
    happen("ready", "One")
    tell()
    assert "did not answer within" in Delivery.objects.get().problem


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "http://[::1]:9/", "http://169.254.169.254/x"])
def test_an_address_in_our_own_network_is_refused(team, happen, tell, address):
    channels.add(team, Receiver.Way.WEBHOOK, "Inside", address)
    happen("ready", "One")
    tell()
    assert "not on the public internet" in Delivery.objects.get().problem


def test_a_receiver_that_fails_holds_up_no_other(webhook, hooks, happen, tell):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    dead, _secret = channels.add(webhook.team, Receiver.Way.WEBHOOK, "Dead", f"http://127.0.0.1:{port}/")
    happen("ready", "One")
    tell()
    dead.refresh_from_db()
    assert (len(hooks.received), dead.problem != "", dead.due_at is not None) == (1, True, True)


def test_emails_that_wait_longer_leave_room_for_channels(webhook):
    now = shared_clock.now()
    for _ in range(6):
        receivers.send_test(Receiver.objects.create(team=webhook.team, way="email"))
    Receiver.objects.filter(way="email").update(due_at=now - timedelta(minutes=1))
    assert len(deliver.claim_due()) == 2
    Receiver.objects.filter(pk=webhook.pk).update(due_at=now)
    [_lease] = deliver.claim_due()
    assert set(Receiver.objects.leased(now).values_list("way", flat=True)) == {"email", "webhook"}
    assert deliver.claim_due() == []


def test_a_receiver_with_many_messages_takes_turns_with_those_that_wait(webhook, hooks, enqueued, monkeypatch):
    monkeypatch.setattr(deliver, "MAX_DELIVERIES", 1)
    monkeypatch.setattr(deliver, "MAX_SECONDS", 0.0)
    other, _secret = channels.add(webhook.team, Receiver.Way.WEBHOOK, "Other", f"{hooks.url}/other")
    for _ in range(3):
        receivers.send_test(webhook)
    receivers.send_test(other)
    deliver.enqueue_due()
    turns = []
    for _ in range(4):
        _task, lease = enqueued[-1]
        turns.append(Receiver.objects.get(lease=lease).name)
        deliver.deliver(lease)
    assert turns == ["Pipeline", "Other", "Pipeline", "Pipeline"]


@pytest.mark.usefixtures("_broker_is_away")
def test_while_the_broker_is_away_no_receiver_stays_leased(webhook):
    receivers.send_test(webhook)
    deliver.enqueue_due()
    webhook.refresh_from_db()
    assert (webhook.lease, webhook.due_at is not None) == (None, True)


def test_while_a_secret_rotates_both_sign(webhook, hooks, happen, tell):
    new = channels.rotate_secret(webhook)
    happen("ready", "One")
    tell()
    headers, body = hooks.received[0]
    for secret in (webhook.plain_secret, new):
        Webhook(secret).verify(body.decode(), headers)
    happen("ready", "Two")
    tell(after=webhooks.ROTATION / timedelta(seconds=1))
    assert len(hooks.received[1][0]["webhook-signature"].split()) == 1


def test_after_the_clock_is_set_back_days_messages_are_sent_again(webhook, hooks, happen, tell, clock):
    hooks.answers += [500]
    happen("ready", "One")
    tell()
    days = timedelta(days=2)
    Message.objects.update(due_at=shared_clock.now() + days)
    Receiver.objects.update(due_at=shared_clock.now() + days, daily_at=shared_clock.now() + days)
    assert deliver.claim_due() == []
    tasks.recover_from_clock_change()
    for lease in deliver.claim_due():
        deliver.deliver(str(lease))
    assert (len(hooks.received), Message.objects.get().state) == (2, "sent")
    assert not Receiver.objects.filter(daily_at__gt=shared_clock.now()).exists()


def test_after_the_clock_is_set_back_a_day_the_events_of_that_day_are_told_soon(webhook, hooks, happen, tell):
    happen("ready", "One")
    day = timedelta(days=1)
    Event.objects.update(created_at=shared_clock.now() + day)
    Receiver.objects.update(told_at=shared_clock.now() + day)
    tasks.recover_from_clock_change()
    tell(after=300)
    assert len(hooks.received) == 1


def test_recovering_from_a_clock_change_leaves_the_longest_waits_of_messages_alone(webhook, hooks, happen, tell):
    hooks.answers += [500]
    happen("ready", "One")
    tell()
    later, tomorrow = shared_clock.now() + max(deliver.DELIVERY_BACKOFF), shared_clock.now() + timedelta(days=1)
    Message.objects.update(due_at=later)
    Receiver.objects.update(due_at=later, daily_at=tomorrow)
    tasks.recover_from_clock_change()
    assert set(Receiver.objects.values_list("due_at", "daily_at")) == {(later, tomorrow)}
    assert Message.objects.get().due_at == later


def test_a_message_that_a_dead_worker_held_is_sent_again_after_the_lease(webhook, hooks, happen, tell, clock):
    happen("ready", "One")
    tell()
    Message.objects.update(state="open", tries=0)
    Receiver.objects.filter(pk=webhook.pk).update(due_at=shared_clock.now())
    [_lost] = deliver.claim_due()
    assert deliver.claim_due() == []
    clock(Receiver.LEASE / timedelta(seconds=1) + 1)
    [lease] = deliver.claim_due()
    deliver.deliver(str(lease))
    deliver.deliver(str(lease))
    first, second = (headers["webhook-id"] for headers, _body in hooks.received)
    assert first == second


def test_a_removed_or_archived_run_is_not_told(webhook, hooks, happen, tell):
    removed, archived, _current = happen("ready", "Removed", "Archived", "Current")
    removed.run.delete()
    archived.run.archived_at = shared_clock.now()
    archived.run.save()
    tell()
    assert [event["title"] for event in json.loads(hooks.received[0][1])["data"]["events"]] == ["Current"]


def test_a_test_message_is_sent_although_another_fails(webhook, hooks, happen, tell):
    hooks.answers.append(500)
    happen("ready", "One")
    tell()
    receivers.send_test(webhook)
    for lease in deliver.claim_due():
        deliver.deliver(str(lease))
    assert [json.loads(body)["type"] for _headers, body in hooks.received] == ["events", "test"]


def test_a_message_that_is_sent_again_has_its_id(webhook, hooks, happen, tell):
    happen("ready", "One")
    tell()
    channels.send_again(Message.objects.select_related("receiver").get())
    for lease in deliver.claim_due():
        deliver.deliver(str(lease))
    assert len({headers["webhook-id"] for headers, _body in hooks.received}) == 1 < len(hooks.received)


def test_a_team_is_not_told_of_another(webhook, hooks, tell):
    other = make_team()
    Event.objects.create(team=other, kind="away", detail={"state": "unavailable"})
    tell()
    assert hooks.received == []
