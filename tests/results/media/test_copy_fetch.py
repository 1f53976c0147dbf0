"""Fetching copies over real HTTP into a storage: turns, crashes, errors of hosts, dead links, and full disks."""

import fcntl
import json
import shutil
import sys
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from demo.server import MEDIA_DIR, Reply
from results import camb, clock
from results.media import copies, copy_fetch, copy_sync, download, links, part_files, quota, waveform
from results.models import CopyPolicy, Event, MediaCopy, RawAnswer, Run
from results.runs.trash import delete_run
from tests.factories import make_team
from tests.results.media.copy_helpers import (
    ETAG,
    GB,
    VIDEO,
    leave_part,
    link,
    make_due,
    part_sizes,
    ready_dub,
    requested_ranges,
    stored_files,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


# --- A file that arrives -----------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["FileSystemStorage", "Bucket"])
def test_media_of_a_ready_dub_is_copied(team, host, sync, store_in, data_dir, storage):
    store_in(storage)
    host.files["/a.mp3"] = b"ID3" + bytes(5000)
    dub = ready_dub(team, host, audio_url=link(host, "/a.mp3?Expires=9999999999"))
    sync()
    video, audio = MediaCopy.objects.order_by("pk")
    assert [
        (c.state, c.kind, c.content_type, c.size, c.received_bytes, c.message, c.lease) for c in (video, audio)
    ] == [
        ("kept", "video", "video/mp4", len(VIDEO), len(VIDEO), "", None),
        ("kept", "audio", "audio/mpeg", 5003, 5003, "", None),
    ]
    assert default_storage.open(video.name).read() == VIDEO
    assert (Path(video.name).suffix, Path(audio.name).suffix) == (".mp4", ".mp3")
    assert (copies.playable_copy(dub, "video"), copies.playable_copy(dub, "audio")) == (video, audio)
    assert (part_sizes(data_dir), quota.usage_of(team)) == ([], quota.CopyUsage(len(VIDEO) + 5003, 2, 0, 0))


def test_api_key_is_not_sent_to_the_media_host(team, host, sync):
    ready_dub(team, host)
    sync()
    assert [call.headers["x-api-key"] for call in host.calls] == [None]


@pytest.mark.parametrize("location", ["http://169.254.169.254/", "http://127.0.0.1:1/", "http://10.0.0.1/a.mp4"])
def test_redirect_into_our_network_is_refused(team, host, sync, location):
    host.files["/v.mp4"] = Reply(302, b"", {"Location": location})
    ready_dub(team, host)
    assert sync().message.endswith("which is not on the public internet, so it was not followed.")


def test_file_of_unknown_length_is_kept_once_complete(team, host, sync):
    host.files["/v.mp4"] = Reply(200, iter([VIDEO[:99_999], VIDEO[99_999:]]))
    ready_dub(team, host)
    copy = sync()
    assert (copy.state, copy.size) == ("kept", len(VIDEO))


# --- Turns and leases --------------------------------------------------------------------------------


def test_download_of_a_killed_worker_resumes_once_its_lease_ends(waiting, host, sync):
    leave_part(waiting, 100_000)
    assert (sync().state, requested_ranges(host)) == ("waiting", [])
    MediaCopy.objects.update(lease_until=timezone.now())
    copy = sync()
    assert (copy.state, requested_ranges(host)) == ("kept", ["bytes=100000-"])
    assert default_storage.open(copy.name).read() == VIDEO


def test_download_starts_over_when_the_content_changed(waiting, host, sync, data_dir):
    leave_part(waiting, 100_000, validator='"old"', content=bytes(100_000))
    MediaCopy.objects.update(lease_until=timezone.now())
    copy = sync()
    assert default_storage.open(copy.name).read() == VIDEO
    assert (copy.state, copy.validator, part_sizes(data_dir)) == ("kept", ETAG, [])


def test_download_without_a_validator_starts_over(waiting, host, sync):
    leave_part(waiting, 100_000, validator="", content=bytes(100_000))
    MediaCopy.objects.update(lease_until=timezone.now())
    assert default_storage.open(sync().name).read() == VIDEO
    assert requested_ranges(host) == [None]


def test_next_turn_resumes_where_the_last_one_ended(waiting, host, sync, monkeypatch):
    monkeypatch.setattr(copy_fetch, "MAX_SECONDS", 0)
    monkeypatch.setattr(download, "PIECE_BYTES", 100_000)
    copy = sync()
    assert (copy.state, copy.failures, copy.message) == ("kept", 0, "")
    ranges = requested_ranges(host)
    assert (ranges[0], len(ranges) > 2, len(set(ranges))) == (None, True, len(ranges))
    assert default_storage.open(copy.name).read() == VIDEO


def test_message_delivered_twice_fetches_once(waiting, host):
    [lease] = copy_fetch.claim_due()
    copy_fetch.fetch_copy(str(lease))
    copy_fetch.fetch_copy(str(lease))
    assert requested_ranges(host) == [None]


def test_copy_is_claimed_once(waiting):
    assert [len(copy_fetch.claim_due()), len(copy_fetch.claim_due())] == [1, 0]


def test_worker_does_not_write_to_a_part_file_that_another_has_locked(waiting, host, sync):
    waiting.validator = ETAG
    waiting.save()
    with part_files.path(waiting).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert sync().state == "waiting"


def test_fetches_are_limited_and_shared_between_teams(team, host, make_key):
    other = make_team()
    CopyPolicy.objects.create(team=other, is_enabled=True, quota_bytes=GB)
    for owner, number in ((team, 9), (other, 9)):
        for _ in range(number):
            ready_dub(owner, host)
    copy_sync.find_new_media()
    assert len(copy_fetch.claim_due()) == copy_fetch.MAX_FETCHES
    leased = MediaCopy.objects.exclude(lease=None)
    assert sorted(leased.values_list("team", flat=True)) == sorted([team.pk, other.pk] * 2)
    assert copy_fetch.claim_due() == []


# --- Errors of the host ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply(200, VIDEO, {"ETag": ETAG}, truncate_at=100_000), "The download was interrupted."),
        (Reply(200, VIDEO, {"ETag": ETAG}, truncate_at=100_000, reset=True), "The download was interrupted."),
        (Reply(503), "The media host returned an error (HTTP 503)."),
        (Reply(200, b""), "The file is empty."),
        (
            Reply(200, VIDEO, {"Content-Length": None}),
            "The media host does not give the file's size, so Dubroom cannot",
        ),
    ],
)
def test_failed_download_is_explained_and_tried_again_later(team, host, sync, data_dir, reply, sentence):
    host.files["/v.mp4"] = reply
    dub = ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith(sentence)
    assert (copy.state, copy.failures, copies.playable_copy(dub, "video"), stored_files(data_dir)) == (
        "waiting",
        1,
        None,
        [],
    )
    assert timedelta(seconds=20) < copy.due_at - timezone.now() < timedelta(seconds=40)
    host.files["/v.mp4"] = VIDEO
    make_due(copy)
    copy = sync()
    assert (copy.state, copy.message, copy.failures) == ("kept", "", 0)
    assert default_storage.open(copy.name).read() == VIDEO


def test_broken_off_download_is_resumed(team, host, sync):
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": ETAG}, truncate_at=100_000)
    ready_dub(team, host)
    copy = sync()
    host.files["/v.mp4"] = VIDEO
    make_due(copy)
    assert (sync().state, requested_ranges(host)) == ("kept", [None, "bytes=100000-"])


def test_download_starts_over_when_the_file_grew(team, host, sync):
    host.files["/v.mp4"] = Reply(200, VIDEO[:-5], {"ETag": '"v0"'}, truncate_at=100_000)
    ready_dub(team, host)
    copy = sync()
    host.files["/v.mp4"] = VIDEO
    make_due(copy)
    copy = sync()
    assert (copy.state, copy.size) == ("kept", len(VIDEO))
    assert default_storage.open(copy.name).read() == VIDEO


def test_host_below_the_minimum_rate_fails(team, host, sync, monkeypatch):
    monkeypatch.setattr(copy_fetch, "MAX_SECONDS", 0.1)
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": ETAG}, drip=0.02)
    ready_dub(team, host)
    copy = sync()
    assert (copy.message, copy.failures) == ("The media host sends the file too slowly.", 1)


def test_host_that_stalls_fails(team, host, sync, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": ETAG}, drip=60)
    ready_dub(team, host)
    assert sync().message == "The media host did not answer in time."


@pytest.mark.parametrize(
    "page", [b"<html><script>alert(1)</script>", b"#EXTM3U\nfile:///etc/passwd", b"x", bytes(99)]
)
def test_file_that_is_no_media_is_given_up_at_once(team, host, sync, data_dir, page):
    host.files["/v.mp4"] = Reply(200, page, {"Content-Type": "video/mp4", "ETag": ETAG})
    ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith("The file is not a video or audio that browsers play.")
    assert (copy.state, copy.due_at, part_sizes(data_dir), stored_files(data_dir)) == ("failed", None, [], [])


def test_copy_is_given_up_after_max_failures_until_its_run_is_refreshed(team, host, sync, data_dir):
    host.files["/v.mp4"] = Reply(500)
    dub = ready_dub(team, host)
    copy = sync()
    for _ in range(copy_fetch.MAX_FAILURES - 1):
        assert copy.state == "waiting"
        make_due(copy)
        copy = sync()
    assert (copy.state, copy.due_at, sync().state) == ("failed", None, "failed")
    assert quota.usage_of(team) == quota.CopyUsage(0, 0, 0, 1)
    assert quota.failing_copies(team) == [copy]
    host.files["/v.mp4"] = VIDEO
    dub.run.checked_at = timezone.now()
    dub.run.save()
    assert (sync().state, quota.failing_copies(team)) == ("kept", [])


def test_failure_after_much_progress_counts_as_the_first(team, host, sync, monkeypatch):
    monkeypatch.setattr(copy_fetch, "PROGRESS_BYTES", 50_000)
    monkeypatch.setattr(copy_fetch, "MAX_FAILURES", 2)
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": ETAG}, truncate_at=100_000)
    ready_dub(team, host)
    copy = sync()
    assert (copy.failures, copy.state) == (1, "waiting")
    rest = VIDEO[100_000:]
    content_range = f"bytes 100000-{len(VIDEO) - 1}/{len(VIDEO)}"
    host.files["/v.mp4"] = Reply(206, rest, {"ETag": ETAG, "Content-Range": content_range}, truncate_at=60_000)
    make_due(copy)
    copy = sync()
    assert (copy.failures, copy.state, copy.received_bytes) == (1, "waiting", 160_000)


def test_wait_between_tries_is_bounded(team, host, sync):
    host.files["/v.mp4"] = Reply(500)
    ready_dub(team, host)
    copy_sync.find_new_media()
    MediaCopy.objects.update(failures=copy_fetch.MAX_FAILURES - 2)
    assert sync().due_at - timezone.now() <= copy_fetch.MAX_WAIT * 1.1


# --- Dead links --------------------------------------------------------------------------------------


def test_dead_link_is_renewed_once(team, host, sync):
    dub = ready_dub(team, host, video_url=link(host, "/gone.mp4"))
    host.files["/gone.mp4"] = Reply(403)
    result = {"video_url": link(host), "audio_url": None, "transcript": []}
    host.runs[dub.run.camb_run_id] = {"es-es": result}
    assert sync().state == "kept"
    assert [call.path for call in host.calls] == ["/gone.mp4", f"/apis/dub-result/{dub.run.camb_run_id}", "/v.mp4"]


def test_expired_link_is_renewed_before_it_is_tried(team, host, sync):
    dub = ready_dub(team, host, video_url=link(host, "/v.mp4?Expires=1600000000"))
    result = {"video_url": link(host, "/v.mp4?Expires=9999999999"), "audio_url": None, "transcript": []}
    host.runs[dub.run.camb_run_id] = {"es-es": result}
    assert sync().state == "kept"
    assert [call.path for call in host.calls] == [
        f"/apis/dub-result/{dub.run.camb_run_id}",
        "/v.mp4?Expires=9999999999",
    ]


def test_renewed_link_that_is_dead_too_is_explained(team, host, sync):
    dub = ready_dub(team, host)
    host.files["/v.mp4"] = Reply(410)
    host.runs[dub.run.camb_run_id] = {"es-es": {"video_url": link(host), "audio_url": None, "transcript": []}}
    assert sync().message == "The link no longer works (HTTP 410)."


def test_expired_link_without_a_key_is_explained(team, host, sync):
    team.api_key.delete()
    ready_dub(team, host, video_url=link(host, "/v.mp4?Expires=1600000000"))
    assert sync().message == "The link has expired, and this team has no CAMB.AI key to get a new one with."


def test_error_of_camb_during_a_renewal_is_explained(team, host, sync):
    ready_dub(team, host, video_url=link(host, "/v.mp4?Expires=1600000000"))
    host.script(Reply(503))
    assert sync().message.startswith("Something went wrong at CAMB.AI.")


# --- Disks and storages ------------------------------------------------------------------------------


def test_full_disk_is_explained_and_tried_again_later(team, host, sync, monkeypatch, data_dir):
    ready_dub(team, host)
    with monkeypatch.context() as patch:
        patch.setattr(copy_fetch, "SPARE_BYTES", 2**62)
        copy = sync()
    assert copy.message == "The server's disk is full. The copy starts again once there is room."
    assert (copy.state, copy.failures, part_sizes(data_dir)) == ("waiting", 0, [])
    assert Event.objects.get(kind="copies").detail == {"trouble": "disk", "message": copy.message}
    make_due(copy)
    assert (sync().state, CopyPolicy.objects.get().told_trouble) == ("kept", "")


def test_full_disk_of_the_storage_is_noticed_before_the_download(team, host, sync, monkeypatch, data_dir):
    real = shutil.disk_usage

    def disk_usage(path):
        return real(path)._replace(free=len(VIDEO) if Path(path) == data_dir / "media" else 2**40)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(part_files, "WholeFile", None)
    ready_dub(team, host)
    copy = sync()
    assert copy.message == "The server's disk is full. The copy starts again once there is room."
    assert (copy.state, copy.failures, part_sizes(data_dir)) == ("waiting", 0, [])


def test_full_storage_is_explained(team, host, sync, store_in, data_dir):
    store_in("Full")
    ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith("The server's disk is full.")
    assert (copy.state, copy.failures, copy.received_bytes, part_sizes(data_dir), stored_files(data_dir)) == (
        "waiting",
        0,
        0,
        [],
        [],
    )


def test_complete_file_waits_for_a_failing_storage(team, host, sync, store_in, data_dir):
    store_in("Forbidden")
    dub = ready_dub(team, host)
    copy = sync()
    assert copy.message == "The storage cannot be written to. Ask the administrator of this server."
    assert (copy.state, part_sizes(data_dir), copies.playable_copy(dub, "video")) == ("waiting", [len(VIDEO)], None)
    store_in("Bucket")
    make_due(copy)
    assert (sync().state, requested_ranges(host), part_sizes(data_dir)) == ("kept", [None], [])


def test_file_truncated_by_the_storage_is_not_played(team, host, sync, store_in):
    store_in("Halving")
    dub = ready_dub(team, host)
    copy = sync()
    assert (copy.state, copies.playable_copy(dub, "video")) == ("waiting", None)
    store_in("Bucket")
    make_due(copy)
    assert (sync().state, default_storage.open(copy.name).read() == VIDEO) == ("kept", True)


# --- Waveforms ---------------------------------------------------------------------------------------


def test_copy_has_a_waveform(team, host, sync, real_waveforms):
    host.files["/v.mp4"] = (MEDIA_DIR / "lumen-launch.es.mp4").read_bytes()
    ready_dub(team, host)
    copy = sync()
    found = (copy.state, copy.length_ms, len(copy.waveform), max(bytes(copy.waveform)))
    assert found == ("kept", 26_108, waveform.COUNT, 255)


def test_only_the_audio_of_a_dub_with_both_is_measured(team, host, sync, measured):
    host.files["/a.mp3"] = b"ID3" + bytes(5000)
    ready_dub(team, host, audio_url=link(host, "/a.mp3"))
    sync()
    assert measured == [(Path(MediaCopy.objects.get(kind="audio").name).stem, "audio/mpeg")]


def test_length_of_a_copy_decides_the_unit_of_times_that_was_left_open(team, host, sync, monkeypatch):
    monkeypatch.setattr(waveform, "measure", lambda *_: waveform.Waveform(b"x" * waveform.COUNT, 1_210_000))
    dub = ready_dub(team, host)
    line = {"start": 0, "end": 1_200, "text": "Kettle drums"}
    body = zlib.compress(json.dumps({dub.language: {"transcript": [line] * 3}}).encode())
    RawAnswer.objects.create(run=dub.run, body=body, size=99, fetched_at=timezone.now())
    Run.objects.update(notes=[str(camb.UNIT_NOTES[0])])
    sync()
    assert MediaCopy.objects.get().state == "kept"
    assert set(dub.cues.values_list("end_ms", flat=True)) == {1_200_000}
    assert Run.objects.get().notes == []


def test_undecodable_file_is_kept_and_not_measured_again(team, host, sync, real_waveforms, caplog):
    ready_dub(team, host)
    copy = sync()
    assert (copy.state, copy.message, bytes(copy.waveform), copy.length_ms, copy.due_at) == (
        "kept",
        "",
        b"",
        0,
        None,
    )
    assert f"Copy {copy.pk} is kept without its waveform: exit code 1: " in caplog.text


def test_worker_that_dies_while_measuring_leaves_the_copy_to_the_next(team, host, sync, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(waveform, "measure", lambda *_: sys.exit())
        ready_dub(team, host)
        with pytest.raises(SystemExit):
            sync()
    assert MediaCopy.objects.get().state == "waiting"
    monkeypatch.setattr(waveform, "measure", lambda *_: waveform.Waveform(b"x" * waveform.COUNT, 9))
    copy = sync()
    assert (copy.state, copy.length_ms, requested_ranges(host)) == ("kept", 9, [None])


# --- Removal -----------------------------------------------------------------------------------------


def test_run_removed_during_the_download_leaves_nothing(waiting, host, sync, data_dir, monkeypatch):
    live_url = links.live_url

    def remove_meanwhile(dub, *rest, **named):
        delete_run(dub.run)
        return live_url(dub, *rest, **named)

    monkeypatch.setattr(links, "live_url", remove_meanwhile)
    sync()
    sync()
    assert (MediaCopy.objects.count(), part_sizes(data_dir), stored_files(data_dir)) == (0, [], [])


# --- The clock ---------------------------------------------------------------------------------------


def test_machines_share_the_clock_of_the_database(waiting, monkeypatch):
    ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: ahead)
    MediaCopy.objects.update(due_at=ahead, size=5)
    [lease] = copy_fetch.claim_due()
    assert MediaCopy.objects.get().lease_until == ahead + copy_fetch.LEASE_DURATION
    assert (copy_fetch.claim_due(), quota.used_bytes(waiting.team_id)) == ([], 5)
    copy_fetch.fetch_copy(str(lease))
    copy = MediaCopy.objects.get()
    assert (copy.state, copy.state_at, copy.lease) == ("kept", ahead, None)
    MediaCopy.objects.update(due_at=None, state="failed")
    quota.make_due(pk=copy.pk)
    assert MediaCopy.objects.get().due_at == ahead
    copy_sync.find_new_media()
    assert CopyPolicy.objects.get().synced_at == ahead
