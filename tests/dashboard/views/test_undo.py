"""Undo of a person's last changes."""

import re

import pytest
from django.urls import reverse

from results.models import Run, Source
from results.runs.archive import sync_pending
from results.runs.source import join_runs, take_apart
from results.tags import add_tags
from teams.models import Team
from tests.dashboard.page_helpers import signed_in, text_of, undo
from tests.factories import make_member, make_ready_run, make_runs, make_team

pytestmark = pytest.mark.django_db


def archived(team: Team) -> set[int]:
    return set(Run.objects.archived().filter(team=team).pks())


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
    member.post(reverse("runs-bulk-unarchive", args=[team.slug]), {"all": 1, "status": "archived"})
    assert archived(team) == set()
    answer = undo(member, team)
    assert archived(team) == {run.pk}
    assert answer.request["QUERY_STRING"] == "status=archived"


def test_each_message_undoes_its_own_change_and_only_once(member, team):
    first, second = make_ready_run(team), make_ready_run(team)
    tokens = []
    for run in (first, second):
        page = member.post(reverse("runs-edit-archive", args=[run.pk]), follow=True).text
        tokens += re.findall(r'name="change" value="([^"]+)"', page)
    assert "Undone." in undo(member, team, tokens[0]).text
    assert archived(team) == {second.pk}
    assert "There is nothing left to undo." in undo(member, team, tokens[0]).text
    assert archived(team) == {second.pk}
    undo(member, team, tokens[1])
    assert archived(team) == set()


def test_only_the_last_few_changes_are_kept_and_fewer_large_ones(member, team, monkeypatch):
    for run in make_runs(team, 7):
        member.post(reverse("runs-edit-archive", args=[run.pk]))
    assert len(member.session["changes"]) == 5
    monkeypatch.setattr("dashboard.views.undo._MAX_BYTES", 10)
    member.post(reverse("runs-bulk-unarchive", args=[team.slug]), {"all": 1, "status": "archived"})
    assert len(member.session["changes"]) == 1
    undo(member, team)
    assert len(archived(team)) == 7


@pytest.mark.parametrize("token", ["x", "\0", "é"])
def test_an_unknown_token_undoes_nothing(member, team, token):
    run = make_ready_run(team)
    member.post(reverse("runs-edit-archive", args=[run.pk]))
    assert "There is nothing left to undo." in undo(member, team, token).text
    assert archived(team) == {run.pk}


def test_no_one_undoes_the_change_of_another_person_or_in_another_team(member, team):
    run = make_ready_run(team)
    member.post(reverse("runs-edit-archive", args=[run.pk]))
    token = member.session["changes"][-1][0]
    assert "There is nothing left to undo." in undo(signed_in(make_member(team)), team, token).text
    other = make_team(owner=member.get(reverse("profile")).context["user"])
    assert "There is nothing left to undo." in undo(member, other, token).text
    assert archived(team) == {run.pk}


def test_archiving_more_runs_than_a_session_keeps_is_undone(member, team, monkeypatch):
    monkeypatch.setattr("dashboard.views.runs.bulk.MAX_UNDONE", 100)
    monkeypatch.setattr("results.runs.large_changes.RUNS_AT_ONCE", 2)
    monkeypatch.setattr("results.runs.large_changes.REQUEST_SECONDS", 0)
    monkeypatch.setattr("results.runs.large_changes._RUNS_PER_CHUNK", 2)
    runs = make_runs(team, 5)
    member.post(reverse("runs-bulk-archive", args=[team.slug]), {"all": 1})
    assert len(archived(team)) == 2
    undo(member, team)
    sync_pending()
    assert archived(team) == set()
    assert Run.objects.current().count() == len(runs)


# --- Tags --------------------------------------------------------------------------------------------


def tags_of(*runs: Run) -> list[list[str]]:
    return [Run.objects.get(pk=run.pk).tag_names for run in runs]


def test_added_tags_are_taken_off_only_where_they_were_new(member, team):
    had, new = make_runs(team, 2)
    add_tags(team, {had.pk: ["Launch"]})
    url = reverse("runs-bulk-tag", args=[team.slug])
    member.post(url, {"pk": [had.pk, new.pk], "tags": "launch, two"})
    assert tags_of(had, new) == [["Launch", "two"]] * 2
    undo(member, team)
    assert tags_of(had, new) == [["Launch"], []]


def test_tags_that_were_taken_off_come_back_where_they_were(member, team):
    had, other = make_runs(team, 2)
    add_tags(team, {had.pk: ["Launch"]})
    url = reverse("runs-bulk-tag", args=[team.slug])
    member.post(url, {"pk": [had.pk, other.pk], "tags": "LAUNCH", "remove": "1"})
    assert tags_of(had, other) == [[], []]
    undo(member, team)
    assert tags_of(had, other) == [["Launch"], []]


def test_a_change_that_adds_nothing_offers_no_undo(member, team):
    [run] = make_runs(team, 1)
    add_tags(team, {run.pk: ["Launch"]})
    answer = member.post(reverse("runs-bulk-tag", args=[team.slug]), {"pk": run.pk, "tags": "launch"}, follow=True)
    assert "Undo" not in answer.text


def test_tagging_more_runs_than_a_session_keeps_offers_no_undo(member, team, monkeypatch):
    monkeypatch.setattr("dashboard.views.runs.bulk.MAX_UNDONE", 1)
    make_runs(team, 2)
    answer = member.post(reverse("runs-bulk-tag", args=[team.slug]), {"all": 1, "tags": "launch"}, follow=True)
    assert "2 runs were tagged" in text_of(answer)
    assert "Undo" not in answer.text


# --- Sources -----------------------------------------------------------------------------------------


def test_joined_runs_are_parted_into_the_sources_that_they_had(member, team):
    runs = make_runs(team, 6)
    first = join_runs(team, [runs[0].pk, runs[1].pk], "First")
    join_runs(team, [runs[2].pk, runs[3].pk], "Second")
    Run.objects.filter(pk=runs[4].pk).update(suggestion=7, is_apart=True)
    url = reverse("runs-bulk-join", args=[team.slug])
    member.post(url, {"pk": [runs[0].pk, runs[2].pk, runs[4].pk]})
    assert Source.objects.get().runs.count() == 5
    undo(member, team)
    titles = list(Run.objects.order_by("pk").values_list("source__title", flat=True))
    assert titles == ["First", "First", "Second", "Second", None, None]
    assert Run.objects.get(pk=runs[0].pk).source_id == first.pk
    assert (Run.objects.get(pk=runs[4].pk).suggestion, Run.objects.get(pk=runs[4].pk).is_apart) == (7, True)


def test_a_run_that_left_the_source_since_stays_where_it_is(member, team):
    runs = make_runs(team, 3)
    member.post(reverse("runs-bulk-join", args=[team.slug]), {"pk": [run.pk for run in runs]})
    take_apart(Run.objects.get(pk=runs[0].pk))
    undo(member, team)
    assert not Source.objects.exists()
    assert Run.objects.get(pk=runs[0].pk).is_apart
    assert "Undone." not in undo(member, team).text
