"""A copy is free again soon after its worker was killed or told to stop, and nothing it received is lost."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage

from results import clock, queue
from results.media import copy_fetch, download, links, part_files, still_files, stills
from results.models import MediaCopy, WorkerHeartbeat
from results.refresh import heartbeat
from tests.factories import make_worker
from tests.results.media.copy_helpers import VIDEO, requested_ranges

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


def test_lease_of_a_killed_worker_ends_with_its_heartbeat(waiting):
    living = make_worker()
    hour = clock.now() + copy_fetch.STORE_LEASE_DURATION
    MediaCopy.objects.update(lease=uuid.uuid4(), lease_until=hour, leased_by=living.pk)
    assert copy_fetch.claim_due() == []
    WorkerHeartbeat.objects.update(seen_at=clock.now() - WorkerHeartbeat.DEAD_AFTER - timedelta(seconds=1))
    [_lease] = copy_fetch.claim_due()


def test_each_lease_names_the_worker_that_holds_it(waiting, host, worker, monkeypatch):
    monkeypatch.setattr(heartbeat, "worker_id", make_worker().pk)
    seen = []

    def note(result):
        seen.append(MediaCopy.objects.get().leased_by)
        return result

    live_url = links.live_url
    monkeypatch.setattr(links, "live_url", lambda *args, **named: note(live_url(*args, **named)))
    copy_fetch.enqueue_due()
    assert MediaCopy.objects.get().leased_by == heartbeat.worker_id
    worker()
    MediaCopy.objects.update(still_bytes=None)
    monkeypatch.setattr(still_files, "take", lambda *_: note(stills.EMPTY))
    still_files.take_missing()
    assert (seen, MediaCopy.objects.get().leased_by) == ([heartbeat.worker_id] * 2, None)


def test_worker_that_stops_leaves_the_rest_of_a_download_to_the_next(waiting, host, sync, monkeypatch):
    monkeypatch.setattr(download, "PIECE_BYTES", 100_000)
    monkeypatch.setattr(queue, "is_worker_stopping", lambda: True)
    [lease] = copy_fetch.claim_due()
    copy_fetch.fetch_copy(str(lease))
    copy = MediaCopy.objects.get()
    assert (copy.state, copy.message, copy.failures, 0 < copy.received_bytes < len(VIDEO)) == (
        "waiting",
        "",
        0,
        True,
    )
    monkeypatch.setattr(queue, "is_worker_stopping", lambda: False)
    assert sync().state == "kept"
    assert requested_ranges(host)[-1] == f"bytes={copy.received_bytes}-"


def test_worker_that_stops_does_not_begin_to_store(waiting, host, sync, monkeypatch):
    monkeypatch.setattr(
        queue, "is_worker_stopping", lambda: part_files.length(MediaCopy.objects.get()) == len(VIDEO)
    )
    [lease] = copy_fetch.claim_due()
    copy_fetch.fetch_copy(str(lease))
    copy = MediaCopy.objects.get()
    assert (copy.state, copy.received_bytes, default_storage.exists(copy.name)) == ("waiting", len(VIDEO), False)
    monkeypatch.setattr(queue, "is_worker_stopping", lambda: False)
    assert (sync().state, requested_ranges(host)) == ("kept", [None])


def test_file_that_a_worker_without_its_lease_still_stores_is_left_to_it(waiting, host, sync, monkeypatch):
    monkeypatch.setattr(
        queue, "is_worker_stopping", lambda: part_files.length(MediaCopy.objects.get()) == len(VIDEO)
    )
    [lease] = copy_fetch.claim_due()
    copy_fetch.fetch_copy(str(lease))
    monkeypatch.setattr(queue, "is_worker_stopping", lambda: False)
    with part_files.open_for_writing(MediaCopy.objects.get()):
        copy = sync()
    assert (copy.state, copy.failures, default_storage.exists(copy.name)) == ("waiting", 0, False)
