"""Sources: joining runs as dubs of one original, and taking them apart."""

import pytest

from results.camb import TaskAnswer
from results.models import Run, Source, TeamVersion
from results.refresh.merge import merge_task
from results.runs import source
from results.runs.add import PastedRuns, add_pasted
from results.runs.paste import pasted_ids
from results.runs.source import TooManyRunsError, join_groups, join_runs, rename_source, take_apart
from results.runs.trash import delete_run
from tests.factories import make_ready_run, make_runs, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def pks(runs) -> list[int]:
    return [run.pk for run in runs]


def groups() -> list[set[int]]:
    return [set(source.runs.values_list("pk", flat=True)) for source in Source.objects.order_by("pk")]


def test_joined_runs_are_one_source_named_without_the_language():
    team = make_team()
    runs = [make_ready_run(team, title=title) for title in ("", "Pilot (French)", "Pilot (German)")]
    source = join_runs(team, pks(runs))
    assert (source.title, source.team, groups()) == ("Pilot", team, [set(pks(runs))])
    assert set(Run.objects.values_list("version", flat=True)) == {TeamVersion.current(team.pk)}


def test_joining_brings_all_runs_of_both_sources_together():
    team = make_team()
    runs = make_runs(team, 4)
    join_groups(team, [pks(runs[:2]), pks(runs[2:])])
    assert groups() == [set(pks(runs[:2])), set(pks(runs[2:]))]
    join_runs(team, [runs[0].pk, runs[3].pk])
    assert groups() == [set(pks(runs))]


def test_a_source_never_joins_two_teams():
    team, [own] = make_team(), make_runs(make_team(), 1)
    [foreign] = make_runs(make_team(), 1)
    assert join_runs(team, [own.pk, foreign.pk]) is None
    assert join_runs(own.team, [own.pk, foreign.pk]) is None
    assert groups() == []


def test_a_single_run_is_no_source():
    [run] = make_runs(make_team(), 1)
    assert join_runs(run.team, [run.pk, run.pk, 999]) is None


def test_a_source_has_an_end(monkeypatch):
    monkeypatch.setattr(source, "MAX_RUNS", 2)
    team = make_team()
    runs = make_runs(team, 3)
    join_runs(team, pks(runs[:2]))
    with pytest.raises(TooManyRunsError):
        join_runs(team, pks(runs[1:]))
    assert groups() == [set(pks(runs[:2]))]


def test_a_run_is_taken_apart_and_the_last_two_end_their_source():
    team = make_team()
    runs = make_runs(team, 3)
    join_runs(team, pks(runs))
    take_apart(Run.objects.get(pk=runs[0].pk))
    assert groups() == [set(pks(runs[1:]))]
    take_apart(Run.objects.get(pk=runs[1].pk))
    assert groups() == []
    assert list(Run.objects.order_by("pk").values_list("source", "is_apart")) == [
        (None, True), (None, True), (None, False),
    ]  # fmt: skip


def test_a_removed_run_leaves_no_source_of_one_run():
    team = make_team()
    runs = make_runs(team, 2)
    join_runs(team, pks(runs))
    delete_run(runs[0])
    assert groups() == []


def test_a_renamed_source_keeps_its_title_when_more_runs_join():
    team = make_team()
    runs = make_runs(team, 3, title="Pilot")
    rename_source(join_runs(team, pks(runs[:2])), "The pilot")
    assert join_runs(team, pks(runs[1:])).title == "The pilot"


def test_a_task_that_turns_out_to_be_a_known_run_leaves_it_its_source():
    team = make_team()
    known, other, task = *make_runs(team, 2), Run.objects.create(team=team, camb_task_id="t")
    join_runs(team, [other.pk, task.pk])
    answer = TaskAnswer("SUCCESS", known.camb_run_id, "", "")
    merge_task(Run.objects.get(pk=task.pk), answer)
    assert groups() == [{known.pk, other.pk}]


# --- From a sheet ------------------------------------------------------------------------------------


def add_sheet(team, text: str) -> None:
    add_pasted(team, PastedRuns.of(team, pasted_ids.read([text]).lines).lines, None)


def titles_in() -> dict[str, set[int | None]]:
    return {
        source.title: set(source.runs.values_list("camb_run_id", flat=True))
        for source in Source.objects.order_by("pk")
    }


def test_runs_of_one_source_in_a_sheet_are_joined():
    team = make_team()
    add_sheet(team, "run id,title,source\n11,Part one,Film A\n12,Teil eins,Film A\n13,Solo,Film B\n14,None,\n")
    assert titles_in() == {"Film A": {11, 12}}
    add_sheet(team, "run id,title,source\n15,Parte uno,Film A\n")
    assert titles_in() == {"Film A": {11, 12, 15}}


def test_of_a_series_only_dubs_of_one_episode_are_one_source():
    team = make_team()
    add_sheet(
        team,
        "run id,title,series\n11,Episode 1 (es),Tides\n12,Episode 1 (fr),Tides\n13,Episode 2 (es),Tides\n"
        "14,Episode 2 (fr),Tides\n",
    )
    assert titles_in() == {"Tides: Episode 1": {11, 12}, "Tides: Episode 2": {13, 14}}


def test_a_sheet_leaves_a_run_its_source_and_other_teams_their_sources():
    team, other = make_team(), make_team()
    add_sheet(other, "run id,title,source\n11,a,Film\n12,b,Film\n")
    add_sheet(team, "run id,title,source\n11,a,Film\n12,b,Film\n")
    add_sheet(team, "run id,title,source\n11,a,Other\n13,c,Other\n")
    assert [set(source.runs.values_list("team", flat=True)) for source in Source.objects.order_by("pk")] == [
        {other.pk}, {team.pk},
    ]  # fmt: skip
    assert titles_in() == {"Film": {11, 12}}
