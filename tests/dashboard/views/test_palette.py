"""What does the palette offer to whom?"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.views.palette import RUNS
from teams.models import Membership, Team
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_run

pytestmark = pytest.mark.django_db


def offered(team: Team, q: str = "", role: str = Membership.Role.MEMBER) -> list[str]:
    client = signed_in(make_member(team, role))
    response = client.get(reverse("palette-entries", args=[team.slug]), {"q": q})
    assert response.status_code == 200
    options = re.findall(
        r'(?s)<a role="option".*?<(?:span|bdi) class="truncate">(.*?)</(?:span|bdi)>', response.content.decode()
    )
    return [re.sub("<[^>]*>", "", option) for option in options]


def test_nothing_typed_offers_the_pages_and_the_newest_runs(team):
    for number in range(1, RUNS + 3):
        make_run(team, title=f"Tides {number}")
    make_run(title="Somebody else's")
    pages = ["Runs", "Add runs", "Search", "Activity", "Team", "API and access tokens", "Profile"]
    assert offered(team) == [*pages, *(f"Tides {number}" for number in range(RUNS + 2, 2, -1))]


def test_what_is_typed_narrows_both_and_is_searched_for(team):
    make_run(team, title="Running water")
    make_run(team, title="Tides")
    assert offered(team, "RUN") == ["Runs", "Add runs", "Running water", "Search every transcript for RUN"]


def test_a_run_is_found_by_its_id(team):
    make_run(team, camb_run_id=48201)
    assert offered(team, "482") == ["Run 48201", "Search every transcript for 482"]


def test_a_viewer_is_not_offered_what_they_may_not_do(team):
    assert offered(team, "run", Membership.Role.VIEWER) == ["Runs", "Search every transcript for run"]


@pytest.mark.parametrize("q", ['&lt;b&gt; "x" 100% #?&=/ é 水', "<script>alert(1)</script>"])
def test_whatever_is_typed_is_shown_and_sent_on_as_it_is(team, q):
    client = signed_in(make_member(team))
    body = client.get(reverse("palette-entries", args=[team.slug]), {"q": q}).content.decode()
    [query] = re.findall(r'id="palette-search-for" href="[^"?]*\?q=([^"]*)"', body)
    assert client.get(reverse("search", args=[team.slug]) + f"?q={query}").context["asked"].q == q


def test_it_takes_as_many_queries_for_many_runs_as_for_one(team, django_assert_num_queries):
    client = signed_in(make_member(team))
    address = reverse("palette-entries", args=[team.slug])
    client.get(address)  # notes the team that was seen last
    make_run(team)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    for _ in range(30):
        make_run(team)
    with django_assert_num_queries(len(one)):
        client.get(address)
