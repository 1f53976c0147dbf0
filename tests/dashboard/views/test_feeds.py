"""Atom feeds: opened by their token, about a saved view, until their person leaves."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from django.utils import timezone

from results.models import Event
from results.notifications import feeds
from results.runs import saved_views
from tests.dashboard.page_helpers import signed_in, text_of
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
    view = saved_views.save_view(subscriber, "Films", "?q=film", is_shared=False, is_default=False)
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
    client = signed_in(subscriber.user, is_confirmed=True)
    page = reverse("feeds", args=[team.slug])
    added = client.post(page).content.decode()
    token = added.partition("/feeds/")[2].partition("/")[0]
    assert ("/feeds/" in added, "shown only once" in client.get(page).content.decode(), len(token) > 0) == (
        True,
        False,
        True,
    )


def test_a_feed_is_added_once_its_person_has_confirmed_who_they_are(client, team, subscriber):
    client.force_login(subscriber.user)
    asked = client.post(reverse("feeds", args=[team.slug]))
    assert asked.url.startswith(reverse("account_reauthenticate"))
    assert not feeds.own(subscriber).exists()


def test_a_new_password_ends_the_feeds_of_its_person_alone(client, team, subscriber):
    other = team.memberships.exclude(pk=subscriber.pk).get()
    addresses = [reverse("feeds-atom", args=[feeds.add(member, None)]) for member in (subscriber, other)]
    subscriber.user.save()
    assert [client.get(address).status_code for address in addresses] == [200, 200]
    subscriber.user.set_password("seven grey herons")
    subscriber.user.save(update_fields=["password"])
    assert [client.get(address).status_code for address in addresses] == [404, 200]


def test_the_feeds_of_a_person_are_listed_beside_their_tokens(client, team, subscriber):
    other = team.memberships.exclude(pk=subscriber.pk).get()
    own, foreign = feeds.add(subscriber, None), feeds.add(other, None)
    client.force_login(subscriber.user)
    page = text_of(client.get(reverse("profile-tokens")))
    assert (f"…{own[-4:]}" in page, f"…{foreign[-4:]}" in page) == (True, False)


def test_a_view_that_is_private_again_shows_nothing(client, team, subscriber):
    owner = team.memberships.exclude(pk=subscriber.pk).get()
    view = saved_views.save_view(owner, "All of them", "", is_shared=True, is_default=False)
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
    view = saved_views.save_view(subscriber, "All\x07", "", is_shared=False, is_default=False)
    for token in (feeds.add(subscriber, None), feeds.add(subscriber, view)):
        assert entry_titles(client, token)[1] == "Film� <1>�: Ready"


@pytest.mark.parametrize(("zone", "is_there"), [("Asia/Tokyo", True), ("UTC", False)])
def test_the_days_of_a_view_are_those_of_its_person(client, team, subscriber, zone, is_there):
    type(subscriber.user).objects.filter(pk=subscriber.user_id).update(time_zone=zone)
    view = saved_views.save_view(subscriber, "June", "?since=2026-06-01", is_shared=False, is_default=False)
    run = make_ready_run(team, created_at=datetime(2026, 5, 31, 20, tzinfo=UTC))
    Event.objects.create(team=team, kind="ready", run=run)
    assert (entry_titles(client, feeds.add(subscriber, view)) != []) == is_there


HOSTILE = '<script>alert(1)</script> & "<b>x</b>" &lt;i&gt;'


class _Elements(HTMLParser):
    """The elements and the text that a reader finds in HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)

    def handle_data(self, data):
        self.text += data


def shown_text(element: ET.Element) -> str:
    """Return the text that a reader shows for a text construct of Atom, which must have no element."""
    if element.get("type", "text") != "html":
        assert list(element) == []
        return element.text or ""
    parsed = _Elements(element.text or "")
    assert parsed.elements == []
    return parsed.text


def parsed_feed(client, token: str) -> ET.Element:
    return ET.fromstring(client.get(reverse("feeds-atom", args=[token])).content)


def test_hostile_text_is_text_in_a_reader(client, team, subscriber):
    type(team).objects.filter(pk=team.pk).update(name=HOSTILE)
    run = make_ready_run(team, title=HOSTILE)
    Event.objects.create(team=team, kind="failed", run=run, detail={"reason": HOSTILE})
    feed = parsed_feed(client, feeds.add(subscriber, None))
    entry = feed.find(f"{ATOM}entry")
    texts = [feed.find(f"{ATOM}title"), entry.find(f"{ATOM}title"), entry.find(f"{ATOM}summary")]
    assert [shown_text(each) for each in texts] == [HOSTILE, f"{HOSTILE}: Failed", HOSTILE]


@pytest.mark.parametrize("may_export", [True, False])
def test_a_line_of_a_transcript_is_for_those_who_may_export(client, team, subscriber, may_export):
    subscriber.set_export(is_allowed=may_export)
    detail = {"added": 1, "removed": 1, "before": "The kettle is on.", "after": "It boils."}
    Event.objects.create(team=team, kind="changed", run=make_ready_run(team), language="en", detail=detail)
    answer = client.get(reverse("feeds-atom", args=[feeds.add(subscriber, None)])).content.decode()
    assert ("kettle" in answer, "1 line added, 1 removed" in answer) == (may_export, True)


def ids_in(feed: ET.Element) -> list[str]:
    return [each.text for each in feed.iter(f"{ATOM}id")]


def test_ids_are_unique_and_stay_when_the_address_changes(client, team, subscriber, settings):
    Event.objects.create(team=team, kind="ready", run=make_ready_run(team))
    one, other = (feeds.add(subscriber, None) for _ in range(2))
    first = ids_in(parsed_feed(client, one))
    assert all(each.startswith("urn:uuid:") for each in first)
    assert len({*first, *ids_in(parsed_feed(client, other))}) == 4
    settings.SITE_URL = "https://dub.elsewhere.example"
    type(team).objects.filter(pk=team.pk).update(slug="renamed")
    assert ids_in(parsed_feed(client, one)) == first


def test_a_feed_has_an_author_and_an_empty_one_does_not_change(client, subscriber):
    address = reverse("feeds-atom", args=[feeds.add(subscriber, None)])
    first = client.get(address)
    feed = ET.fromstring(first.content)
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "Dub"
    updated = datetime.fromisoformat(feed.findtext(f"{ATOM}updated"))
    assert updated == feeds.own(subscriber).get().created_at
    same = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_reader_gets_every_event_of_the_day(client, team, subscriber, monkeypatch):
    monkeypatch.setattr(feeds, "ENTRIES", 2)
    now = timezone.now()
    runs = [make_ready_run(team, title=f"Film {number}") for number in range(5)]
    for run, age in zip(runs, (72, 48, 3, 2, 1), strict=True):
        Event.objects.create(team=team, kind="ready", run=run, created_at=now - timedelta(hours=age))
    token = feeds.add(subscriber, None)
    assert entry_titles(client, token) == ["Film 4: Ready", "Film 3: Ready", "Film 2: Ready"]
    Event.objects.update(created_at=now - timedelta(days=3))
    assert entry_titles(client, token) == ["Film 4: Ready", "Film 3: Ready"]
