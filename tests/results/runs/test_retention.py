"""What is older than its team keeps is deleted; other teams, and what is younger, stay."""

from datetime import timedelta
from time import monotonic

import pytest
from django.utils import timezone

from results.media import copy_sync
from results.models import Call, CopyPolicy, MediaCopy, Retention, Run
from results.refresh import call_log
from results.runs import retention, trash
from results.runs.retention import apply_retention, limits_of
from teams.models import AuditEntry
from tests.factories import make_dub, make_ready_run, make_run, make_searchable_run, make_team

pytestmark = pytest.mark.django_db


def days_ago(days: float):
    return timezone.now() - timedelta(days=days)


def test_archived_runs_go_after_the_days_of_their_team():
    team, other = make_team(), make_team()
    Retention.objects.create(team=team, archived_run_days=90)
    old = make_searchable_run(team, "hello", archived_at=days_ago(91))
    young, current = make_run(team, archived_at=days_ago(89)), make_ready_run(team, created_at=days_ago(500))
    of_others = make_run(other, archived_at=days_ago(500))
    apply_retention()
    assert set(Run.objects.pks()) == {young.pk, current.pk, of_others.pk}
    assert not Run.objects.filter(pk=old.pk).exists()


def test_copies_go_after_the_days_of_their_team_and_do_not_come_back():
    team = make_team()
    run = make_ready_run(team, checked_at=timezone.now())
    dub = make_dub(run, ["x"], video_url="https://m.example/1.mp4", media_fetched_at=days_ago(31))
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=10)
    fields = {"name": "1/a", "state": "kept", "state_at": days_ago(31)}
    copy = MediaCopy.objects.create(team=team, dub=dub, kind="video", **fields)
    apply_retention()
    assert MediaCopy.objects.get().dub == dub
    Retention.objects.create(team=team, media_days=30)
    apply_retention()
    assert MediaCopy.objects.get().dub is None
    assert Run.objects.get().version > run.version  # open lists show that the picture is gone
    copy_sync.find_new_media()
    assert list(MediaCopy.objects.all()) == [copy]
    Retention.objects.update(media_days=None)
    CopyPolicy.objects.update(synced_at=None)
    copy_sync.find_new_media()
    assert MediaCopy.objects.filter(dub=dub, state="waiting").exists()


def test_a_team_may_keep_calls_for_less_or_more_than_the_server(settings):
    settings.CALL_LOG_DAYS = 30
    short, long, plain = make_team(), make_team(), make_team()
    Retention.objects.create(team=short, call_log_days=7)
    Retention.objects.create(team=long, call_log_days=365)
    for team in (short, long, plain):
        for days in (1, 8, 31):
            Call.objects.create(team=team, at=days_ago(days), ms=1, outcome="answered", run_count=1)
    assert call_log.delete_old() == 3
    assert [Call.objects.filter(team=team).count() for team in (short, long, plain)] == [1, 3, 2]


def test_a_number_of_days_that_no_date_holds_harms_no_team():
    team, other = make_team(), make_team()
    Retention.objects.create(team=team, archived_run_days=10**6, media_days=2**31 - 1, call_log_days=10**6)
    Retention.objects.create(team=other, archived_run_days=90, call_log_days=7)
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=10)
    old = make_run(other, archived_at=days_ago(91))
    for each in (team, other):
        Call.objects.create(team=each, at=days_ago(8), ms=1, outcome="answered", run_count=1)
    apply_retention()
    copy_sync.find_new_media()
    assert call_log.delete_old() == 1
    assert not Run.objects.filter(pk=old.pk).exists()
    assert retention.affected_by(team, limits_of(team)) == retention.Affected(0, 0, 0)


def test_a_team_whose_data_cannot_be_deleted_holds_up_no_other(monkeypatch, caplog):
    team, other = make_team(), make_team()
    for each in (team, other):
        Retention.objects.create(team=each, archived_run_days=90, media_days=90, call_log_days=7)
        make_run(each, archived_at=days_ago(91))
        Call.objects.create(team=each, at=days_ago(8), ms=1, outcome="answered", run_count=1)
    delete_runs, delete_calls = trash.delete_runs, call_log._delete_calls

    def refuse_runs(of_team, which, deadline):
        if of_team == team:
            raise ValueError
        return delete_runs(of_team, which, deadline)

    def refuse_calls(calls):
        if calls.filter(team=team).exists():
            raise ValueError
        return delete_calls(calls)

    monkeypatch.setattr(retention, "delete_runs", refuse_runs)
    monkeypatch.setattr(call_log, "_delete_calls", refuse_calls)
    apply_retention()
    call_log.delete_old()
    assert [Run.objects.get().team, Call.objects.get().team] == [team, team]
    assert len(caplog.messages) == 2


def test_a_large_team_leaves_time_for_the_others(monkeypatch):
    large, small = make_team(), make_team()
    for team, count in ((large, 3), (small, 1)):
        Retention.objects.create(team=team, archived_run_days=90)
        for _ in range(count):
            make_run(team, archived_at=days_ago(91))
    shares = {}

    def note_share(team, which, deadline):
        shares[team] = deadline - monotonic()

    monkeypatch.setattr(retention, "delete_runs", note_share)
    apply_retention()
    assert list(shares) == [small, large]
    assert shares[small] < retention.MAX_SECONDS * 0.51


def test_a_turn_that_deletes_nothing_leaves_no_entry(monkeypatch):
    team = make_team()
    Retention.objects.create(team=team, archived_run_days=90)
    make_run(team, archived_at=days_ago(91))
    monkeypatch.setattr(retention, "MAX_SECONDS", -1)
    apply_retention()
    assert (Run.objects.count(), AuditEntry.objects.count()) == (1, 0)
