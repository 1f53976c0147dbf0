"""The API's events: in order, page by page, and only those that the token's person may see."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from results.models import Event, SavedSearch
from results.notifications import receivers
from teams.models import Membership
from tests.dashboard.api.test_api import script_of
from tests.factories import make_ready_run, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def events(team) -> list[Event]:
    return [
        Event.objects.create(team=team, kind="ready", run=make_ready_run(team, title=f"Film {number}"))
        for number in range(5)
    ]


def ids(page: dict) -> list[int]:
    return [event["id"] for event in page["events"]]


def test_a_script_that_asks_again_with_next_gets_each_event_once(team, events):
    script, seen, after = script_of(team), [], 0
    for _ in range(4):
        page = script.get("/events", after=after, limit=2).json()
        seen += ids(page)
        after = page["next"]
    assert (seen, after) == ([event.pk for event in events], events[-1].pk)


def test_without_a_cursor_a_script_begins_now(team, events):
    script = script_of(team)
    page = script.get("/events").json()
    assert page == {"events": [], "next": events[-1].pk}
    Event.objects.create(team=team, kind="away", detail={"state": "unavailable", "message": "HTTP 503."})
    [event] = script.get("/events", after=page["next"]).json()["events"]
    assert (event["kind"], event["run"], "HTTP 503." in event["text"]) == ("away", None, True)


def test_an_id_that_the_team_has_not_reached_counts_as_the_beginning(team, events):
    script, newest = script_of(team), events[-1].pk
    page = script.get("/events", after=newest + 100).json()
    assert (ids(page), page["next"]) == ([event.pk for event in events], newest)


def test_a_script_goes_on_after_the_newest_event_was_deleted_with_its_run(team, events):
    receiver = receivers.inbox_of(team.memberships.get())
    receiver.told_through = newest = events[-1].pk
    receiver.save()
    events[-1].run.delete()
    page = script_of(team).get("/events", after=newest).json()
    assert page == {"events": [], "next": newest}


def test_events_of_others_and_of_runs_that_are_gone_are_not_listed(team, events):
    Event.objects.create(team=make_team(), kind="weekly", detail={"counts": {}})
    private = SavedSearch.objects.create(team=team, owner=team.memberships.get().user, q="secret")
    Event.objects.create(team=team, kind="found", run=events[0].run, saved_search=private, detail={"count": 1})
    Event.objects.create(team=team, kind="channel", detail={"name": "Hook", "problem": "HTTP 410."})
    events[1].run.delete()
    events[2].run.archived_at = events[2].created_at
    events[2].run.save()
    page = script_of(team).get("/events", after=0).json()
    assert ids(page) == [events[number].pk for number in (0, 3, 4)]


def test_without_the_right_to_export_no_line_is_listed(team, events):
    detail = {"added": 1, "removed": 1, "before": "The kettle is on.", "after": "It boils."}
    Event.objects.create(team=team, kind="changed", run=events[0].run, language="en", detail=detail)
    script = script_of(team)
    assert "kettle" in script.get("/events", after=0, kind="changed").content.decode()
    Membership.objects.update(may_export=False)
    page = script.get("/events", after=0, kind="changed")
    assert (page.json()["events"][0]["detail"], "kettle" in page.content.decode()) == (
        {"added": 1, "removed": 1},
        False,
    )


def test_the_number_of_queries_does_not_grow_with_the_page(team, events, django_assert_num_queries):
    script = script_of(team)
    with django_assert_num_queries(count_for(script, 1)):
        script.get("/events", after=0, limit=5)


def count_for(script, limit: int) -> int:
    script.get("/events", after=0, limit=limit)
    with CaptureQueriesContext(connection) as queries:
        script.get("/events", after=0, limit=limit)
    return len(queries)
