"""What a person is told of: every role chooses for itself, and email begins from now on."""

from uuid import uuid4

import pytest
from django.urls import reverse

from dashboard.forms.notifications import PersonForm
from results.models import Event, Message, Receiver
from results.notifications import receivers
from teams.models import Membership
from tests.factories import make_member, make_ready_run, make_team

pytestmark = pytest.mark.django_db


def test_a_viewer_chooses_and_email_begins_now(client, team):
    viewer = make_member(team, Membership.Role.VIEWER)
    event = Event.objects.create(team=team, kind="ready", run=make_ready_run(team))
    client.force_login(viewer)
    address = reverse("notifications", args=[team.slug])
    chosen = {"inbox-failed": "on", "email-ready": "now", "email-weekly": "daily"}
    data = chosen | {"scope": "mine", "quiet_from": "22", "quiet_until": "7"}
    assert client.post(address, data).status_code == 302
    email, inbox = (Receiver.objects.get(membership__user=viewer, way=way) for way in ("email", "inbox"))
    assert (email.kinds, email.scope, email.quiet_from, email.quiet_until) == (
        {"ready": "now", "weekly": "daily"}, "mine", 22, 7,
    )  # fmt: skip
    assert (inbox.kinds, email.told_through, email.daily_at is not None) == ({"failed": "now"}, event.pk, True)
    assert 'value="22" selected' in client.get(address).content.decode()


def test_saving_again_leaves_the_place_among_the_events(client, team):
    member = team.memberships.get()
    client.force_login(member.user)
    address = reverse("notifications", args=[team.slug])
    client.post(address, {"email-ready": "now"})
    Event.objects.create(team=team, kind="ready", run=make_ready_run(team))
    client.post(address, {"email-ready": "now", "email-failed": "now"})
    assert receivers.email_of(member).told_through == 0


def test_an_email_that_does_not_arrive_is_shown_and_saving_switches_it_on_again(client, team):
    member = team.memberships.get()
    email = receivers.email_of(member)
    email.is_on, email.problem = False, "The mail server refused your address: 550 No such person"
    email.save()
    client.force_login(member.user)
    address = reverse("notifications", args=[team.slug])
    assert "550 No such person" in client.get(address).content.decode()
    client.post(address, {"email-ready": "now"})
    email.refresh_from_db()
    assert (email.is_on, email.problem) == (True, "")


def test_what_a_mail_server_said_is_shown_and_a_press_tries_again_in_all_teams(client, team, enqueued):
    viewer = make_member(team, Membership.Role.VIEWER)
    elsewhere = Membership.objects.create(team=make_team(), user=viewer, role=Membership.Role.VIEWER)
    for member in (Membership.objects.get(user=viewer, team=team), elsewhere):
        email = receivers.email_of(member)
        email.kinds, email.is_on, email.bounce = {"ready": "now"}, False, "550 <b>No such person</b>"
        email.save()
    client.force_login(viewer)
    address = reverse("notifications", args=[team.slug])
    page = client.get(address).content.decode()
    assert ("550 &lt;b&gt;No such person" in page, "Send a test" in page) == (True, True)
    page = client.post(reverse("notifications-retry", args=[team.slug]), follow=True).content.decode()
    assert (f"A test email is on its way to {viewer.email}" in page, "No such person" in page) == (True, False)
    assert list(Receiver.objects.filter(way="email").values_list("is_on", "bounce")) == [(True, "")] * 2
    assert (Message.objects.get().receiver.team, enqueued) == (team, [("notify",)])


def test_a_press_without_a_problem_sends_nothing(client, team, enqueued):
    client.force_login(team.memberships.get().user)
    assert client.post(reverse("notifications-retry", args=[team.slug])).status_code == 302
    assert (Message.objects.count(), enqueued) == (0, [])


def test_channels_that_are_switched_off_are_the_managers_business(client, team):
    client.force_login(make_member(team))
    page = client.get(reverse("notifications", args=[team.slug])).content.decode()
    assert "Channel switched off" not in page


def test_saving_keeps_what_a_worker_wrote_meanwhile(team):
    member = team.memberships.get()
    receivers.add_missing_inboxes()
    email = receivers.email_of(member)
    email.kinds = {"ready": "now"}
    email.save()
    form = PersonForm(member, {"inbox-ready": "on", "email-ready": "now"}, [])
    lease = uuid4()
    Receiver.objects.filter(membership=member).update(told_through=7, lease=lease)
    assert form.is_valid()
    form.save()
    stored = Receiver.objects.filter(membership=member).values_list("told_through", "lease")
    assert set(stored) == {(7, lease)}


def test_an_inbox_that_a_worker_creates_meanwhile_is_taken(team):
    member = team.memberships.get()
    Receiver.objects.filter(membership=member).delete()
    form = PersonForm(member, {"inbox-ready": "on"}, [])
    receivers.add_missing_inboxes()
    assert form.is_valid()
    form.save()
    assert Receiver.objects.get(membership=member, way="inbox").kinds == {"ready": "now"}
