"""What a poll of the list brings is made once for colleagues, and holds nothing of one person."""

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.pages import list_changes
from results.models import Event, InboxItem, Run, TeamVersion
from teams.models import Membership, Team, User
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_key, make_member, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch):
    monkeypatch.setattr(list_changes, "monotonic", lambda: 1000.0)


@pytest.fixture
def harbour(team) -> Run:
    make_key(team)
    harbour = make_run(team, title="Harbour", version=TeamVersion.bump(team.pk))
    TeamVersion.bump(team.pk)  # of another run
    return harbour


def poll_list(client: Client, team: Team, shown: Run, **values: str | int) -> str:
    response = client.get(reverse("runs-list-poll", args=[team.slug]), {"since": 0, "ids": shown.pk, **values})
    assert response.status_code == 200
    return response.content.decode()


def test_a_colleague_gets_the_same_without_reading_the_runs_again(
    team, member, harbour, django_assert_max_num_queries
):
    first = poll_list(member, team, harbour)
    colleague = signed_in(make_member(team))
    with django_assert_max_num_queries(8):  # session and version twice, user, membership, new runs, unread lines
        second = poll_list(colleague, team, harbour)
    assert second == first
    assert "Harbour" in second


def test_the_next_version_is_made_anew(team, member, harbour):
    poll_list(member, team, harbour)
    Run.objects.update(title="Lighthouse", version=TeamVersion.bump(team.pk))
    assert "Lighthouse" in poll_list(member, team, harbour)


def test_after_some_seconds_the_same_is_made_anew(team, member, harbour, monkeypatch):
    before = poll_list(member, team, harbour)
    Run.objects.update(title="Lighthouse")  # without a version, as nothing in Dubroom does
    assert poll_list(member, team, harbour) == before
    later = 1000.0 + list_changes.SHARED_SECONDS
    monkeypatch.setattr(list_changes, "monotonic", lambda: later)
    assert "Lighthouse" in poll_list(member, team, harbour)


def test_who_may_not_change_runs_gets_no_check_boxes_of_who_may(team, member, harbour):
    assert "select-box" in poll_list(member, team, harbour)
    viewer = signed_in(make_member(team, Membership.Role.VIEWER))
    assert "select-box" not in poll_list(viewer, team, harbour)
    assert "select-box" in poll_list(member, team, harbour)


def test_only_owners_are_asked_to_add_the_key(team, owner, member):
    run = make_run(team, version=TeamVersion.bump(team.pk))
    assert "Ask an owner" in poll_list(member, team, run)
    assert "Add the key" in poll_list(signed_in(owner), team, run)


def test_each_reader_has_the_times_of_their_own_zone(team, member, harbour):
    Run.objects.update(checked_at="2026-01-31T23:30:00Z")
    assert "2026-01-31" in poll_list(member, team, harbour)
    traveller = make_member(team)
    User.objects.filter(pk=traveller.pk).update(time_zone="Asia/Tokyo")
    assert "2026-02-01" in poll_list(signed_in(traveller), team, harbour)


def test_unread_lines_of_one_person_do_not_reach_another(team, member, harbour):
    reader = make_member(team)
    Event.objects.create(team=team, kind="ready", run=harbour)
    InboxItem.objects.create(membership=reader.memberships.get(), kind="ready", first=1, last=1, count=1)
    assert 'data-count="1"' in poll_list(signed_in(reader), team, harbour)
    assert 'data-count="1"' not in poll_list(member, team, harbour)


@pytest.mark.parametrize("other", [{"since": 1}, {"status": "ready"}, {"bare": 1}, {"ids": ""}, {"by": "source"}])
def test_another_list_or_place_in_it_gets_its_own(team, member, harbour, other):
    assert 'hx-swap-oob="true"' in poll_list(member, team, harbour)
    alone = poll_list(member, team, harbour, **other)
    list_changes.kept.clear()
    assert alone == poll_list(member, team, harbour, **other)
    assert alone != poll_list(member, team, harbour)


def test_new_runs_are_counted_for_each_tab_since_it_was_loaded(team, member, harbour):
    loaded = TeamVersion.current(team.pk)
    make_run(team, version=TeamVersion.bump(team.pk))
    assert "1 new run" in poll_list(member, team, harbour, loaded=loaded)
    assert "1 new run" not in poll_list(member, team, harbour, loaded=TeamVersion.current(team.pk))
