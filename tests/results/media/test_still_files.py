"""Stills beside their copies: taken with the copy or later, counted in the quota, and removed with the copy."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from demo.server import MEDIA_DIR
from results import queue, tasks
from results.media import copies, copy_storage, copy_sync, quota, sandbox, still_files, stills
from results.models import CopyPolicy, MediaCopy, Run, ScheduledTask, TeamVersion
from results.runs.trash import delete_run, delete_team, purge_trash
from tests.bucket import Bucket
from tests.results.media.copy_helpers import GB, link, ready_dub, stored_files

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]

FILM = (MEDIA_DIR / "lumen-launch.es.mp4").read_bytes()


@pytest.fixture
def film(team, host, sync, real_stills) -> MediaCopy:
    """A kept video with its still."""
    host.files["/v.mp4"] = FILM
    ready_dub(team, host)
    return sync()


@pytest.fixture
def older(film) -> MediaCopy:
    """A kept video as an earlier release left it, without a still."""
    still_files.delete(film)
    MediaCopy.objects.update(still_bytes=None)
    return film


def read_both(copy: MediaCopy) -> list[bytes | None]:
    return [still_files.read(copy, is_small=is_small) for is_small in (False, True)]


# --- With a new copy ---------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["FileSystemStorage", "Bucket"])
def test_a_kept_video_gets_a_still_that_counts_in_the_quota(team, host, sync, store_in, real_stills, storage):
    store_in(storage)
    host.files["/v.mp4"] = FILM
    ready_dub(team, host)
    copy = sync()
    poster, small = read_both(copy)
    assert (copy.state, copy.still_bytes) == ("kept", len(poster) + len(small))
    assert (poster[:4], poster[8:12], small[:4], small[8:12]) == (b"RIFF", b"WEBP", b"RIFF", b"WEBP")
    assert quota.usage_of(team).used == len(FILM) + copy.still_bytes
    assert copies.has_file(copy)


def test_audio_has_no_still(team, host, sync, data_dir, real_stills):
    host.files["/a.mp3"] = b"ID3" + bytes(5000)
    ready_dub(team, host, video_url="", audio_url=link(host, "/a.mp3"))
    copy = sync()
    assert (copy.state, copy.still_bytes, len(stored_files(data_dir))) == ("kept", None, 1)
    assert still_files.take_missing() is False
    assert MediaCopy.objects.get().still_bytes is None


def test_a_hostile_video_costs_only_its_picture(team, host, sync, data_dir, real_stills, real_waveforms, caplog):
    hostile = bytearray(FILM)
    hostile[FILM.index(b"avcC") :] = b"\xff" * (len(FILM) - FILM.index(b"avcC"))
    host.files["/v.mp4"] = bytes(hostile)
    ready_dub(team, host)
    copy = sync()
    assert (copy.state, copy.message, copy.still_bytes, len(stored_files(data_dir))) == ("kept", "", 0, 1)
    assert f"Copy {copy.pk} is kept without a picture: exit code 1: " in caplog.text
    assert default_storage.open(copy.name).read() == bytes(hostile)
    assert still_files.take_missing() is False


def test_a_video_that_takes_too_long_costs_only_its_picture(team, host, sync, real_stills, monkeypatch):
    monkeypatch.setattr(sandbox, "MAX_SECONDS", 0.001)
    host.files["/v.mp4"] = FILM
    ready_dub(team, host)
    copy = sync()
    assert (copy.state, copy.still_bytes) == ("kept", 0)


def test_open_lists_show_a_new_still(film):
    version = Run.objects.get().version
    assert 0 < version <= TeamVersion.current(film.team_id)


def test_without_room_in_the_quota_the_still_waits(team, host, sync, real_stills):
    CopyPolicy.objects.update(quota_bytes=len(FILM) + 1000)
    host.files["/v.mp4"] = FILM
    ready_dub(team, host)
    copy = sync()
    assert (copy.state, copy.still_bytes) == ("kept", None)
    assert (still_files.take_missing(), MediaCopy.objects.get().still_bytes) == (False, None)
    CopyPolicy.objects.update(quota_bytes=GB)
    assert (still_files.take_missing(), MediaCopy.objects.get().still_bytes > 0) == (False, True)


# --- Copies without a still --------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["FileSystemStorage", "Bucket"])
def test_an_older_copy_gets_its_still_later(team, host, sync, store_in, data_dir, real_stills, storage):
    store_in(storage)
    host.files["/v.mp4"] = FILM
    ready_dub(team, host)
    sync()
    MediaCopy.objects.update(still_bytes=None)
    still_files.delete(MediaCopy.objects.get())
    before = TeamVersion.current(team.pk)
    assert still_files.take_missing() is False
    copy = MediaCopy.objects.get()
    assert (sum(map(len, read_both(copy))), copy.lease, copy.lease_until) == (copy.still_bytes, None, None)
    assert TeamVersion.current(team.pk) == Run.objects.get().version == before + 1
    assert list((data_dir / "copying").glob("*")) == []


def test_a_turn_ends_and_the_next_one_follows_at_once(older, monkeypatch):
    ScheduledTask.objects.create(name="take-stills", next_at=timezone.now())
    monkeypatch.setattr(still_files, "MAX_SECONDS", -1)
    tasks.take_stills()
    assert ScheduledTask.objects.get().next_at < timezone.now() + timedelta(seconds=2)
    tasks.take_stills()
    assert ScheduledTask.objects.get().next_at > timezone.now() + timedelta(minutes=4)
    assert MediaCopy.objects.get().still_bytes > 0


def test_a_copy_that_another_worker_has_is_left_to_it(older):
    MediaCopy.objects.update(lease=uuid4(), lease_until=timezone.now() + timedelta(minutes=1))
    assert (still_files.take_missing(), MediaCopy.objects.get().still_bytes) == (False, None)


def test_a_worker_that_stops_begins_no_still(older, monkeypatch):
    monkeypatch.setattr(queue, "is_worker_stopping", lambda: True)
    assert (still_files.take_missing(), MediaCopy.objects.get().still_bytes) == (False, None)


def test_a_copy_whose_file_this_machine_lacks_waits_for_its_still(older):
    default_storage.delete(older.name)
    assert still_files.take_missing() is False
    copy = MediaCopy.objects.get()
    assert (copy.state, copy.still_bytes, copy.lease) == ("kept", None, None)


def test_a_still_of_another_storage_is_left_to_its_machines(older):
    MediaCopy.objects.update(storage="another")
    assert (still_files.take_missing(), MediaCopy.objects.get().still_bytes) == (False, None)


def test_trouble_with_the_storage_ends_the_turn_and_leaves_the_copy_to_the_next(older, monkeypatch, caplog):
    with monkeypatch.context() as patch:
        patch.setattr(still_files, "store", lambda *_: next(iter(())))
        assert still_files.take_missing() is False
    assert f"The still of copy {older.pk} could not be taken" in caplog.text
    copy = MediaCopy.objects.get()
    assert (copy.still_bytes, copy.lease) == (None, None)
    still_files.take_missing()
    assert MediaCopy.objects.get().still_bytes > 0


def test_a_file_elsewhere_that_is_too_large_is_not_fetched_for_its_still(older, store_in, monkeypatch):
    store_in("Bucket")
    Bucket.files[older.name] = FILM
    MediaCopy.objects.update(storage=copy_storage.own_mark())
    monkeypatch.setattr(still_files, "MAX_FETCHED_BYTES", 1000)
    still_files.take_missing()
    assert (MediaCopy.objects.get().still_bytes, list(Bucket.files)) == (0, [older.name])


def test_a_disk_without_room_is_not_filled(older, store_in, monkeypatch, caplog):
    store_in("Bucket")
    Bucket.files[older.name] = FILM
    MediaCopy.objects.update(storage=copy_storage.own_mark())
    monkeypatch.setattr(still_files, "SPARE_BYTES", 2**60)
    assert (still_files.take_missing(), MediaCopy.objects.get().still_bytes) == (False, None)
    assert "too little room on the disk" in caplog.text


def test_a_still_whose_file_is_gone_is_taken_again(film):
    default_storage.delete(still_files.small_name(film))
    assert still_files.read(film, is_small=True) is None
    still_files.take_missing()
    assert sum(map(len, read_both(MediaCopy.objects.get()))) == film.still_bytes


# --- Removal -----------------------------------------------------------------------------------------


def remove_the_run(team) -> None:
    delete_run(Run.objects.get())


def remove_the_team(team) -> None:
    delete_team(team)
    purge_trash()


@pytest.mark.parametrize("remove", [remove_the_run, remove_the_team, quota.remove_all_copies])
def test_a_still_is_deleted_with_its_copy(film, team, data_dir, remove):
    assert len(stored_files(data_dir)) == 3
    remove(team)
    copy_sync.delete_removed()
    assert (stored_files(data_dir), MediaCopy.objects.count()) == ([], 0)


def test_a_replaced_copy_takes_its_still_along(film, host, sync, data_dir):
    host.files["/new.mp4"] = (MEDIA_DIR / "red-bicycle.mp4").read_bytes()
    dub = film.dub
    dub.video_url = link(host, "/new.mp4")
    dub.save()
    CopyPolicy.objects.update(synced_at=None)
    sync()
    copy_sync.delete_removed()
    copy = MediaCopy.objects.get()
    assert (copy.pk != film.pk, len(stored_files(data_dir))) == (True, 3)
    assert sum(map(len, read_both(copy))) == copy.still_bytes


def test_a_still_taken_while_its_copy_was_removed_is_deleted(older, data_dir, monkeypatch):
    def remove_meanwhile(*_):
        delete_run(Run.objects.get())
        return stills.Still(b"poster", b"small")

    monkeypatch.setattr(stills, "take", remove_meanwhile)
    still_files.take_missing()
    copy_sync.delete_removed()
    assert (stored_files(data_dir), MediaCopy.objects.count()) == ([], 0)
