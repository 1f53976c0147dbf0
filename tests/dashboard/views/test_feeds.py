"""Atom feeds: opened by their token, about a saved view, until their person leaves."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from django.utils import timezone

from results.models import Event
from results.notifications import feeds
from results.runs import views
from tests.factories import make_member, make_ready_run

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def subscriber(team):
    return team.memberships.get(user=make_member(team))


def entry_titles(client, token: str) -> list[str]:
    answer = client.get(reverse("feeds-atom", args=[token]))
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    return [entry.findtext(f"{ATOM}title") for entry in ET.fromstring(answer.content).iter(f"{ATOM}entry")]


def test_a_feed_of_a_view_shows_its_runs_alone(client, team, subscriber):
    view = views.save_view(subscriber, "Films", "?q=film", is_shared=False, is_default=False)
    for title in ("Film <1>", "Trailer"):
        Event.objects.create(team=team, kind="ready", run=make_ready_run(team, title=title))
    assert entry_titles(client, feeds.add(subscriber, view)) == ["Film <1>: Ready"]
    assert len(entry_titles(client, feeds.add(subscriber, None))) == 2


def test_a_feed_ends_when_its_person_leaves_or_removes_it(client, team, subscriber):
    tokens = [feeds.add(subscriber, None) for _ in range(2)]
    client.force_login(subscriber.user)
    client.post(reverse("feeds-remove", args=[team.slug, feeds.own(subscriber).first().pk]))
    address = [reverse("feeds-atom", args=[token]) for token in tokens]
    assert [client.get(one).status_code for one in address] == [404, 200]
    subscriber.remove()
    assert client.get(address[1]).status_code == 404


def test_a_feed_rests_while_its_team_is_in_the_trash(client, team, subscriber):
    address = reverse("feeds-atom", args=[feeds.add(subscriber, None)])
    type(team).objects.filter(pk=team.pk).update(removed_at=timezone.now())
    assert client.get(address).status_code == 404
    type(team).objects.filter(pk=team.pk).update(removed_at=None)
    assert client.get(address).status_code == 200


def test_a_feed_needs_the_second_step_that_its_team_requires(client, team, subscriber):
    address = reverse("feeds-atom", args=[feeds.add(subscriber, None)])
    type(team).objects.filter(pk=team.pk).update(requires_second_step=True)
    assert client.get(address).status_code == 404
    Authenticator.objects.create(user=subscriber.user, type=Authenticator.Type.TOTP, data={})
    assert client.get(address).status_code == 200


def test_the_address_is_shown_once(client, team, subscriber):
    client.force_login(subscriber.user)
    page = reverse("feeds", args=[team.slug])
    added = client.post(page).content.decode()
    token = added.partition("/feeds/")[2].partition("/")[0]
    assert ("/feeds/" in added, "shown only once" in client.get(page).content.decode(), len(token) > 0) == (
        True,
        False,
        True,
    )


def test_a_view_that_is_private_again_shows_nothing(client, team, subscriber):
    owner = team.memberships.exclude(pk=subscriber.pk).get()
    view = views.save_view(owner, "All of them", "", is_shared=True, is_default=False)
    Event.objects.create(team=team, kind="ready", run=make_ready_run(team))
    token = feeds.add(subscriber, view)
    assert len(entry_titles(client, token)) == 1
    type(view).objects.filter(pk=view.pk).update(is_shared=False)
    assert entry_titles(client, token) == []


def test_a_title_that_xml_cannot_hold_leaves_a_feed_readable(client, team, subscriber):
    type(team).objects.filter(pk=team.pk).update(name="Dub\x1b")
    run = make_ready_run(team, title="Film\x0b <1>\ufffe")
    Event.objects.create(team=team, kind="ready", run=run)
    Event.objects.create(team=team, kind="failed", run=make_ready_run(team, title="x", reason="odd\x02"))
    view = views.save_view(subscriber, "All\x07", "", is_shared=False, is_default=False)
    for token in (feeds.add(subscriber, None), feeds.add(subscriber, view)):
        assert entry_titles(client, token)[1] == "Film� <1>�: Ready"


@pytest.mark.parametrize(("zone", "is_there"), [("Asia/Tokyo", True), ("UTC", False)])
def test_the_days_of_a_view_are_those_of_its_person(client, team, subscriber, zone, is_there):
    type(subscriber.user).objects.filter(pk=subscriber.user_id).update(time_zone=zone)
    view = views.save_view(subscriber, "June", "?since=2026-06-01", is_shared=False, is_default=False)
    run = make_ready_run(team, created_at=datetime(2026, 5, 31, 20, tzinfo=UTC))
    Event.objects.create(team=team, kind="ready", run=run)
    assert (entry_titles(client, feeds.add(subscriber, view)) != []) == is_there
