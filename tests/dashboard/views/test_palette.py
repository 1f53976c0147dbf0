"""The command palette: which pages and runs it offers to each role."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.views.palette import RUNS_SHOWN
from teams.models import Membership, Team
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_run

pytestmark = pytest.mark.django_db


def entries_for(team: Team, q: str = "", role: str = Membership.Role.MEMBER) -> list[str]:
    client = signed_in(make_member(team, role))
    response = client.get(reverse("palette-entries", args=[team.slug]), {"q": q})
    assert response.status_code == 200
    options = re.findall(
        r'(?s)<a role="option".*?<(?:span|bdi) class="truncate">(.*?)</(?:span|bdi)>', response.content.decode()
    )
    return [re.sub("<[^>]*>", "", option) for option in options]


def test_without_typing_the_pages_and_the_newest_runs_are_offered(team):
    for number in range(1, RUNS_SHOWN + 3):
        make_run(team, title=f"Tides {number}")
    make_run(title="Of another team")
    pages = ["Runs", "Add runs", "Review checks", "Search", "Activity", "Inbox", "Trash", "Team", "Team: Key"]
    pages += ["Team: Media", "Team: Review limits", "Team: Retention", "Team: API", "Profile"]
    assert entries_for(team) == [*pages, *(f"Tides {number}" for number in range(RUNS_SHOWN + 2, 2, -1))]


def test_typed_text_narrows_pages_and_runs_and_offers_a_search(team):
    make_run(team, title="Running water")
    make_run(team, title="Tides")
    assert entries_for(team, "RUN") == ["Runs", "Add runs", "Running water", "Search every transcript for RUN"]


def test_a_run_is_found_by_its_id(team):
    make_run(team, camb_run_id=48201)
    assert entries_for(team, "482") == ["Run 48201", "Search every transcript for 482"]


def test_a_viewer_is_offered_no_page_that_changes_runs(team):
    assert entries_for(team, "run", Membership.Role.VIEWER) == ["Runs", "Search every transcript for run"]


@pytest.mark.parametrize("q", ['&lt;b&gt; "x" 100% #?&=/ é 水', "<script>alert(1)</script>"])
def test_typed_text_is_escaped_and_passed_to_the_search_unchanged(team, q):
    client = signed_in(make_member(team))
    body = client.get(reverse("palette-entries", args=[team.slug]), {"q": q}).content.decode()
    [query] = re.findall(r'id="palette-search-for" href="[^"?]*\?q=([^"]*)"', body)
    assert client.get(reverse("search", args=[team.slug]) + f"?q={query}").context["wanted"].q == q


def test_thirty_runs_take_as_many_queries_as_one(team, django_assert_num_queries):
    client = signed_in(make_member(team))
    address = reverse("palette-entries", args=[team.slug])
    client.get(address)  # the session remembers the team
    make_run(team)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    for _ in range(30):
        make_run(team)
    with django_assert_num_queries(len(one)):
        client.get(address)
