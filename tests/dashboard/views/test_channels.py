"""Channels of a team: added, tested, switched and removed by those who manage it; secrets are shown once."""

import re

import pytest
from django.urls import reverse

from results.models import Delivery, Event, Message, Receiver
from results.notifications import channels, receivers
from results.runs import saved_views
from teams.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(team) -> Receiver:
    return channels.add(team, "webhook", "Pipeline", "https://hook.example/in?token=open-sesame")[0]


@pytest.fixture
def manager(client, team):
    client.force_login(team.memberships.get().user)
    return client


def test_a_webhooks_secret_is_shown_once_and_its_address_never(manager, team):
    address = reverse("channels", args=[team.slug])
    data = {"name": "Pipeline", "way": "webhook", "address": "https://hook.example/in?token=open-sesame"}
    added = manager.post(address, data)
    assert (added.status_code, "whsec_" in added.content.decode()) == (201, True)
    receiver = Receiver.objects.get(way="webhook")
    assert (receiver.address, "open-sesame" in receiver.sealed_address) == (data["address"], False)
    for page in (address, reverse("channels-detail", args=[team.slug, receiver.pk])):
        text = manager.get(page).content.decode()
        assert ("hook.example" in text, "open-sesame" in text, "whsec_" in text) == (True, False, False)


def test_an_address_that_is_none_is_refused_with_a_sentence(manager, team):
    for way, given in (("webhook", "ftp://hook.example/"), ("chat", "mailto://a:b@example.org")):
        answer = manager.post(reverse("channels", args=[team.slug]), {"name": "X", "way": way, "address": given})
        assert (answer.status_code, Receiver.objects.filter(name="X").count()) == (422, 0)


def test_a_test_is_sent_by_a_worker(manager, team, channel, enqueued):
    manager.post(reverse("channels-test", args=[team.slug, channel.pk]))
    assert (Message.objects.get().is_test, enqueued) == (True, [("notify",)])


def test_a_replaced_secret_is_shown_once(manager, team, channel):
    answer = manager.post(reverse("channels-rotate", args=[team.slug, channel.pk]))
    channel.refresh_from_db()
    assert ("whsec_" in answer.content.decode(), channel.sealed_old_secret != "") == (True, True)


def test_a_channel_that_is_switched_on_again_is_not_told_of_the_time_between(manager, team, channel):
    manager.post(reverse("channels-switch", args=[team.slug, channel.pk]), {"off": "yes"})
    event = Event.objects.create(team=team, kind="weekly", detail={})
    manager.post(reverse("channels-switch", args=[team.slug, channel.pk]))
    channel.refresh_from_db()
    assert (channel.is_on, channel.told_through) == (True, event.pk)


def test_the_log_shows_request_and_answer_and_sends_again(manager, team, channel, enqueued):
    message = Message.objects.create(receiver=channel, state="failed", tries=8)
    Delivery.objects.create(
        message=message, request="<b>sent</b>", answer="no", http_status=500, problem="HTTP 500."
    )
    text = manager.get(reverse("channels-detail", args=[team.slug, channel.pk])).content.decode()
    assert all(part in text for part in ("&lt;b&gt;sent&lt;/b&gt;", "HTTP 500", str(message)))
    manager.post(reverse("channels-resend", args=[team.slug, channel.pk, message.uid]))
    message.refresh_from_db()
    assert (message.state, message.is_extra, enqueued) == ("open", True, [("notify",)])


def test_the_log_is_polled_while_a_message_is_open_and_answered_once_it_changed(manager, team, channel):
    page, address = (reverse(f"channels-{name}", args=[team.slug, channel.pk]) for name in ("detail", "poll"))

    def version(html: str) -> str:
        [since] = re.findall(r"""data-poll .*hx-vals='{"since": "([^"]*)"}'""", html)
        return since

    assert "data-poll" not in manager.get(page).content.decode()
    message = Message.objects.create(receiver=channel, is_test=True)
    since = version(manager.get(page).content.decode())
    assert manager.get(address, {"since": since}).status_code == 204
    Delivery.objects.create(message=message, http_status=410, problem="Gone for good.")
    tried = manager.get(address, {"since": since}).content.decode()
    assert ("Gone for good." in tried, version(tried) == since) == (True, False)
    Message.objects.update(state="failed")
    Receiver.objects.filter(pk=channel.pk).update(is_on=False)
    ended = manager.get(address, {"since": version(tried)}).content.decode()
    assert all(part in ended for part in ("This channel is switched off", "Switch on", "Not delivered"))
    assert "data-poll" not in ended


def test_a_channel_is_told_of_chosen_kinds_at_chosen_times_and_of_a_shared_view_only(manager, team, channel):
    membership = team.memberships.get()
    view = saved_views.save_view(membership, "Failed ones", "?status=failed", is_shared=True, is_default=False)
    data = {"name": "Renamed", "kind-failed": "now", "kind-key": "daily", "scope": f"view-{view.pk}"}
    data |= {"quiet_from": "22", "quiet_until": "7", "time_zone": "Asia/Katmandu"}
    address = reverse("channels-detail", args=[team.slug, channel.pk])
    assert manager.post(address, data).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.kinds, channel.view) == ("Renamed", {"failed": "now", "key": "daily"}, view)
    assert (channel.quiet_from, channel.quiet_until, channel.zone.key) == (22, 7, "Asia/Kathmandu")
    assert channel.daily_at.astimezone(channel.zone).hour == receivers.DIGEST_HOUR
    page = manager.get(address).content.decode()
    assert ('value="22" selected' in page, 'value="Asia/Kathmandu" selected' in page) == (True, True)


def test_a_channel_has_the_time_zone_of_who_adds_it(manager, team):
    User.objects.update(time_zone="Asia/Kathmandu")
    data = {"name": "Pipeline", "way": "webhook", "address": "https://hook.example/"}
    manager.post(reverse("channels", args=[team.slug]), data)
    assert Receiver.objects.get(way="webhook").zone.key == "Asia/Kathmandu"


def test_saving_a_channel_leaves_its_place_and_a_digest_begins_from_now(manager, team, channel):
    channels.switch(channel, is_on=False)
    place = channel.told_through
    event = Event.objects.create(team=team, kind="weekly", detail={})
    data = {"name": "Pipeline", "kind-failed": "now", "kind-weekly": "daily", "scope": "all"}
    manager.post(reverse("channels-detail", args=[team.slug, channel.pk]), data)
    channel.refresh_from_db()
    assert (channel.told_through, channel.daily_through, channel.is_on) == (place, event.pk, False)


def test_a_team_has_a_limit_of_channels(manager, team, monkeypatch, channel):
    monkeypatch.setattr(channels, "MAX_CHANNELS", 1)
    data = {"name": "Two", "way": "webhook", "address": "https://hook.example/"}
    manager.post(reverse("channels", args=[team.slug]), data)
    assert channels.of_team(team.pk).count() == 1


def test_a_removed_channel_is_gone_with_its_log(manager, team, channel):
    Message.objects.create(receiver=channel)
    manager.post(reverse("channels-remove", args=[team.slug, channel.pk]))
    assert (channels.of_team(team.pk).count(), Message.objects.count()) == (0, 0)
