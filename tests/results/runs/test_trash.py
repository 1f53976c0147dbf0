"""The trash: removed runs and teams vanish, come back as they were, and leave nothing behind in the end."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from results import clock, tags, tasks
from results.camb import TaskAnswer
from results.media import copies, part_files
from results.models import (
    Attempt,
    Call,
    Cue,
    DismissedCheck,
    MediaCopy,
    RawAnswer,
    Run,
    SavedSearch,
    SearchAlert,
    SpeakerName,
    VocabularyWord,
)
from results.refresh import claims, merge
from results.runs import trash
from results.runs.add import PastedRuns, add_pasted
from results.runs.archive import archive_runs, sync_pending
from results.runs.paste.pasted_ids import read
from results.runs.source import join_runs
from results.search import indexing
from results.search.service import search
from teams.models import AccessToken, Invitation, Membership, Team
from tests.factories import (
    make_dub,
    make_key,
    make_member,
    make_ready_run,
    make_run,
    make_runs,
    make_searchable_dub,
    make_searchable_run,
    make_team,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Status = Run.Status


def fields_of(run: Run) -> tuple[object, ...]:
    run.refresh_from_db()
    return run.archived_at, run.removed_at, run.removed_by, run.due_at is not None


def grow_old(**which: object) -> None:
    """Have the removed runs and teams that match be removed so long ago that their time is over."""
    long_ago = clock.now() - trash.TRASH_TIME - timedelta(minutes=1)
    Run.objects.filter(removed_at__isnull=False, **which).update(removed_at=long_ago)
    Team.objects.filter(removed_at__isnull=False).update(removed_at=long_ago)


# --- Into the trash and back -------------------------------------------------------------------------


def test_a_removed_run_is_in_no_list_no_search_and_no_refresh(team):
    key, owner = make_key(team), team.memberships.get().user
    run = make_searchable_dub(make_run(team), ["zanzibar"]).run
    trash.remove_runs(team, [run.pk], by="Ann")
    runs = Run.objects.filter(team=team)
    for shown in (runs.current(), runs.archived(), runs.present(), Run.objects.visible_to(owner)):
        assert list(shown) == []
    assert list(trash.removed_runs(team)) == [run]
    assert search(team.pk, "zanzibar").hits == []
    assert claims.claim(key.pk) is None
    sync_pending()
    run.refresh_from_db()
    assert (run.is_indexed, run.removed_by) == (False, "Ann")


@pytest.mark.parametrize(("status", "is_due"), [(Status.WAITING, True), (Status.READY, False)])
def test_a_restored_run_is_as_it_was(team, status, is_due):
    run = make_searchable_dub(make_run(team, status=status), ["zanzibar"]).run
    removal = trash.remove_runs(team, [run.pk], by="Ann")
    sync_pending()
    assert trash.runs_of_removal(team, removal.at).pks() == [run.pk]
    assert trash.restore_removed(team, [run.pk]) == 1
    assert fields_of(run) == (None, None, "", is_due)
    sync_pending()
    assert len(search(team.pk, "zanzibar").hits) == 1


def test_an_archived_run_comes_back_archived(team):
    archived, current = make_runs(team, 2)
    archive_runs(team, [archived.pk])
    archived.refresh_from_db()
    at = archived.archived_at
    trash.remove_runs(team, [archived.pk, current.pk], by="Ann")
    trash.restore_removed(team, [archived.pk, current.pk])
    assert fields_of(archived) == (at, None, "", False)
    assert fields_of(current) == (None, None, "", True)


def test_runs_of_other_teams_and_removed_ones_are_left_alone(team):
    other, run = make_run(), make_run(team)
    assert trash.remove_runs(team, [run.pk, other.pk], by="Ann").count == 1
    assert trash.remove_runs(team, [run.pk], by="Ben").count == 0
    assert trash.restore_removed(other.team, [run.pk]) == 0
    assert fields_of(run)[2] == "Ann"
    assert fields_of(other) == (None, None, "", True)


def test_many_runs_are_removed_in_short_transactions(team, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr("results.db.chunks._RUNS_PER_CHUNK", 10)
    pks = [run.pk for run in make_runs(team, 35)]
    with django_assert_max_num_queries(4 * 9 + 5) as queries:
        assert trash.remove_runs(team, pks, by="Ann").count == 35
    assert sum(query["sql"].startswith(("RELEASE", "COMMIT")) for query in queries) >= 4
    assert not any("results_cue" in query["sql"] for query in queries)


def test_other_runs_of_the_source_are_shown_anew(team):
    one, other, alone = (make_ready_run(team) for _ in range(3))
    join_runs(team, [one.pk, other.pk])
    before = {run.pk: Run.objects.get(pk=run.pk).version for run in (other, alone)}
    trash.remove_runs(team, [one.pk], by="Ann")
    after = {run.pk: Run.objects.get(pk=run.pk).version for run in (other, alone)}
    assert after[other.pk] > before[other.pk]
    assert after[alone.pk] == before[alone.pk]


def test_an_id_that_is_added_again_is_restored_into_the_list(team):
    run = make_run(team, camb_run_id=77)
    archive_runs(team, [run.pk])
    trash.remove_runs(team, [run.pk], by="Ann")
    lines = read(["77 78"]).lines
    found = PastedRuns.of(team, lines)
    assert [line.run_id for line in found.removed] == [77]
    assert (found.archived, [line.run_id for line in found.new]) == ([], [78])
    assert add_pasted(team, found.lines, None) == (1, 1)
    assert fields_of(run) == (None, None, "", True)


def test_a_task_that_became_a_removed_run_restores_it(team):
    known, task = make_run(team, camb_run_id=77), make_run(team, camb_run_id=None, camb_task_id="abc")
    trash.remove_runs(team, [known.pk], by="Ann")
    merge.merge_task(task, TaskAnswer("SUCCESS", 77, "", ""))
    assert fields_of(known) == (None, None, "", True)


# --- Teams -------------------------------------------------------------------------------------------


def test_a_removed_team_opens_to_no_one_and_comes_back_with_all_it_had(team):
    key, member = make_key(team), make_member(team).memberships.get()
    owner = team.memberships.earliest("pk").user
    run = make_run(team)
    _token, secret = AccessToken.objects.issue(member, "Nightly", can_write=True)
    _invitation, link = Invitation.objects.issue(team=team, email="k@x.org", role="viewer", invited_by=owner)

    def ways_in() -> list[bool]:
        return [
            Membership.objects.of_user(member.user).exists(),
            Run.objects.visible_to(member.user).exists(),
            AccessToken.objects.opened_by(secret).exists(),
            Invitation.objects.opened_by(link).exists(),
        ]

    trash.remove_team(team, by="Ann")
    assert ways_in() == [False] * 4
    assert claims.claim(key.pk) is None
    assert trash.restore_team(team)
    assert ways_in() == [True] * 4
    assert [leased.pk for leased in claims.claim(key.pk).runs] == [run.pk]


def test_a_team_whose_time_is_over_cannot_be_restored(team):
    trash.remove_team(team, by="Ann")
    grow_old()
    assert not trash.restore_team(team)


# --- The end -----------------------------------------------------------------------------------------


def test_a_run_is_deleted_when_its_time_is_over_and_not_before(team):
    old, young, kept = (make_searchable_run(team, line) for line in ("one", "two", "three"))
    trash.remove_runs(team, [old.pk, young.pk], by="Ann")
    grow_old(pk=old.pk)
    tasks.purge_trash()
    tasks.purge_trash()
    assert set(Run.objects.all()) == {young, kept}
    assert {cue.text for cue in Cue.objects.all()} == {"two", "three"}
    assert list(trash.removed_runs(team)) == [young]


def test_a_run_that_is_deleted_now_cannot_be_restored(team, enqueued):
    run, other = make_runs(team, 2)
    trash.remove_runs(team, [run.pk, other.pk], by="Ann")
    assert trash.delete_removed(team, [run.pk]) == 1
    assert list(trash.removed_runs(team)) == [other]
    assert enqueued[-1] == ("purge_trash",)
    tasks.purge_trash()
    assert list(Run.objects.all()) == [other]


@pytest.mark.parametrize("added", ["4711", "b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f"])
def test_the_id_of_a_run_that_is_deleted_now_is_added_as_a_new_run(team, added):
    add_pasted(team, read([added]).lines, None)
    old = team.runs.get()
    make_dub(old, ["secret"])
    trash.remove_runs(team, [old.pk], by="Ann")
    trash.delete_removed(team, [old.pk])
    lines = read([added]).lines
    assert PastedRuns.of(team, lines).known_runs == {}
    assert add_pasted(team, lines, None) == (1, 0)
    new = team.runs.current().get()
    assert (new.pk != old.pk, new.dubs.count(), new.due_at is not None) == (True, 0, True)
    assert trash.restore_removed(team, [old.pk]) == trash.restore_removed(team, [old.pk], into_list=True) == 0
    tasks.purge_trash()
    assert list(team.runs.all()) == [new]


def test_a_task_that_becomes_a_run_that_is_deleted_now_is_a_run_of_its_own(team):
    old, task = make_ready_run(team, camb_run_id=77), make_run(team, camb_run_id=None, camb_task_id="abc-1")
    trash.remove_runs(team, [old.pk], by="Ann")
    trash.delete_removed(team, [old.pk])
    merge.merge_task(task, TaskAnswer("SUCCESS", 77, "", ""))
    task.save()
    assert list(team.runs.filter(camb_run_id=77)) == [task]
    tasks.purge_trash()
    assert list(team.runs.all()) == [task]


def test_what_a_turn_leaves_is_left_to_another_task(team, enqueued, monkeypatch):
    monkeypatch.setattr(trash, "MAX_SECONDS", -1)
    run = make_run(team)
    trash.remove_runs(team, [run.pk], by="Ann")
    grow_old()
    tasks.purge_trash()
    assert (Run.objects.count(), enqueued[-1]) == (1, ("purge_trash",))


def test_a_team_whose_removals_fail_holds_up_no_other(team, monkeypatch, caplog):
    runs = [make_run(team), make_run()]
    for run in runs:
        trash.remove_runs(run.team, [run.pk], by="")
    Run.objects.update(removed_at=clock.now() - 2 * trash.TRASH_TIME)
    delete_run = trash.delete_run

    def fail_for_one(run, which=trash._ANY):
        if run.pk == runs[0].pk:
            raise ValueError
        delete_run(run, which)

    monkeypatch.setattr(trash, "delete_run", fail_for_one)
    trash.purge_trash()
    assert Run.objects.pks() == [runs[0].pk]
    assert f"What team {team.pk} has removed could not be deleted" in caplog.text


def test_a_run_that_was_restored_meanwhile_is_not_deleted(team):
    run = make_run(team)
    trash.delete_run(run, Q(removed_at__lte=clock.now()))
    assert Run.objects.get() == run


def test_words_and_tags_stay_while_another_run_has_them(team):
    old, kept = make_searchable_run(team, "zanzibar common"), make_searchable_run(team, "common")
    for run in (old, kept):
        indexing.learn_words(run.dubs.get())
    tags.add_tags(team, {old.pk: ["both", "own"], kept.pk: ["both"]})
    trash.remove_runs(team, [old.pk], by="Ann")
    sync_pending()
    grow_old()
    tasks.purge_trash()
    words = set(VocabularyWord.objects.filter(team=team).values_list("word", flat=True))
    assert {"common", "zanzibar"} & words == {"common"}
    assert list(team.tags.values_list("name", flat=True)) == ["both"]


MARK = "zanzibar"
# FTS5 keeps its terms here in a form of its own until it next merges them; a search shows whether they are gone.
SHADOW_TABLES = ("_data", "_idx", "_docsize", "_config", "_content")


def tables_with(mark: str) -> list[str]:
    """Return the tables with this text in any row or column."""
    with connection.cursor() as cursor:
        names = [name for name in connection.introspection.table_names(cursor) if not name.endswith(SHADOW_TABLES)]
        found = []
        for name in names:
            cursor.execute(f'SELECT * FROM "{name}"')
            rows = (
                bytes(cell) if isinstance(cell, memoryview) else cell for row in cursor.fetchall() for cell in row
            )
            if any(mark in str(cell).lower() for cell in rows):
                found.append(name)
    return sorted(found)


def make_full_run(team: Team) -> Run:
    """Make a run with a row in every table that a run can have one in, and with files."""
    run = make_ready_run(team, title=f"{MARK} film", camb_run_id=4711, reason=MARK)
    dub = make_dub(run, [f"{MARK} line"], video_url=f"https://x.example/{MARK}.mp4")
    Cue.objects.filter(dub=dub).update(speaker=f"{MARK} speaker")
    indexing.add_cues(dub.cues.select_related("dub"))
    other = make_searchable_dub(make_ready_run(team, title=f"{MARK} other"), ["one"])
    join_runs(team, [run.pk, other.run_id], f"{MARK} source")
    tags.add_tags(team, {run.pk: [MARK]})
    indexing.learn_words(dub)
    RawAnswer.objects.create(run=run, body=MARK.encode(), size=8, fetched_at=timezone.now())
    SpeakerName.objects.create(team=team, run=run, original=MARK, name=MARK)
    DismissedCheck.objects.create(dub=dub, kind="fast", text_hash="a", nth=1, reason=MARK)
    call = Call.objects.create(team=team, at=timezone.now(), ms=1, outcome=Call.Outcome.ANSWERED, run_count=1)
    Attempt.objects.create(call=call, run=run, change=MARK)
    searcher = team.memberships.earliest("pk").user
    saved = SavedSearch.objects.create(team=team, owner=searcher, q="hello")
    SearchAlert.objects.create(saved_search=saved, dub=dub, count=1)
    trash.remove_runs(team, [other.run_id], by="Ann")
    for kind, state in (("video", MediaCopy.State.KEPT), ("audio", MediaCopy.State.WAITING)):
        copy = MediaCopy.objects.create(
            team=team,
            dub=dub,
            kind=kind,
            state=state,
            name=f"{team.pk}/{kind}",
            content_type=f"{kind}/mp4",
            source=MARK,
            waveform=MARK.encode(),
        )
        default_storage.save(copy.name, ContentFile(MARK.encode()))
        part = part_files.path(copy)
        part.write_bytes(MARK.encode())
    return run


def files_with(mark: str) -> list[Path]:
    """Return the files of copies, whole or in part, with this text in them."""
    found = [path for folder in (copies.local_folder(), part_files.folder()) for path in folder.rglob("*")]
    return [path for path in found if path.is_file() and mark.encode() in path.read_bytes()]


@pytest.mark.parametrize("what", ["run", "team"])
def test_nothing_is_left_of_what_is_deleted_in_any_table_or_folder(team, what):
    run = make_full_run(team)
    assert len(tables_with(MARK)) >= 11
    assert len(files_with(MARK)) == 4
    if what == "run":
        trash.remove_runs(team, [run.pk], by="Ann")
    else:
        trash.remove_team(team, by="Ann")
    sync_pending()
    grow_old()
    tasks.purge_trash()
    tasks.sync_copies()
    assert tables_with(MARK) == []
    assert files_with(MARK) == []
    assert search(team.pk, MARK).hits == []
    assert Team.objects.filter(pk=team.pk).exists() == (what == "run")


def test_copies_of_removed_runs_and_teams_are_not_fetched(team):
    dub = make_dub(make_ready_run(team))
    gone = make_dub(make_ready_run(make_team()))
    for one in (dub, gone):
        MediaCopy.objects.create(team=one.team, dub=one, kind="video", name=f"{one.pk}/v")
    assert MediaCopy.objects.due(clock.now()).count() == 2
    trash.remove_team(gone.team, by="Ann")
    trash.remove_runs(team, [dub.run_id], by="Ann")
    assert not MediaCopy.objects.due(clock.now()).exists()
