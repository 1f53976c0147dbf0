"""The metrics: for holders of the token only, counted over all processes of a web server."""

import errno
import os
from datetime import timedelta

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.utils import timezone

from dashboard.http import metrics
from dashboard.http.metrics import measured_requests
from results.models import Call, MediaCopy, ScheduledTask
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
    ScheduledTask.objects.create(name="refresh-due", next_at=timezone.now() - timedelta(minutes=3))
    for minutes, outcome in ((1, "answered"), (2, "answered"), (3, "refused"), (6, "refused")):
        at = timezone.now() - timedelta(minutes=minutes)
        Call.objects.create(team=team, at=at, ms=1, outcome=outcome, run_count=1)
    MediaCopy.objects.create(team=team, kind="video", name="1/a", state="kept", size=1000)
    answer = client.get("/metrics/", headers={"Authorization": f"Bearer {TOKEN}"})
    found = metric_samples(answer.content.decode())
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    expected = {
        ("dubroom_database_up",): 1,
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
    assert 180 <= found["dubroom_beat_delay_seconds",] < 280
    assert ("dubroom_queued_messages", "interactive") in found


@pytest.mark.django_db
def test_a_beat_that_was_never_started_has_no_delay(client, settings):
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics/", headers={"Authorization": f"Bearer {TOKEN}"})
    found = metric_samples(answer.content.decode())
    assert (found["dubroom_workers",], ("dubroom_beat_delay_seconds",) in found) == (0, False)


@pytest.mark.django_db
def test_metrics_tell_that_the_database_is_away_and_what_was_counted(client, settings, monkeypatch):
    settings.METRICS_TOKEN = TOKEN
    metrics.REQUESTS.labels("some-view", "GET", "503").inc()

    def refuse(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/metrics/", headers={"Authorization": f"Bearer {TOKEN}"})
    found = metric_samples(answer.content.decode())
    assert (answer.status_code, found["dubroom_database_up",]) == (200, 0)
    assert found["dubroom_requests_total", "GET", "503", "some-view"] >= 1
    assert ("dubroom_queued_messages", "interactive") in found
    assert ("dubroom_due_runs",) not in found


def test_a_folder_that_cannot_be_written_to_costs_only_the_counts(settings, monkeypatch, caplog):
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/dev/null/metrics")
    with pytest.raises(MiddlewareNotUsed):
        measured_requests(lambda request: HttpResponse())
    assert "Requests are not counted until the next start: [Errno 20] Not a directory" in caplog.text


def test_a_disk_without_room_for_the_files_costs_only_the_counts(settings, monkeypatch, tmp_path, caplog):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(os, "posix_fallocate", fail)
    with pytest.raises(MiddlewareNotUsed):
        measured_requests(lambda request: HttpResponse())
    assert (list(tmp_path.iterdir()), "No space left on device" in caplog.text) == ([], True)
