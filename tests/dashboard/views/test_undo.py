"""Undo of a person's last changes."""

import json
import re
import time

import pytest
from django.urls import reverse
from django.utils import timezone

from results.models import Run, Source, Tag
from results.runs import large_changes
from results.runs.archive import sync_pending
from results.runs.source import join_runs, take_apart
from results.tags import add_tags
from teams.models import Team
from tests.dashboard.page_helpers import signed_in, text_of, undo
from tests.factories import make_member, make_numbered_runs, make_ready_run, make_runs, make_team

pytestmark = pytest.mark.django_db


def archived(team: Team) -> set[int]:
    return set(Run.objects.archived().filter(team=team).pks())


def sync_changes(team: Team) -> None:
    """Act as the worker that goes on with a large change."""
    assert large_changes.go_on(team, time.monotonic() + 60)


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
    monkeypatch.setattr("dashboard.views.undo._MAX_BYTES", 130)
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


def test_a_change_of_a_kind_that_this_release_does_not_know_is_not_undone(member, team):
    session = member.session
    session["changes"] = [["token", team.pk, "of-the-future", [1], "/"]]
    session.save()
    assert "There is nothing left to undo." in undo(member, team, "token").text


def test_archiving_many_runs_is_undone(member, team, monkeypatch):
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


def test_restoring_many_runs_is_undone_exactly_and_kept_small(member, team):
    make_numbered_runs(team, 6000)
    Run.objects.update(archived_at=timezone.now())
    current = set(Run.objects.order_by("?")[:500].pks())
    Run.objects.filter(pk__in=current).update(archived_at=None)
    member.post(reverse("runs-bulk-unarchive", args=[team.slug]), {"all": 1, "status": "archived"})
    sync_changes(team)
    assert archived(team) == set()
    assert len(json.dumps(member.session["changes"])) < 8_000
    undo(member, team)
    sync_changes(team)
    assert set(Run.objects.current().pks()) == current


def test_a_change_that_is_too_large_to_keep_offers_no_undo(member, team, monkeypatch):
    monkeypatch.setattr("dashboard.views.undo._MAX_BYTES", 10)
    make_runs(team, 2)
    answer = member.post(reverse("runs-bulk-tag", args=[team.slug]), {"all": 1, "tags": "launch"}, follow=True)
    assert "2 runs are tagged" in text_of(answer)
    assert "Undo" not in answer.text


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


def test_tagging_more_than_five_thousand_runs_is_undone(member, team):
    had, *others = make_numbered_runs(team, 5001)
    add_tags(team, {had.pk: ["launch"]})
    url = reverse("runs-bulk-tag", args=[team.slug])
    assert "5,001 runs are tagged" in text_of(member.post(url, {"all": 1, "tags": "Launch"}, follow=True))
    undo(member, team)
    assert list(Tag.runs.through.objects.values_list("run", flat=True)) == [had.pk]
    assert len(others) == 5000


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


def test_a_run_that_joined_on_a_sources_page_leaves_it_again(member, team):
    run, other, third = make_runs(team, 3)
    join_runs(team, [run.pk, other.pk], "Pilot")
    address = reverse("runs-source", args=[run.pk])
    assert "Undo" in member.post(address, {"run": third.pk}, follow=True).text
    assert set(Source.objects.get().runs.all()) == {run, other, third}
    assert undo(member, team).request["PATH_INFO"] == address
    assert set(Source.objects.get().runs.all()) == {run, other}


@pytest.mark.parametrize("data", [{"all": 1}, {"suggestion": 1, "run": [0, 1]}])
def test_accepted_suggestions_are_suggested_again(member, team, data):
    runs = make_runs(team, 5)
    for place, run in enumerate(runs):
        Run.objects.filter(pk=run.pk).update(suggestion=1 if place < 3 else 2)
    before = list(Run.objects.order_by("pk").values_list("source", "suggestion", "is_apart"))
    data = data | ({"run": [runs[place].pk for place in data["run"]]} if "run" in data else {})
    assert "Undo" in member.post(reverse("source-accept", args=[team.slug]), data, follow=True).text
    assert Source.objects.count() == (2 if "all" in data else 1)
    assert undo(member, team).request["PATH_INFO"] == reverse("source-suggestions", args=[team.slug])
    assert list(Run.objects.order_by("pk").values_list("source", "suggestion", "is_apart")) == before
    assert not Source.objects.exists()


def test_a_refused_suggestion_is_made_again_except_for_runs_that_have_a_source_since(member, team):
    runs = make_runs(team, 4)
    Run.objects.update(suggestion=1)
    member.post(reverse("source-refuse", args=[team.slug]), {"suggestion": 1})
    join_runs(team, [runs[0].pk, runs[1].pk])
    undo(member, team)
    suggested = [(run.suggestion, run.is_apart) for run in Run.objects.order_by("pk")]
    assert suggested == [(None, False)] * 2 + [(1, False)] * 2
