"""The metrics: for holders of the token only, counted over all processes of a web server."""

from datetime import timedelta

import pytest
from django.utils import timezone

from results.models import Call, MediaCopy
from tests.factories import make_key, make_run, make_team, make_worker
from tests.metric_samples import metric_samples

TOKEN = "a-token-for-tests"


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Bearer "])
def test_without_the_token_there_is_no_such_page(client, settings, header):
    assert client.get("/metrics/", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = TOKEN
    assert client.get("/metrics/", headers={"Authorization": header}).status_code == 404


@pytest.mark.django_db
def test_metrics_show_the_state_of_the_work(client, settings):
    settings.METRICS_TOKEN = TOKEN
    team = make_team()
    make_key(team)
    make_run(team, due_at=timezone.now() - timedelta(hours=1))
    make_worker()
    for minutes, outcome in ((1, "answered"), (2, "answered"), (3, "refused"), (6, "refused")):
        at = timezone.now() - timedelta(minutes=minutes)
        Call.objects.create(team=team, at=at, ms=1, outcome=outcome, run_count=1)
    MediaCopy.objects.create(team=team, kind="video", name="1/a", state="kept", size=1000)
    answer = client.get("/metrics/", headers={"Authorization": f"Bearer {TOKEN}"})
    found = metric_samples(answer.content.decode())
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    expected = {
        ("dubroom_due_runs",): 1,
        ("dubroom_unfinished_runs",): 1,
        ("dubroom_leases",): 0,
        ("dubroom_workers",): 1,
        ("dubroom_calls_5m", "answered"): 2,
        ("dubroom_calls_5m", "refused"): 1,
        ("dubroom_calls_5m", "unavailable"): 0,
        ("dubroom_media_copies",): 1,
        ("dubroom_media_bytes",): 1000,
    }
    assert {name: found[name] for name in expected} == expected
    assert 3600 <= found["dubroom_oldest_due_age_seconds",] < 3700
    assert found["dubroom_heartbeat_age_seconds",] < 60
    assert ("dubroom_queued_messages", "interactive") in found
