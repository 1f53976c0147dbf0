"""What is older than its team keeps is deleted; other teams, and what is younger, stay."""

from datetime import timedelta

import pytest
from django.utils import timezone

from results.media import copy_sync
from results.models import Call, CopyPolicy, MediaCopy, Retention, Run
from results.refresh import call_log
from results.runs.retention import apply_retention
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
