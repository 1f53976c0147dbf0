"""The tab Retention: owners set how long things are kept, and see what that deletes before it is saved."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from results.models import Call, CopyPolicy, MediaCopy, Retention, Run
from results.runs.retention import Limits, apply_retention, limits_of
from teams.models import AuditEntry, Membership, Team
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_dub, make_member, make_run, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def page_url(team: Team) -> str:
    return reverse("retention", args=[team.slug])


def days_ago(days: float):
    return timezone.now() - timedelta(days=days)


def fill(team: Team, days: float, n: int = 1) -> None:
    """Add archived runs, each with a copy and a call, all of this age."""
    for _ in range(n):
        dub = make_dub(make_run(team, archived_at=days_ago(days)))
        MediaCopy.objects.create(
            team=team, dub=dub, kind="video", state="kept", state_at=days_ago(days), name=f"{dub.pk}/a"
        )
        Call.objects.create(team=team, at=days_ago(days), ms=1, outcome="answered", run_count=1)


def test_nothing_is_deleted_until_an_owner_says_so(as_owner: Client, team: Team):
    page = as_owner.get(page_url(team)).content.decode()
    assert page.count("kept forever") >= 2
    assert "Empty: 30 days, as set for this server." in page
    assert not Retention.objects.exists()


def test_an_owner_sees_what_is_deleted_before_it_is_saved(as_owner: Client, team: Team):
    fill(team, days=20, n=3)
    fill(team, days=5)
    make_run(team, archived_at=days_ago(20), removed_at=days_ago(1))
    fill(make_team("Other"), days=20)
    wanted = {"archived_run_days": "10", "media_days": "12", "call_log_days": "15"}
    answer = as_owner.post(page_url(team), wanted)
    page = answer.content.decode()
    assert (answer.status_code, Retention.objects.count(), AuditEntry.objects.filter(team=team).count()) == (
        200,
        0,
        0,
    )
    assert "3 runs that were archived more than 10 days ago" in page
    assert "3 copies of media that were made more than 12 days ago" in page
    assert "3 calls to CAMB.AI that are older than 15 days" in page
    assert 'type="hidden" name="archived_run_days" value="10"' in page
    assert as_owner.post(page_url(team), {**wanted, "confirmed": "yes"}).status_code == 302
    assert limits_of(team) == Limits(10, 12, 15)
    [entry] = AuditEntry.objects.filter(team=team)
    assert entry.detail == "retention: archived runs 10 days, copies of media 12 days, calls to CAMB.AI 15 days"
    assert "10 days after they were archived" in as_owner.get(page_url(team)).content.decode()


def test_what_deletes_nothing_is_saved_at_once(as_owner: Client, team: Team):
    fill(team, days=5)
    answer = as_owner.post(page_url(team), {"archived_run_days": "10"}, follow=True)
    assert "Saved. Anything older is deleted within the hour." in answer.content.decode()
    assert limits_of(team) == Limits(archived_run_days=10)


def test_a_limit_is_taken_back(as_owner: Client, team: Team):
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=10, synced_at=timezone.now())
    Retention.objects.create(team=team, archived_run_days=10, media_days=5)
    as_owner.post(page_url(team), {"archived_run_days": "", "media_days": ""})
    assert limits_of(team) == Limits()
    assert CopyPolicy.objects.get().synced_at is None  # so that copies of older media are made again


@pytest.mark.parametrize(
    ("field", "value"),
    [("archived_run_days", "0"), ("media_days", "-1"), ("call_log_days", "31"), ("media_days", "9" * 20)],
)
def test_an_impossible_time_is_refused(as_owner: Client, team: Team, field, value):
    answer = as_owner.post(page_url(team), {field: value, "confirmed": "yes"})
    assert (answer.status_code, Retention.objects.count()) == (422, 0)


def test_a_longer_call_log_given_by_the_administrator_stays(as_owner: Client, team: Team):
    Retention.objects.create(team=team, call_log_days=365)
    assert as_owner.post(page_url(team), {"media_days": "9", "call_log_days": "365"}).status_code == 302
    assert limits_of(team) == Limits(media_days=9, call_log_days=365)


def test_others_see_it_and_cannot_change_it(team: Team):
    manager = signed_in(make_member(team, Membership.Role.MANAGER))
    page = manager.get(page_url(team)).content.decode()
    assert "An owner can change this." in page
    assert 'name="media_days"' not in page
    assert manager.post(page_url(team), {"media_days": "1"}).status_code == 403


def test_the_audit_trail_tells_what_was_deleted(team: Team):
    fill(team, days=20, n=2)
    Retention.objects.create(team=team, archived_run_days=10)
    apply_retention()
    apply_retention()
    assert not Run.objects.filter(team=team).exists()
    [entry] = AuditEntry.objects.filter(team=team)
    assert (entry.kind, entry.count, entry.detail) == ("runs-deleted", 2, "retention: archived for 10 days")


def test_the_page_asks_as_many_queries_with_one_run_as_with_many(
    as_owner: Client, team: Team, django_assert_max_num_queries
):
    fill(team, days=20, n=30)
    with django_assert_max_num_queries(14):
        as_owner.post(page_url(team), {"archived_run_days": "1", "media_days": "1", "call_log_days": "1"})
