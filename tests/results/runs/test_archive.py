"""Archiving and restoring runs."""

import pytest
from django.db import connection
from django.utils import timezone

from results import camb, tags
from results.dubs import speakers
from results.models import Cue, Dub, Language, Run, SavedSearch, TeamVersion
from results.refresh import merge, schedule
from results.runs import archive
from results.runs.archive import archive_runs, unarchive_runs
from results.runs.request import refresh_progress, refresh_sooner, request_refresh, request_refresh_many
from results.runs.trash import delete_run
from results.search import index, indexing, saved
from results.search.analyzer import Phrase
from results.search.engine import engine
from results.search.service import iter_hits, search
from tests.factories import make_dub, make_run, make_searchable_run, make_team, ready

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(archive, "_PAUSE_SECONDS", 0)


def found_texts(team, typed="kitchen") -> set[str]:
    """Return the texts of the hits."""
    return {hit.cue.text for hit in search(team.pk, typed).hits}


def indexed(team) -> int:
    """Return the number of the team's lines in the index itself, including those that a search hides."""
    query = index.IndexQuery(team.pk, ((Phrase((index._prefix(team.pk),)),),), (), None)
    return len(engine.newest(query, None, 1000, 1000))


def news(membership) -> tuple[int, int]:
    """Return the number of new alerts in the navigation, and in the list of saved searches."""
    return saved.new_alert_count(membership), saved.visible_to(membership).get().news  # type: ignore[attr-defined]


def is_sound() -> bool:
    """Return whether SQLite's index is intact; an index that is not raises an error."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("insert into results_search (results_search) values ('integrity-check')")
    return True


# --- Search --------------------------------------------------------------------------------------------------


def test_searches_hide_an_archived_run_at_once_and_a_worker_removes_its_lines(team, enqueued):
    run, other = make_searchable_run(team, "kitchen one"), make_searchable_run(team, "kitchen two")
    tags.add_tags(team, {run.pk: ["launch"]})
    assert archive_runs(team, [run.pk]) == 1
    assert (indexed(team), found_texts(team)) == (2, {"kitchen two"})
    page = search(team.pk, "kitchen", with_facets=True)
    assert (page.count, page.facets.of, page.facets.tags) == (1, 1, [])
    assert [hit.cue.text for hit in iter_hits(team.pk, "kitchen")] == ["kitchen two"]
    for typed in (f"run:{run.camb_run_id}", "tag:launch", "-title:x one", "kitchen -two", "one"):
        assert found_texts(team, typed) == set(), typed
    assert enqueued == [("apply_run_changes",)]
    archive.sync_pending()
    assert (indexed(team), found_texts(team), is_sound()) == (1, {"kitchen two"}, True)
    assert Cue.objects.filter(dub__run=run).count() == 1
    unarchive_runs(team, [run.pk])
    archive.sync_pending()
    assert (indexed(team), found_texts(team)) == (2, {"kitchen one", "kitchen two"})
    assert found_texts(team, "tag:launch") == {"kitchen one"}
    assert other.tag_names == []


def test_more_archived_runs_than_a_query_names_are_hidden_as_well(team, enqueued, monkeypatch):
    monkeypatch.setattr(index, "MAX_RUNS_AS_TERMS", 2)
    runs = [make_searchable_run(team, f"kitchen {number}") for number in range(4)]
    archive_runs(team, [run.pk for run in runs[:3]])
    assert (indexed(team), found_texts(team), found_texts(team, "status:ready")) == (
        4,
        {"kitchen 3"},
        {"kitchen 3"},
    )


def test_a_worker_goes_on_in_turns_where_another_stopped(team, enqueued, monkeypatch):
    monkeypatch.setattr(archive, "_RUNS_PER_CHUNK", 2)
    runs = [make_searchable_run(team, f"kitchen {number}") for number in range(5)]
    archive_runs(team, [run.pk for run in runs])
    sync_run = indexing.sync_run
    synced: list[int] = []

    def die_at_the_third(run):
        if len(synced) == 3:
            raise SystemExit
        sync_run(run)
        synced.append(run.pk)

    monkeypatch.setattr(indexing, "sync_run", die_at_the_third)
    with pytest.raises(SystemExit):
        archive.sync_pending()
    assert (indexed(team), found_texts(team)) == (2, set())
    monkeypatch.setattr(indexing, "sync_run", sync_run)
    monkeypatch.setattr(archive, "MAX_SECONDS", -1)
    enqueued.clear()
    archive.sync_pending()
    assert (indexed(team), enqueued) == (2, [("apply_run_changes",)])
    monkeypatch.setattr(archive, "MAX_SECONDS", 60)
    archive.sync_pending()
    assert (indexed(team), is_sound()) == (0, True)


def test_changes_between_archiving_and_the_worker_leave_nothing_behind(team, enqueued):
    runs = [make_searchable_run(team, "kitchen one", "kitchen two") for _ in range(2)]
    archive_runs(team, [run.pk for run in runs])
    # The lines change while they are still in the index, and once more when they are out of it.
    for name in ("Kim", "Lee"):
        speaker = "Anna" if name == "Kim" else "Kim"
        speakers.rename_speaker(runs[0], speaker, name, everywhere=False)
        dub = Dub.objects.get(run=runs[1])
        merge.delete_cues(dub)
        merge._add_cues([(dub, [camb.CueAnswer(0, 1, "Anna", f"kitchen {name}")])])
        assert found_texts(team) == set()
        archive.sync_pending()
        assert (indexed(team), is_sound()) == (0, True)
    unarchive_runs(team, [run.pk for run in runs])
    # The run is restored, but not in the index yet: a line that changes now must not be in the index twice.
    speakers.rename_speaker(runs[0], "Lee", "Ann", everywhere=False)
    archive.sync_pending()
    assert found_texts(team) == {"kitchen one", "kitchen two", "kitchen Lee"}
    assert found_texts(team, "speaker:ann") == {"kitchen one", "kitchen Lee"}
    assert found_texts(team, "speaker:lee") == set()
    for run in runs:
        delete_run(run)
    assert (indexed(team), is_sound()) == (0, True)


def test_a_run_restored_before_the_worker_ran_stays_indexed(team, enqueued):
    run = make_searchable_run(team, "kitchen")
    archive_runs(team, [run.pk])
    unarchive_runs(team, [run.pk])
    assert (indexed(team), found_texts(team)) == (1, {"kitchen"})
    archive.sync_pending()
    assert (indexed(team), is_sound()) == (1, True)


def test_a_rebuild_leaves_archived_runs_out(team, enqueued):
    run = make_searchable_run(team, "kitchen one")
    make_searchable_run(team, "kitchen two")
    archive_runs(team, [run.pk])
    archive.sync_pending()
    indexing.rebuild()
    assert (indexed(team), found_texts(team)) == (1, {"kitchen two"})
    delete_run(run)
    assert is_sound()


def test_words_of_archived_runs_are_not_suggested_until_the_runs_are_restored(team, enqueued):
    run = make_searchable_run(team, "kitchen")
    make_searchable_run(team, "garden")
    indexing.learn_words(run.dubs.get())
    archive_runs(team, [run.pk])
    assert search(team.pk, "kitchne").suggestion == ""
    archive.sync_pending()
    indexing.rebuild()
    assert search(team.pk, "kitchne").suggestion == ""
    unarchive_runs(team, [run.pk])
    archive.sync_pending()
    assert search(team.pk, "kitchne").suggestion == "kitchen"


def test_a_run_that_is_archived_during_a_search_is_not_shown(team, enqueued, monkeypatch):
    run = make_searchable_run(team, "kitchen")
    make_query = index.make_query

    def make_query_and_archive(*args):
        query = make_query(*args)
        archive_runs(team, [run.pk])
        return query

    monkeypatch.setattr(index, "make_query", make_query_and_archive)
    assert found_texts(team) == set()


def test_a_dub_whose_language_tag_arrives_later_is_found_by_it_and_can_be_removed(team):
    dub = make_dub(make_run(team), ["kitchen"], language="54")
    indexing.add_cues(dub.cues.all())
    Language.objects.create(camb_id=54, tag="es-es")
    merge.tag_numbered_dubs({54: "es-es"})
    assert (found_texts(team, "lang:es"), found_texts(team, "lang:54")) == ({"kitchen"}, set())
    delete_run(dub.run)
    assert (indexed(team), found_texts(team, "lang:54"), is_sound()) == (0, set(), True)


def test_an_archived_run_causes_no_alerts_until_it_is_restored(team, enqueued):
    membership = team.memberships.get()
    SavedSearch.objects.create(team=team, owner=membership.user, q="kitchen")
    checked, unchecked = make_searchable_run(team, "kitchen"), make_searchable_run(team, "kitchen")
    Dub.objects.filter(run=checked).update(is_alert_checked=False)
    saved.create_alerts()
    archive_runs(team, [checked.pk, unchecked.pk])
    Dub.objects.filter(run=unchecked).update(is_alert_checked=False)
    saved.create_alerts()
    assert news(membership) == (0, 0)
    unarchive_runs(team, [checked.pk, unchecked.pk])
    saved.create_alerts()
    archive.sync_pending()
    saved.create_alerts()
    assert news(membership) == (2, 2)


# --- Refresh -------------------------------------------------------------------------------------------------


def test_archived_runs_are_never_refreshed_and_restored_ones_are(camb, team, sweep, enqueued):
    waiting, finished = make_run(team, status="waiting"), make_run(team, status="failed", due_at=None)
    request_refresh_many(Run.objects.all(), team)
    archive_runs(team, [waiting.pk, finished.pk])
    assert refresh_progress(team) is None
    assert request_refresh_many(Run.objects.all(), team) == 0
    assert request_refresh(waiting) is False
    refresh_sooner(waiting)
    enqueued.clear()
    sweep()
    assert camb.calls == []
    unarchive_runs(team, [waiting.pk, finished.pk])
    assert list(Run.objects.unfinished()) == [waiting]


def test_an_answer_about_a_run_archived_meanwhile_is_stored_and_nothing_is_due(
    camb, team, sweep, enqueued, during_the_call
):
    run = make_run(team)
    camb.runs[run.camb_run_id] = ready(audio_url=None)
    during_the_call(lambda: archive_runs(team, [run.pk]))
    sweep()
    run.refresh_from_db()
    assert (run.status, run.due_at, run.lease, run.cue_count) == ("partly", None, None, 1)
    archive.sync_pending()
    assert (indexed(team), is_sound()) == (0, True)
    assert schedule.next_due(run, timezone.now()) is None


def test_only_the_teams_own_runs_are_archived(team, enqueued):
    mine, foreign = make_run(team), make_run(make_team())
    assert archive_runs(team, [mine.pk, foreign.pk]) == 1
    assert list(Run.objects.archived()) == [mine]
    mine.refresh_from_db()
    assert mine.version == TeamVersion.current(team.pk)
    since = mine.archived_at
    assert archive_runs(team, [mine.pk]) == 0
    mine.refresh_from_db()
    assert mine.archived_at == since
    assert unarchive_runs(team, [foreign.pk]) == 0


def test_thousands_are_archived_in_short_transactions(team, enqueued, django_assert_max_num_queries):
    Run.objects.bulk_create(Run(team=team, camb_run_id=number) for number in range(1, 2_001))
    with django_assert_max_num_queries(20):
        assert archive_runs(team, Run.objects.pks()) == 2_000
    assert Run.objects.current().count() == 0
