"""Undo of a person's last change."""

import pytest
from django.urls import reverse

from results.models import Run
from teams.models import Team
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_ready_run, make_runs, make_team

pytestmark = pytest.mark.django_db


def archived(team: Team) -> set[int]:
    return set(Run.objects.archived().filter(team=team).pks())


def undo(client, team: Team):
    return client.post(reverse("undo-last", args=[team.slug]), follow=True)


def test_archived_runs_come_back_and_no_others(member, team):
    earlier = make_ready_run(team)
    member.post(reverse("runs-edit-archive", args=[earlier.pk]))
    runs = make_runs(team, 3)
    answer = member.post(reverse("runs-bulk-archive", args=[team.slug]), {"all": 1, "q": ""}, follow=True)
    assert "Undo" in answer.text
    assert archived(team) == {earlier.pk, *(run.pk for run in runs)}
    assert "Undone." in undo(member, team).text
    assert archived(team) == {earlier.pk}


def test_restored_runs_go_back_to_the_archive(member, team):
    run = make_ready_run(team)
    member.post(reverse("runs-edit-archive", args=[run.pk]))
    member.post(reverse("runs-bulk-restore", args=[team.slug]), {"all": 1, "status": "archived"})
    assert archived(team) == set()
    answer = undo(member, team)
    assert archived(team) == {run.pk}
    assert answer.request["QUERY_STRING"] == "status=archived"


def test_only_the_last_change_is_undone_and_only_once(member, team):
    first, second = make_ready_run(team), make_ready_run(team)
    for run in (first, second):
        member.post(reverse("runs-edit-archive", args=[run.pk]))
    undo(member, team)
    assert archived(team) == {first.pk}
    assert "There is nothing left to undo." in undo(member, team).text
    assert archived(team) == {first.pk}


def test_no_one_undoes_the_change_of_another_person_or_in_another_team(member, team):
    run = make_ready_run(team)
    member.post(reverse("runs-edit-archive", args=[run.pk]))
    assert "There is nothing left to undo." in undo(signed_in(make_member(team)), team).text
    other = make_team(owner=member.get(reverse("profile")).context["user"])
    assert "There is nothing left to undo." in undo(member, other).text
    assert archived(team) == {run.pk}
