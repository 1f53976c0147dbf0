"""New, changed and removed media over real HTTP: which copies are made, and which files are deleted."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from demo.server import Reply
from results.media import copies, copy_storage, copy_sync, quota
from results.models import CopyPolicy, Dub, MediaCopy
from results.runs.trash import delete_run
from tests.factories import make_dub, make_run
from tests.results.media.copy_helpers import (
    GB,
    VIDEO,
    link,
    ready_dub,
    requested_ranges,
    stored_files,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


def test_team_with_copies_switched_off_gets_none(team, host, sync):
    CopyPolicy.objects.update(is_enabled=False)
    ready_dub(team, host)
    assert (sync(), requested_ranges(host)) == (None, [])


def test_link_that_is_no_web_address_gets_no_copy(team, host, sync):
    ready_dub(team, host, video_url="file:///etc/passwd")
    assert sync() is None


def test_switching_on_copies_existing_media_and_then_only_newly_stored_results(team, host, sync):
    CopyPolicy.objects.all().delete()
    first = ready_dub(team, host)
    quota.set_policy(team, is_on=True, most_gb=3)
    assert (CopyPolicy.objects.get().quota_bytes, sync().dub) == (3 * GB, first)
    second = ready_dub(team, host)
    sync()
    assert copies.playable_copy(second, "video")
    stored_before = make_dub(make_run(team, checked_at=timezone.now() - timedelta(days=1)), video_url=link(host))
    sync()
    assert not stored_before.copies.exists()


def test_answer_that_is_stored_long_after_its_lease_began_gets_its_copy_within_a_minute(team, host, sync, clock):
    sync()
    asked_at = timezone.now() - timedelta(minutes=15)  # its batch was halved, and each call took a minute
    run = make_run(team, status="ready", due_at=None, checked_at=asked_at)
    dub = make_dub(run, video_url=link(host))
    clock(60)
    assert sync_dub(dub, sync)


def test_dubs_of_a_large_sweep_are_read_once_a_minute_and_without_waveforms(team, host, sync, clock):
    dub = ready_dub(team, host)
    sync()
    clock(300 - timezone.now().second)
    read = []
    for _ in range(6):
        with CaptureQueriesContext(connection) as queries:
            copy_sync.find_new_media()
        read.append([query["sql"] for query in queries if 'FROM "results_mediacopy"' in query["sql"]])
        clock(10)
    assert [len(sql) for sql in read] == [1, 0, 0, 0, 0, 0]
    assert "waveform" not in read[0][0]
    assert dub.copies.exists()


def test_sync_from_before_the_clock_was_set_back_hides_no_new_media(team, host, sync):
    CopyPolicy.objects.update(synced_at=timezone.now() + timedelta(days=1))
    assert sync_dub(ready_dub(team, host), sync)
    assert CopyPolicy.objects.get().synced_at <= timezone.now()


def sync_dub(dub, sync) -> bool:
    """Sync, and return whether the dub has a kept copy of its video."""
    sync()
    return copies.playable_copy(dub, "video") is not None


def test_new_link_is_fetched_and_the_old_file_deleted(team, host, sync, data_dir):
    dub = ready_dub(team, host)
    before = sync()
    host.files["/v2.mp4"] = VIDEO + b"more"
    Dub.objects.update(video_url=link(host, "/v2.mp4?Expires=9999999999"))
    dub.refresh_from_db()
    assert copies.playable_copy(dub, "video") is None
    sync()
    sync()
    after = MediaCopy.objects.get()
    assert after.pk != before.pk
    assert (after.size, [path.name for path in stored_files(data_dir)]) == (len(VIDEO) + 4, [Path(after.name).name])


def test_link_that_returns_to_the_kept_file_drops_the_waiting_successor(team, host, sync, data_dir):
    dub = ready_dub(team, host)
    before = sync()
    Dub.objects.update(video_url=link(host, "/v2.mp4"))
    host.files["/v2.mp4"] = Reply(503)
    sync()
    Dub.objects.update(video_url=link(host))
    dub.refresh_from_db()
    sync()
    sync()
    assert copies.playable_copy(dub, "video") == MediaCopy.objects.get() == before


def test_new_signature_of_the_same_link_does_not_fetch_again(team, host, sync):
    dub = ready_dub(team, host)
    sync()
    Dub.objects.update(video_url=link(host) + "?Expires=9999999999&Signature=other")
    dub.refresh_from_db()
    assert sync() == copies.playable_copy(dub, "video")
    assert requested_ranges(host) == [None]


# --- Removal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["FileSystemStorage", "Bucket"])
def test_removed_run_has_its_files_deleted(team, host, sync, store_in, storage):
    store_in(storage)
    gone, stays = ready_dub(team, host), ready_dub(team, host)
    sync()
    name = MediaCopy.objects.get(dub=gone).name
    delete_run(gone.run)
    assert quota.usage_of(team).kept == 2
    sync()
    assert (MediaCopy.objects.get().dub, default_storage.exists(name)) == (stays, False)


def test_removed_team_has_its_files_deleted(team, host, sync, data_dir):
    dub = ready_dub(team, host)
    sync()
    assert len(stored_files(data_dir)) == 1
    delete_run(dub.run)
    team.delete()
    sync()
    assert (MediaCopy.objects.count(), stored_files(data_dir)) == (0, [])


def test_file_that_cannot_be_deleted_is_tried_again(team, host, sync, store_in, data_dir):
    dub = ready_dub(team, host)
    sync()
    delete_run(dub.run)
    store_in("Undeletable")
    sync()
    assert (MediaCopy.objects.count(), len(stored_files(data_dir))) == (1, 1)
    store_in("FileSystemStorage")
    assert (sync(), stored_files(data_dir)) == (None, [])


def test_files_that_cannot_be_deleted_hold_up_no_others(team, monkeypatch, caplog):
    undeletable = {f"{team.pk}/{n}" for n in range(3)}
    names = [*sorted(undeletable), f"{team.pk}/last"]
    MediaCopy.objects.bulk_create([MediaCopy(kind="video", name=name) for name in names])
    tried = []

    def delete_file(copy, mark):
        tried.append(copy.name)
        if copy.name in undeletable:
            raise PermissionError(copy.name)
        return True

    monkeypatch.setattr(copy_storage, "delete_file", delete_file)
    monkeypatch.setattr(copy_sync, "REMOVED_AT_ONCE", 3)
    for _ in range(2):
        copy_sync.delete_removed()
    assert set(MediaCopy.objects.values_list("name", flat=True)) == undeletable
    assert len(set(tried)) == 4
    undeletable = set()
    copy_sync.delete_removed()
    assert not MediaCopy.objects.exists()
    assert caplog.messages[0].startswith("The files of 3 removed copies could not be deleted;")
