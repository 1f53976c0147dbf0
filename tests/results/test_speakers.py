"""Speakers' names: given for a run or a team, found by, taken back."""

import pytest

from results import camb, speakers
from results.models import Cue, Run, SpeakerName
from results.refresh import merge
from results.search.service import search
from tests.factories import make_dub, make_run, make_searchable_run, make_team

# A rename for the whole team is finished by a worker: here its task is only recorded.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def said(run):
    return list(Cue.objects.filter(run=run).order_by("pk").values_list("speaker", "original_speaker"))


def found_run_ids(team, words):
    """Return the primary key of each hit's run, sorted; a run with two hits is listed twice."""
    return sorted(hit.cue.run_id for hit in search(team.pk, words).hits)


def settle_all():
    while SpeakerName.objects.filter(applied_through__isnull=False).exists():
        speakers.apply_pending()


def test_a_name_is_given_in_one_run_and_the_original_is_kept(team, enqueued):
    here, there = make_searchable_run(team, "one", "two", "three"), make_searchable_run(team, "one")
    speakers.rename_speaker(here, "Anna", "Dr. Kim", everywhere=False)
    assert said(here) == [("Dr. Kim", "Anna"), ("Ben", ""), ("Dr. Kim", "Anna")]
    assert said(there) == [("Anna", "")]
    assert enqueued == []


def test_the_original_comes_back(team):
    run = make_searchable_run(team, "one", "two")
    before = said(run)
    speakers.rename_speaker(run, "Anna", "Kim", everywhere=False)
    speakers.rename_speaker(run, "Kim", "", everywhere=False)
    assert (said(run), SpeakerName.objects.count()) == (before, 0)


def test_two_speakers_that_are_one_can_be_told_apart_again(team):
    run = make_searchable_run(team, "one", "two")
    speakers.rename_speaker(run, "Ben", "Anna", everywhere=False)
    assert said(run) == [("Anna", ""), ("Anna", "Ben")]
    assert speakers.original_names(run, "Anna") == ["Anna", "Ben"]
    speakers.rename_speaker(run, "Anna", "", everywhere=False)
    assert said(run) == [("Anna", ""), ("Ben", "")]


def test_a_line_is_found_by_either_name(team):
    run = make_searchable_run(team, "one", "two")
    speakers.rename_speaker(run, "Anna", "Kim", everywhere=False)
    assert found_run_ids(team, "speaker:kim one") == [run.pk]
    assert found_run_ids(team, "speaker:anna one") == [run.pk]
    speakers.rename_speaker(run, "Kim", "", everywhere=False)
    assert found_run_ids(team, "speaker:kim") == []
    assert found_run_ids(team, "speaker:anna") == [run.pk]


def test_a_name_for_the_team_reaches_every_run_of_it_and_no_other(team, enqueued):
    here, there, foreign = (
        make_searchable_run(team, "one"),
        make_searchable_run(team, "one"),
        make_searchable_run(make_team(), "one"),
    )
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    assert (said(here), said(there), enqueued) == ([("Kim", "Anna")], [("Anna", "")], [("apply_speaker_names",)])
    settle_all()
    assert (said(there), said(foreign)) == ([("Kim", "Anna")], [("Anna", "")])
    assert found_run_ids(team, "speaker:kim") == sorted([here.pk, there.pk])


def test_the_way_through_a_large_team_goes_on_where_it_was(team, enqueued, monkeypatch):
    monkeypatch.setattr(speakers, "_RUNS_PER_BATCH", 2)
    runs = [make_searchable_run(team, "one") for _ in range(5)]
    speakers.rename_speaker(runs[0], "Anna", "Kim", everywhere=True)
    speakers.apply_pending()
    assert [said(run)[0][0] for run in runs] == ["Kim", "Kim", "Anna", "Anna", "Anna"]
    assert enqueued == [("apply_speaker_names",)] * 2
    settle_all()
    assert {said(run)[0][0] for run in runs} == {"Kim"}
    assert SpeakerName.objects.get().applied_through is None


def test_a_runs_own_name_comes_before_the_teams_and_falls_back_to_it(team):
    here, there = make_searchable_run(team, "one"), make_searchable_run(team, "one")
    speakers.rename_speaker(there, "Anna", "Queen", everywhere=False)
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    # For every run: what one run had of its own is given up.
    settle_all()
    assert said(there) == [("Kim", "Anna")]
    speakers.rename_speaker(there, "Kim", "Queen", everywhere=False)
    assert (said(here), said(there)) == ([("Kim", "Anna")], [("Queen", "Anna")])
    speakers.rename_speaker(there, "Queen", "Kim", everywhere=False)
    assert SpeakerName.objects.filter(run=there).count() == 0


def test_a_run_may_keep_the_original_that_the_team_has_renamed(team):
    here, there = make_searchable_run(team, "one"), make_searchable_run(team, "one")
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    settle_all()
    speakers.rename_speaker(there, "Kim", "", everywhere=False)
    assert (said(here), said(there)) == ([("Kim", "Anna")], [("Anna", "")])


def test_taken_back_for_the_team_nothing_is_left(team):
    here, there = make_searchable_run(team, "one"), make_searchable_run(team, "one")
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    settle_all()
    speakers.rename_speaker(there, "Kim", "", everywhere=True)
    settle_all()
    assert (said(here), said(there), SpeakerName.objects.count()) == ([("Anna", "")], [("Anna", "")], 0)


def test_what_camb_ai_says_later_comes_under_the_names_that_hold(team):
    run = make_searchable_run(team, "one")
    speakers.rename_speaker(run, "Anna", "Kim", everywhere=True)
    later = make_dub(make_run(team))
    merge._add_cues([(later, [camb.CueAnswer(0, 1, "Anna", "hello"), camb.CueAnswer(1, 2, "Ben", "hi")])])
    assert said(later.run) == [("Kim", "Anna"), ("Ben", "")]
    assert found_run_ids(team, "speaker:kim hello") == [later.run_id]


def test_a_run_that_is_gone_meanwhile_is_passed_over(team):
    run = make_searchable_run(team, "one")
    gone = Run.objects.get(pk=run.pk)
    merge.delete_cues(run.dubs.get())
    run.delete()
    speakers.apply_names(gone)
    assert Cue.objects.count() == 0
