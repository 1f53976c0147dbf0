"""Renaming speakers in one run or in all runs of a team, searching by either name, and restoring names."""

import pytest

from results import camb
from results.dubs import speakers
from results.models import Cue, Run, SpeakerName
from results.refresh import merge
from results.search.service import search
from tests.factories import make_dub, make_run, make_searchable_run, make_team

# A rename for the whole team is finished by a worker; these tests only record its task.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def cue_speakers(run):
    return list(Cue.objects.filter(run=run).order_by("pk").values_list("speaker", "original_speaker"))


def found_run_ids(team, words):
    """Return the primary key of each hit's run, sorted; a run with two hits is listed twice."""
    return sorted(hit.cue.run_id for hit in search(team.pk, words).hits)


def apply_all_pending():
    while SpeakerName.objects.filter(applied_through__isnull=False).exists():
        speakers.apply_pending()


def test_a_rename_in_one_run_stores_the_original_and_changes_no_other_run(team, enqueued):
    here, there = make_searchable_run(team, "one", "two", "three"), make_searchable_run(team, "one")
    speakers.rename_speaker(here, "Anna", "Dr. Kim", everywhere=False)
    assert cue_speakers(here) == [("Dr. Kim", "Anna"), ("Ben", ""), ("Dr. Kim", "Anna")]
    assert cue_speakers(there) == [("Anna", "")]
    assert enqueued == []


def test_an_empty_name_restores_the_original(team):
    run = make_searchable_run(team, "one", "two")
    before = cue_speakers(run)
    speakers.rename_speaker(run, "Anna", "Kim", everywhere=False)
    speakers.rename_speaker(run, "Kim", "", everywhere=False)
    assert (cue_speakers(run), SpeakerName.objects.count()) == (before, 0)


def test_two_merged_speakers_can_be_separated_again(team):
    run = make_searchable_run(team, "one", "two")
    speakers.rename_speaker(run, "Ben", "Anna", everywhere=False)
    assert cue_speakers(run) == [("Anna", ""), ("Anna", "Ben")]
    assert speakers.original_names(run, "Anna") == ["Anna", "Ben"]
    speakers.rename_speaker(run, "Anna", "", everywhere=False)
    assert cue_speakers(run) == [("Anna", ""), ("Ben", "")]


def test_a_line_is_found_by_either_name(team):
    run = make_searchable_run(team, "one", "two")
    speakers.rename_speaker(run, "Anna", "Kim", everywhere=False)
    assert found_run_ids(team, "speaker:kim one") == [run.pk]
    assert found_run_ids(team, "speaker:anna one") == [run.pk]
    speakers.rename_speaker(run, "Kim", "", everywhere=False)
    assert found_run_ids(team, "speaker:kim") == []
    assert found_run_ids(team, "speaker:anna") == [run.pk]


def test_a_team_wide_name_reaches_every_run_of_the_team_and_no_other(team, enqueued):
    here, there, foreign = (
        make_searchable_run(team, "one"),
        make_searchable_run(team, "one"),
        make_searchable_run(make_team(), "one"),
    )
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    assert (cue_speakers(here), cue_speakers(there), enqueued) == (
        [("Kim", "Anna")],
        [("Anna", "")],
        [("apply_speaker_names",)],
    )
    apply_all_pending()
    assert (cue_speakers(there), cue_speakers(foreign)) == ([("Kim", "Anna")], [("Anna", "")])
    assert found_run_ids(team, "speaker:kim") == sorted([here.pk, there.pk])


def test_a_team_wide_name_is_applied_in_batches(team, enqueued, monkeypatch):
    monkeypatch.setattr(speakers, "_RUNS_PER_CHUNK", 2)
    runs = [make_searchable_run(team, "one") for _ in range(5)]
    speakers.rename_speaker(runs[0], "Anna", "Kim", everywhere=True)
    speakers.apply_pending()
    assert [cue_speakers(run)[0][0] for run in runs] == ["Kim", "Kim", "Anna", "Anna", "Anna"]
    assert enqueued == [("apply_speaker_names",)] * 2
    apply_all_pending()
    assert {cue_speakers(run)[0][0] for run in runs} == {"Kim"}
    assert SpeakerName.objects.get().applied_through is None


def test_a_runs_own_name_takes_precedence_and_falls_back_to_the_teams(team):
    here, there = make_searchable_run(team, "one"), make_searchable_run(team, "one")
    speakers.rename_speaker(there, "Anna", "Queen", everywhere=False)
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    # A team-wide name replaces the names that single runs have of their own.
    apply_all_pending()
    assert cue_speakers(there) == [("Kim", "Anna")]
    speakers.rename_speaker(there, "Kim", "Queen", everywhere=False)
    assert (cue_speakers(here), cue_speakers(there)) == ([("Kim", "Anna")], [("Queen", "Anna")])
    speakers.rename_speaker(there, "Queen", "Kim", everywhere=False)
    assert SpeakerName.objects.filter(run=there).count() == 0


def test_a_run_can_restore_a_name_that_the_team_has_changed(team):
    here, there = make_searchable_run(team, "one"), make_searchable_run(team, "one")
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    apply_all_pending()
    speakers.rename_speaker(there, "Kim", "", everywhere=False)
    assert (cue_speakers(here), cue_speakers(there)) == ([("Kim", "Anna")], [("Anna", "")])


def test_restoring_a_name_for_the_team_leaves_no_names_behind(team):
    here, there = make_searchable_run(team, "one"), make_searchable_run(team, "one")
    speakers.rename_speaker(here, "Anna", "Kim", everywhere=True)
    apply_all_pending()
    speakers.rename_speaker(there, "Kim", "", everywhere=True)
    apply_all_pending()
    assert (cue_speakers(here), cue_speakers(there), SpeakerName.objects.count()) == (
        [("Anna", "")],
        [("Anna", "")],
        0,
    )


def test_later_answers_are_stored_under_the_current_names(team):
    run = make_searchable_run(team, "one")
    speakers.rename_speaker(run, "Anna", "Kim", everywhere=True)
    later = make_dub(make_run(team))
    merge._add_cues([(later, [camb.CueAnswer(0, 1, "Anna", "hello"), camb.CueAnswer(1, 2, "Ben", "hi")])])
    assert cue_speakers(later.run) == [("Kim", "Anna"), ("Ben", "")]
    assert found_run_ids(team, "speaker:kim hello") == [later.run_id]


def test_applying_names_to_a_deleted_run_does_nothing(team):
    run = make_searchable_run(team, "one")
    gone = Run.objects.get(pk=run.pk)
    merge.delete_cues(run.dubs.get())
    run.delete()
    speakers.apply_names(gone)
    assert Cue.objects.count() == 0
