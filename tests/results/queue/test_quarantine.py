"""An item of a backlog that fails is left out for a while, and holds up none of the others."""

import time
from collections.abc import Callable
from types import ModuleType

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, transaction

from results import clock, tags, tasks
from results.dubs import checks, speakers
from results.dubs import languages as dub_languages
from results.media import copy_sync
from results.models import CopyPolicy, Cue, Dub, LargeChange, MediaCopy, Run, SearchAlert, SpeakerName, Tag
from results.queue import backlogs
from results.runs import archive, large_changes, source_suggestions
from results.runs.source_names import name_key
from results.search import find, indexing, saved, titles
from teams.models import Membership
from tests.factories import make_dub, make_ready_run, make_run, make_searchable_dub, make_searchable_run, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def fail_for(monkeypatch) -> Callable[[ModuleType, str, object], None]:
    """Have this function of a module raise when its first argument is this one."""

    def patch(module: ModuleType, name: str, bad: object) -> None:
        function = getattr(module, name)

        def fail(first, *rest, **named):
            if first == bad:
                raise ValueError
            return function(first, *rest, **named)

        monkeypatch.setattr(module, name, fail)

    return patch


def test_a_run_that_cannot_be_synced_leaves_the_index_to_others(fail_for, monkeypatch, caplog, enqueued):
    monkeypatch.setattr(archive, "_RUNS_PER_CHUNK", 1)
    monkeypatch.setattr(archive, "MAX_SECONDS", 60)
    bad, _good = (make_searchable_run(make_team(), "one") for _ in range(2))
    Run.objects.update(archived_at=clock.now())
    fail_for(archive, "_sync_run", bad.pk)
    tasks.apply_run_changes()
    assert (Run.objects.filter(is_indexed=True).pks(), enqueued) == ([bad.pk], [])
    assert f"The search index could not be synced with run {bad.pk}" in caplog.text


def test_a_failed_item_is_left_out_for_a_while_and_then_tried_again(fail_for, monkeypatch, caplog):
    run = make_searchable_run(make_team(), "one")
    Run.objects.update(archived_at=clock.now())
    with monkeypatch.context() as context:
        context.setattr(archive, "_sync_run", lambda pk: 1 // 0)
        tasks.apply_run_changes()
    caplog.clear()
    tasks.apply_run_changes()
    assert (Run.objects.get(pk=run.pk).is_indexed, caplog.text) == (True, "")
    for key in backlogs.quarantined_until:
        backlogs.quarantined_until[key] -= backlogs.RETRY_SECONDS
    tasks.apply_run_changes()
    assert not Run.objects.get(pk=run.pk).is_indexed


def test_an_item_whose_own_statement_fails_holds_up_no_other_and_is_soon_tried_again(monkeypatch, enqueued):
    teams = [make_team() for _ in range(2)]
    bad, _good = (make_searchable_run(team, "one") for team in teams)
    Run.objects.update(archived_at=clock.now())
    sync = archive._sync_run

    def too_slow(pk: int) -> None:
        if pk == bad.pk:
            with transaction.atomic():
                raise OperationalError("canceling statement due to statement timeout")
        sync(pk)

    monkeypatch.setattr(archive, "_sync_run", too_slow)
    tasks.apply_run_changes()
    assert (Run.objects.filter(is_indexed=True).pks(), enqueued) == ([bad.pk], [])
    [until] = backlogs.quarantined_until.values()
    assert until - time.monotonic() <= backlogs.TRANSIENT_RETRY_SECONDS


@pytest.mark.parametrize("is_away", [True, False])
def test_a_database_that_is_away_or_takes_no_changes_ends_the_turn_at_its_first_item(monkeypatch, is_away):
    tried = []

    def fail(pk: int) -> None:
        tried.append(pk)
        raise OperationalError("server closed the connection unexpectedly")

    def refuse(*args: object, **more: object) -> None:
        raise OperationalError("could not extend file: No space left on device")

    monkeypatch.setattr(archive, "_sync_run", fail)
    monkeypatch.setattr(connection, "is_usable", lambda: not is_away)
    monkeypatch.setattr(Session, "save", refuse)
    for _ in range(3):
        make_searchable_run(make_team(), "one")
    Run.objects.update(archived_at=clock.now())
    with pytest.raises(OperationalError):
        tasks.apply_run_changes()
    assert (len(tried), backlogs.quarantined_until) == (1, {})


def test_when_every_item_fails_the_task_fails(monkeypatch):
    monkeypatch.setattr(backlogs, "MAX_QUARANTINED", 2)
    monkeypatch.setattr(archive, "_sync_run", lambda pk: 1 // 0)
    for _ in range(3):
        make_searchable_run(make_team(), "one")
    Run.objects.update(archived_at=clock.now())
    with pytest.raises(ZeroDivisionError):
        tasks.apply_run_changes()


def test_a_team_whose_large_change_fails_holds_up_no_other(fail_for, enqueued):
    bad, good = runs = [make_run() for _ in range(2)]
    for run in runs:
        LargeChange.objects.create(team=run.team, kind="archived", at=clock.now(), by="", pks=[run.pk])
    fail_for(large_changes, "_change_chunk", bad.team)
    for _ in range(2):
        tasks.apply_run_changes()
    assert Run.objects.exclude(archived_at=None).pks() == [good.pk]
    assert enqueued == []


def test_a_dub_whose_language_cannot_be_read_holds_up_no_other(fail_for, monkeypatch, enqueued):
    monkeypatch.setattr(dub_languages, "DUBS_PER_TASK", 1)
    _good, bad = (make_dub(make_ready_run(make_team()), ["Hola"]) for _ in range(2))
    fail_for(dub_languages, "_detect", bad)
    for _ in range(3):
        tasks.detect_languages()
    assert list(Dub.objects.filter(is_language_detected=False)) == [bad]
    assert len(enqueued) == 2


def test_a_dub_whose_checks_cannot_be_made_holds_up_no_other(fail_for, monkeypatch, enqueued):
    monkeypatch.setattr(checks, "_DUBS_PER_CHUNK", 1)
    monkeypatch.setattr(checks, "MAX_SECONDS", 60)
    _good, bad = (make_dub(make_ready_run(make_team()), ["Hola"], is_language_detected=True) for _ in range(2))
    fail_for(checks, "store_checks", bad)
    tasks.store_checks()
    assert list(Dub.objects.filter(has_current_checks=False)) == [bad]
    assert enqueued == []


def test_a_dub_on_which_searches_fail_holds_up_no_other(fail_for, monkeypatch):
    monkeypatch.setattr(saved, "MAX_DUBS", 1)
    bad, _good = (make_searchable_dub(make_ready_run(make_team()), is_alert_checked=False) for _ in range(2))
    fail_for(indexing, "learn_words", bad)
    for _ in range(2):
        tasks.match_saved_searches()
    assert list(Dub.objects.filter(is_alert_checked=False)) == [bad]


def test_a_saved_search_that_fails_leaves_the_teams_other_searches_their_alerts(fail_for, monkeypatch):
    dub = make_searchable_dub(make_ready_run(make_team()), ["the kitchen"], is_alert_checked=False)
    owner = Membership.objects.get(team=dub.team)
    for q in ("bad", "kitchen"):
        saved.save_search(owner, q, is_shared=False)
    count = find.count_in_dub
    monkeypatch.setattr(saved, "count_in_dub", lambda dub, q: 1 // 0 if q == "bad" else count(dub, q))
    tasks.match_saved_searches()
    assert SearchAlert.objects.get().saved_search.q == "kitchen"


def test_a_run_whose_speakers_cannot_be_renamed_holds_up_no_other_and_is_tried_again(monkeypatch, enqueued):
    team = make_team()
    named, bad, good = (make_searchable_run(team, "one") for _ in range(3))
    apply, tried = speakers.apply_names, []

    def fail_for_bad(run: Run) -> None:
        tried.append(run)
        if run == bad:
            raise ValueError
        apply(run)

    def rename(run: Run, speaker: str, name: str, *, is_failing: bool) -> None:
        speakers.rename_speaker(run, speaker, name, everywhere=True)
        with monkeypatch.context() as context:
            if is_failing:
                context.setattr(speakers, "apply_names", fail_for_bad)
            for _ in range(4):
                tasks.apply_speaker_names()

    for was, name in (("Anna", "Kim"), ("Kim", "")):
        tried.clear()
        rename(named, was, name, is_failing=True)
        assert Cue.objects.get(run=bad).speaker == was
        assert Cue.objects.get(run=good).speaker == (name or "Anna")
        assert tried.count(bad) == 1
        enqueued.clear()
        backlogs.quarantined_until.clear()
        tasks.apply_speaker_names()
        assert Cue.objects.get(run=bad).speaker == (name or "Anna")
        assert (SpeakerName.objects.filter(applied_through__isnull=False).count(), enqueued) == (0, [])
        assert SpeakerName.objects.exclude(run=None).count() == 0
    assert SpeakerName.objects.count() == 0


def test_a_team_whose_media_cannot_be_copied_holds_up_no_other(monkeypatch):
    bad, good = dubs = [
        make_dub(make_ready_run(make_team()), video_url="https://x.example/1.mp4") for _ in range(2)
    ]
    for dub in dubs:
        CopyPolicy.objects.create(team=dub.team, is_enabled=True, quota_bytes=2**30)
    sync = copy_sync._sync_dubs
    monkeypatch.setattr(copy_sync, "_sync_dubs", lambda dubs: 1 // 0 if dubs == [bad] else sync(dubs))
    copy_sync.find_new_media()
    assert MediaCopy.objects.get(kind="video").dub == good


def test_a_title_or_a_tag_that_cannot_be_folded_holds_up_no_other(fail_for, monkeypatch, enqueued):
    monkeypatch.setattr(titles, "_RUNS_PER_CHUNK", 1)
    monkeypatch.setattr(tags, "_TAGS_PER_CHUNK", 1)
    bad, good = (make_run(title=title, title_folded=None) for title in ("bad", "good"))
    tags.add_tags(good.team, {good.pk: ["bad", "good"]})
    Tag.objects.update(letters=None)
    fail_for(titles, "fold", "bad")
    fail_for(tags, "search_form", "bad")
    for _ in range(3):
        tasks.fill_search_forms()
    assert Run.objects.filter(title_folded=None).pks() == [bad.pk]
    assert Tag.objects.get(letters=None).name == "bad"
    assert len(enqueued) == 2


def test_a_run_that_cannot_be_compared_holds_up_no_other(monkeypatch, enqueued):
    monkeypatch.setattr(source_suggestions, "_RUNS_PER_CHUNK", 2)
    monkeypatch.setattr(source_suggestions, "MAX_SECONDS", 60)
    bad, *_others = (make_run(title=title, cue_count=1) for title in ("bad", "one", "two"))
    monkeypatch.setattr(source_suggestions, "name_key", lambda title: 1 // 0 if title == "bad" else name_key(title))
    tasks.suggest_sources()
    assert (Run.objects.uncompared().pks(), enqueued) == ([bad.pk], [])
