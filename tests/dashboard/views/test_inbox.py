"""The inbox: lines by kind, unread counts on every page and in polls, and marking as read."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from results import clock
from results.models import Event, InboxItem, Receiver, SavedSearch
from results.notifications import collect, receivers
from teams.models import Membership
from tests.dashboard.page_helpers import shown
from tests.factories import make_member, make_ready_run, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def fill_inbox(team, settings):
    """Write an event of this kind about a run of each title, and have the inboxes filled."""
    settings.NOTIFY_QUIET_SECONDS = 0
    collect.collect()

    def tell(kind: str, *titles: str, **fields) -> None:
        for title in titles:
            Event.objects.create(team=team, kind=kind, run=make_ready_run(team, title=title), **fields)
        Receiver.objects.update(told_at=None)
        collect.collect()

    return tell


def inbox_html(client, team, **query) -> str:
    return client.get(reverse("inbox", args=[team.slug]), query).content.decode()


def test_a_batch_is_one_line_that_leads_to_exactly_its_runs(client, team, fill_inbox):
    client.force_login(team.memberships.get().user)
    make_ready_run(team, title="Another")
    fill_inbox("ready", "One", "Two", "Three", "Four")
    item = InboxItem.objects.get()
    text = inbox_html(client, team)
    assert ("4 runs are ready" in text, "and 1 more" in text) == (True, True)
    listed = client.get(reverse("runs-list", args=[team.slug]), {"events": f"{item.first}-{item.last}-ready"})
    about = Event.objects.order_by("-pk").values_list("run", flat=True)
    assert shown(listed) == list(about)


def test_of_one_batch_failures_are_on_top(client, team):
    collect.collect()
    client.force_login(team.memberships.get().user)
    for kind in ("failed", "ready", "away"):
        Event.objects.create(team=team, kind=kind, run=make_ready_run(team) if kind != "away" else None)
    collect.collect()
    kinds = InboxItem.objects.order_by("-pk").values_list("kind", flat=True)
    assert list(kinds) == ["away", "failed", "ready"]


def test_every_page_and_the_lists_poll_show_how_many_lines_are_unread(client, team, fill_inbox):
    client.force_login(team.memberships.get().user)
    fill_inbox("ready", "One")
    fill_inbox("failed", "Two")
    listed = client.get(reverse("runs-list", args=[team.slug])).content.decode()
    poll = client.get(reverse("runs-list-poll", args=[team.slug])).content.decode()
    assert ("<title>(2) " in listed, 'data-count="2"' in listed, 'data-count="2"' in poll) == (True, True, True)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("ready", "2 runs are ready"), ("key", "CAMB.AI refused the key."), ("weekly", "Weekly summary")],
)
def test_a_poll_says_what_the_newest_line_does(client, team, fill_inbox, kind, said):
    client.force_login(team.memberships.get().user)
    fill_inbox(kind, "One", "Two", detail={"message": "CAMB.AI refused the key.", "state": "refused"})
    if kind == "weekly":
        Event.objects.all().delete()  # as after its time
    poll = client.get(reverse("inbox-poll", args=[team.slug])).content.decode()
    assert f'data-text="{said}"' in poll


@pytest.mark.parametrize(("unread", "said"), [(99, "99"), (100, "99+"), (300, "99+")])
def test_more_unread_lines_than_are_counted_are_said_to_be_more(client, team, unread, said):
    member = team.memberships.get()
    client.force_login(member.user)
    InboxItem.objects.bulk_create(
        InboxItem(membership=member, kind="ready", first=1, last=1, count=1) for _ in range(unread)
    )
    page = inbox_html(client, team)
    badge = re.findall(r'data-count="([^"]*)"[^>]*>([^<]*)<span class="visually-hidden"> unread<', page)
    assert (badge, f"<title>({said}) Inbox" in page) == ([(said, said)], True)


def test_a_poll_says_whether_it_is_in_the_persons_quiet_hours(client, team, fill_inbox):
    member = team.memberships.get()
    client.force_login(member.user)
    fill_inbox("ready", "One")
    address, hour = reverse("inbox-poll", args=[team.slug]), clock.now().astimezone(member.user.zone).hour
    email = receivers.email_of(member)
    told = []
    for begin in (hour, hour + 2):
        email.quiet_from, email.quiet_until = begin % 24, (begin + 2) % 24
        email.save()
        told.append("data-quiet" in client.get(address).content.decode())
    assert told == [True, False]


def test_lines_are_marked_as_read_one_by_one_or_all_and_only_ones_own(client, team, fill_inbox):
    other = make_member(team, Membership.Role.VIEWER)
    fill_inbox("ready", "One")
    fill_inbox("failed", "Two")
    client.force_login(other)
    mine = InboxItem.objects.filter(membership__user=other)
    address = reverse("inbox-read", args=[team.slug])
    client.post(address, {"pk": mine.first().pk})
    assert mine.filter(read_at=None).count() == 1
    client.post(address, {"pk": [item.pk for item in InboxItem.objects.exclude(membership__user=other)]})
    client.post(address, {"all": "yes"})
    assert (mine.filter(read_at=None).count(), InboxItem.objects.filter(read_at=None).count()) == (0, 2)


def test_a_change_leads_to_its_second(client, team, fill_inbox):
    client.force_login(team.memberships.get().user)
    fill_inbox(
        "changed",
        "One",
        language="es-es",
        at_ms=83_000,
        detail={"added": 1, "removed": 1, "before": "a", "after": "b"},
    )
    run = Event.objects.get().run
    text = inbox_html(client, team)
    assert f'href="{reverse("runs-detail", args=[run.pk])}?dub=es-es&amp;t=1%3A23"' in text
    assert "“a” became “b”" in text


def test_the_kind_narrows_the_lines(client, team, fill_inbox):
    client.force_login(team.memberships.get().user)
    fill_inbox("ready", "One")
    fill_inbox("failed", "Two")
    text = inbox_html(client, team, kind="failed")
    assert ("1 run failed" in text, "1 run is ready" in text) == (True, False)


def test_what_saved_searches_found_leads_to_the_search_and_no_list_says_which_runs(client, team, fill_inbox):
    owner, other = team.memberships.get().user, make_member(team)
    mine = SavedSearch.objects.create(team=team, owner=owner, q="harbour lights")
    fill_inbox("found", "One", "Two", saved_search=mine)
    client.force_login(owner)
    assert f"{reverse('search', args=[team.slug])}?q=harbour+lights" in inbox_html(client, team)
    make_ready_run(team, title="Another")
    client.force_login(other)
    assert "harbour" not in inbox_html(client, team)
    found = Event.objects.order_by("pk").values_list("pk", flat=True)
    for events in (f"{found[0]}-{found[0]}-found", f"{found[0]}-{found[0]}"):
        listed = client.get(reverse("runs-list", args=[team.slug]), {"events": events})
        assert len(shown(listed)) in (0, 3)  # none of them, or the filter is off


def test_a_run_that_was_removed_is_not_named(client, team, fill_inbox):
    client.force_login(team.memberships.get().user)
    fill_inbox("ready", "Secret film")
    Event.objects.get().run.delete()
    assert "Secret film" not in inbox_html(client, team)


def test_a_new_member_is_not_told_of_what_was_before(client, team, fill_inbox):
    fill_inbox("ready", "One")
    late = make_member(team)
    fill_inbox("failed", "Two")
    assert [item.kind for item in InboxItem.objects.filter(membership__user=late)] == ["failed"]


def test_leaving_the_team_ends_it_all(team, fill_inbox):
    member = make_member(team)
    fill_inbox("ready", "One")
    team.memberships.get(user=member).remove()
    fill_inbox("failed", "Two")
    assert InboxItem.objects.filter(membership__user=member).count() == 0


def test_the_number_of_queries_does_not_grow_with_the_lines(client, team, fill_inbox):
    client.force_login(team.memberships.get().user)
    counts = []
    fill_inbox("ready", "One")
    for _ in range(2):
        inbox_html(client, team)
        with CaptureQueriesContext(connection) as queries:
            inbox_html(client, team)
        counts.append(len(queries))
        for number in range(5):
            fill_inbox("ready", f"Film {number}")
    assert counts[0] == counts[1]


def test_another_teams_events_show_nowhere(client, team, fill_inbox):
    other = make_team()
    fill_inbox("ready", "Foreign film")
    client.force_login(other.memberships.get().user)
    assert "Foreign film" not in inbox_html(client, other)
