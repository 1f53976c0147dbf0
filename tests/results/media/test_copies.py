"""Media over real HTTP into a storage: how it gets there, what may go wrong on the way, and how it goes again."""

import errno
import fcntl
import os
import shutil
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from demo.server import MEDIA_DIR, Reply
from results.media import copies, copy_fetch, copy_sync, download, links, part_files, quota, waveform
from results.models import CopyPolicy, Dub, MediaCopy
from results.runs.remove import remove_run
from tests.bucket import Bucket
from tests.factories import make_dub, make_run, make_team

pytestmark = pytest.mark.django_db

VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 1000
MARK = '"v1"'
GB = 2**30
State = MediaCopy.State
peaks_of = waveform.measure


class Full(FileSystemStorage):
    """Has room for half of what it is given."""

    def _save(self, name, content):
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(VIDEO[: len(VIDEO) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


class Halving(Bucket):
    """Loses half of what it is given, and says nothing."""

    def size(self, name):
        return super().size(name) // 2


class Forbidden(Bucket):
    """Fails with an error of its own kind, as boto3's storage does."""

    def _save(self, name, content):
        raise KeyError("AccessDenied")


class Undeletable(FileSystemStorage):
    def delete(self, name):
        raise KeyError("AccessDenied")


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.DATA_DIR = tmp_path
    Bucket.files.clear()
    return tmp_path


@pytest.fixture(autouse=True)
def sounds(monkeypatch) -> list[tuple[str, str]]:
    """What was looked at for its sound, as (name of the part without its mark, content type); none is told.

    Most media here is no real one, and reading it takes a process each time.
    """
    looked_at: list[tuple[str, str]] = []

    def of(path, content_type):
        looked_at.append((path.name.partition("-")[0], content_type))
        return waveform.EMPTY

    monkeypatch.setattr(waveform, "measure", of)
    return looked_at


@pytest.fixture
def store_in(settings, folder):
    def choose(kind: str) -> None:
        options = {} if kind in ("Bucket", "Halving", "Forbidden") else {"location": folder / "media"}
        module = {"FileSystemStorage": "django.core.files.storage", "Bucket": "tests.bucket"}.get(kind, __name__)
        settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": f"{module}.{kind}", "OPTIONS": options}}

    choose("FileSystemStorage")
    return choose


@pytest.fixture(autouse=True)
def _team_keeps_copies(team, camb, settings, store_in):
    """Make the team a demo team, whose media may come from this machine, and switch its copies on."""
    settings.DEMO_BASE_URL = camb.base_url
    team.api_key.is_demo = True
    team.api_key.save()
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=GB)


@pytest.fixture
def host(camb):
    """The stand-in as a media host that supports ranges; `files` maps each path to its content."""
    camb.files = {"/v.mp4": VIDEO}

    def rule(call):
        content = camb.files.get(call.path.partition("?")[0])
        if content is None or isinstance(content, Reply):
            return content
        headers = {"ETag": MARK}
        start = int(call.headers.get("Range", "bytes=0-")[6:-1])
        if not start:
            return Reply(200, content, headers)
        if start >= len(content):
            return Reply(416)
        return Reply(
            206, content[start:], headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        )

    camb.rule = rule
    return camb


def link(host, path="/v.mp4") -> str:
    return f"http://127.0.0.1:{host.port}{path}"


def ready_dub(team, host, **fields) -> Dub:
    run = make_run(team, status="ready", due_at=None, checked_at=timezone.now())
    return make_dub(run, ["Hola"], "es-es", **({"video_url": link(host)} | fields))


@pytest.fixture
def sync(worker):
    """Ring as beat does, and work until all is quiet; the one copy there is, or None."""

    def sync() -> MediaCopy | None:
        copy_sync.sync_copies()
        worker()
        return MediaCopy.objects.first()

    return sync


def unfinished(folder: Path) -> list[int]:
    """The lengths of the unfinished files."""
    return [file.stat().st_size for file in (folder / "copying").glob("*")]


def stored(folder: Path) -> list[Path]:
    return [path for path in (folder / "media").rglob("*") if path.is_file()]


def come_round(copy: MediaCopy) -> None:
    """Let the time come that the copy waits for."""
    MediaCopy.objects.filter(pk=copy.pk).update(due_at=timezone.now())


def asked_ranges(host) -> list[str | None]:
    """Return the `Range` header of each request for media; None where there was none."""
    return [call.headers["Range"] for call in host.calls if not call.path.startswith("/apis")]


# --- The ordinary way --------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["FileSystemStorage", "Bucket"])
def test_a_ready_dubs_media_is_kept(team, host, sync, store_in, folder, storage):
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
    assert (unfinished(folder), quota.usage_of(team)) == ([], quota.CopyUsage(len(VIDEO) + 5003, 2, 0, 0))


def test_a_team_that_did_not_ask_for_it_keeps_nothing(team, host, sync):
    CopyPolicy.objects.update(is_enabled=False)
    ready_dub(team, host)
    assert (sync(), asked_ranges(host)) == (None, [])


def test_the_key_is_not_sent_to_the_medias_host(team, host, sync):
    ready_dub(team, host)
    sync()
    assert [call.headers["x-api-key"] for call in host.calls] == [None]


def test_only_the_demos_team_is_led_to_this_machine(team, host, sync, folder):
    dub = ready_dub(team, host)
    team.api_key.is_demo = False
    team.api_key.save()
    copy = sync()
    assert (
        copy.message == "The link leads to 127.0.0.1, which is not on the public internet, so it was not followed."
    )
    assert (copy.state, host.calls, unfinished(folder), copies.playable_copy(dub, "video")) == (
        "waiting",
        [],
        [],
        None,
    )


@pytest.mark.parametrize("location", ["http://169.254.169.254/", "http://127.0.0.1:1/", "http://10.0.0.1/a.mp4"])
def test_a_redirect_into_our_network_is_refused(team, host, sync, location):
    host.files["/v.mp4"] = Reply(302, b"", {"Location": location})
    ready_dub(team, host)
    assert sync().message.endswith("which is not on the public internet, so it was not followed.")


def test_what_is_no_web_address_is_no_media(team, host, sync):
    ready_dub(team, host, video_url="file:///etc/passwd")
    assert sync() is None


def test_switching_on_takes_what_there_is_and_new_answers_are_taken_as_they_come(team, host, sync):
    CopyPolicy.objects.all().delete()
    first = ready_dub(team, host)
    quota.set_policy(team, is_on=True, most_gb=3)
    assert (CopyPolicy.objects.get().quota_bytes, sync().dub) == (3 * GB, first)
    second = ready_dub(team, host)
    sync()
    assert copies.playable_copy(second, "video")
    looked_at_before = make_dub(make_run(team, checked_at=timezone.now() - timedelta(days=1)), video_url=link(host))
    sync()
    assert not looked_at_before.copies.exists()


def test_other_content_at_another_link_is_fetched_and_the_old_file_goes(team, host, sync, folder):
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
    assert (after.size, [path.name for path in stored(folder)]) == (len(VIDEO) + 4, [Path(after.name).name])


def test_a_copy_stays_and_plays_while_what_took_its_place_cannot_be_fetched(team, host, sync, folder):
    dub = ready_dub(team, host)
    before = sync()
    Dub.objects.update(video_url=link(host, "/v2.mp4"))
    dub.refresh_from_db()
    host.files["/v2.mp4"] = Reply(503)
    sync()
    sync()
    assert (copies.playable_copy(dub, "video"), len(stored(folder))) == (before, 1)
    after = MediaCopy.objects.get(state="waiting")
    assert after.message == "The host of the media has trouble of its own (HTTP 503)."
    host.files["/v2.mp4"] = VIDEO + b"more"
    come_round(after)
    sync()
    sync()
    assert copies.playable_copy(dub, "video") == MediaCopy.objects.get() == after
    assert [path.name for path in stored(folder)] == [Path(MediaCopy.objects.get().name).name]


def test_a_link_that_leads_to_what_is_kept_again_takes_nothing_its_place(team, host, sync, folder):
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


def test_a_lost_file_whose_successor_is_on_its_way_is_not_fetched_again(team, host, sync):
    ready_dub(team, host)
    before = sync()
    Dub.objects.update(video_url=link(host, "/v2.mp4"))
    host.files["/v2.mp4"] = Reply(503)
    sync()
    default_storage.delete(before.name)
    assert not copies.is_file_there(before)
    sync()
    assert [copy.state for copy in MediaCopy.objects.all()] == ["waiting"]


def test_the_same_file_signed_anew_is_kept_as_it_is(team, host, sync):
    dub = ready_dub(team, host)
    sync()
    Dub.objects.update(video_url=link(host) + "?Expires=9999999999&Signature=other")
    dub.refresh_from_db()
    assert sync() == copies.playable_copy(dub, "video")
    assert asked_ranges(host) == [None]


# --- Stopping and going on ---------------------------------------------------------------------------


def killed_amid(copy: MediaCopy, length: int, mark: str = MARK, content: bytes = VIDEO) -> None:
    """What a worker leaves that is killed: its lease, and a part."""
    copy.validator, copy.lease, copy.lease_until = mark, uuid.uuid4(), timezone.now() + timedelta(seconds=60)
    copy.save()
    part_files.path(copy).write_bytes(content[:length])


@pytest.fixture
def waiting(team, host):
    """A copy that is about to be fetched."""
    ready_dub(team, host)
    copy_sync.find_new_media()
    return MediaCopy.objects.get()


def test_after_a_kill_the_rest_is_fetched_once_the_lease_ends(waiting, host, sync):
    killed_amid(waiting, 100_000)
    assert (sync().state, asked_ranges(host)) == ("waiting", [])
    MediaCopy.objects.update(lease_until=timezone.now())
    copy = sync()
    assert (copy.state, asked_ranges(host)) == ("kept", ["bytes=100000-"])
    assert default_storage.open(copy.name).read() == VIDEO


def test_other_content_than_before_the_kill_begins_anew(waiting, host, sync, folder):
    killed_amid(waiting, 100_000, mark='"old"', content=bytes(100_000))
    MediaCopy.objects.update(lease_until=timezone.now())
    copy = sync()
    assert default_storage.open(copy.name).read() == VIDEO
    assert (copy.state, copy.validator, unfinished(folder)) == ("kept", MARK, [])


def test_a_part_of_content_without_a_mark_is_not_gone_on_with(waiting, host, sync):
    killed_amid(waiting, 100_000, mark="", content=bytes(100_000))
    MediaCopy.objects.update(lease_until=timezone.now())
    assert default_storage.open(sync().name).read() == VIDEO
    assert asked_ranges(host) == [None]


def test_a_turn_ends_and_the_next_one_goes_on(waiting, host, sync, monkeypatch):
    monkeypatch.setattr(copy_fetch, "TURN_SECONDS", 0)
    monkeypatch.setattr(download, "PIECE_BYTES", 100_000)
    copy = sync()
    assert (copy.state, copy.failures, copy.message) == ("kept", 0, "")
    ranges = asked_ranges(host)
    assert (ranges[0], len(ranges) > 2, len(set(ranges))) == (None, True, len(ranges))
    assert default_storage.open(copy.name).read() == VIDEO


def test_a_message_delivered_twice_is_heeded_once(waiting, host):
    [lease] = copy_fetch.claim_due()
    copy_fetch.fetch_copy(str(lease))
    copy_fetch.fetch_copy(str(lease))
    assert asked_ranges(host) == [None]


def test_two_beats_claim_a_copy_once(waiting):
    assert [len(copy_fetch.claim_due()), len(copy_fetch.claim_due())] == [1, 0]


def test_a_worker_that_was_held_up_does_not_write_into_anothers_part(waiting, host, sync):
    waiting.validator = MARK
    waiting.save()
    with part_files.path(waiting).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert sync().state == "waiting"


def test_at_most_so_many_are_under_way_and_no_team_takes_them_all(team, host, make_key):
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


# --- Trouble -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply(200, VIDEO, {"ETag": MARK}, truncate_at=100_000), "The file broke off on its way."),
        (Reply(200, VIDEO, {"ETag": MARK}, truncate_at=100_000, reset=True), "The file broke off on its way."),
        (Reply(503), "The host of the media has trouble of its own (HTTP 503)."),
        (Reply(200, b""), "The file is empty."),
        (
            Reply(200, VIDEO, {"Content-Length": None}),
            "The host does not say how long the file is, so nobody could",
        ),
    ],
)
def test_trouble_is_said_and_it_is_tried_again_later(team, host, sync, folder, reply, sentence):
    host.files["/v.mp4"] = reply
    dub = ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith(sentence)
    assert (copy.state, copy.failures, copies.playable_copy(dub, "video"), stored(folder)) == (
        "waiting",
        1,
        None,
        [],
    )
    assert timedelta(seconds=20) < copy.due_at - timezone.now() < timedelta(seconds=40)
    host.files["/v.mp4"] = VIDEO
    come_round(copy)
    copy = sync()
    assert (copy.state, copy.message, copy.failures) == ("kept", "", 0)
    assert default_storage.open(copy.name).read() == VIDEO


def test_a_file_that_broke_off_is_gone_on_with(team, host, sync):
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": MARK}, truncate_at=100_000)
    ready_dub(team, host)
    copy = sync()
    host.files["/v.mp4"] = VIDEO
    come_round(copy)
    assert (sync().state, asked_ranges(host)) == ("kept", [None, "bytes=100000-"])


def test_a_file_that_grew_meanwhile_begins_anew(team, host, sync):
    host.files["/v.mp4"] = Reply(200, VIDEO[:-5], {"ETag": '"v0"'}, truncate_at=100_000)
    ready_dub(team, host)
    copy = sync()
    host.files["/v.mp4"] = VIDEO
    come_round(copy)
    copy = sync()
    assert (copy.state, copy.size) == ("kept", len(VIDEO))
    assert default_storage.open(copy.name).read() == VIDEO


def test_a_host_that_drips_is_too_slow(team, host, sync, monkeypatch):
    monkeypatch.setattr(copy_fetch, "TURN_SECONDS", 0.1)
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": MARK}, drip=0.02)
    ready_dub(team, host)
    copy = sync()
    assert (copy.message, copy.failures) == ("The host of the media sends it too slowly.", 1)


def test_a_host_that_falls_silent_is_left(team, host, sync, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": MARK}, drip=60)
    ready_dub(team, host)
    assert sync().message == "The host of the media did not answer in time."


@pytest.mark.parametrize(
    "page", [b"<html><script>alert(1)</script>", b"#EXTM3U\nfile:///etc/passwd", b"x", bytes(99)]
)
def test_what_is_no_media_is_not_kept_and_not_tried_again(team, host, sync, folder, page):
    host.files["/v.mp4"] = Reply(200, page, {"Content-Type": "video/mp4", "ETag": MARK})
    ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith("What the link gives is no video or audio that browsers play.")
    assert (copy.state, copy.due_at, unfinished(folder), stored(folder)) == ("failed", None, [], [])


def test_after_many_tries_in_a_row_it_is_given_up_until_somebody_refreshes_the_run(team, host, sync, folder):
    host.files["/v.mp4"] = Reply(500)
    dub = ready_dub(team, host)
    copy = sync()
    for _ in range(copy_fetch.MAX_FAILURES - 1):
        assert copy.state == "waiting"
        come_round(copy)
        copy = sync()
    assert (copy.state, copy.due_at, sync().state) == ("failed", None, "failed")
    assert quota.usage_of(team) == quota.CopyUsage(0, 0, 0, 1)
    assert quota.failing_copies(team) == [copy]
    host.files["/v.mp4"] = VIDEO
    dub.run.checked_at = timezone.now()
    dub.run.save()
    assert (sync().state, quota.failing_copies(team)) == ("kept", [])


def test_a_file_that_comes_a_long_way_each_time_is_not_given_up(team, host, sync, monkeypatch):
    monkeypatch.setattr(copy_fetch, "PROGRESS_BYTES", 50_000)
    monkeypatch.setattr(copy_fetch, "MAX_FAILURES", 2)
    host.files["/v.mp4"] = Reply(200, VIDEO, {"ETag": MARK}, truncate_at=100_000)
    ready_dub(team, host)
    copy = sync()
    assert (copy.failures, copy.state) == (1, "waiting")
    rest = VIDEO[100_000:]
    content_range = f"bytes 100000-{len(VIDEO) - 1}/{len(VIDEO)}"
    host.files["/v.mp4"] = Reply(206, rest, {"ETag": MARK, "Content-Range": content_range}, truncate_at=60_000)
    come_round(copy)
    copy = sync()
    assert (copy.failures, copy.state, copy.received_bytes) == (1, "waiting", 160_000)


def test_what_cannot_be_kept_has_bounded_waits(team, host, sync):
    host.files["/v.mp4"] = Reply(500)
    ready_dub(team, host)
    copy_sync.find_new_media()
    MediaCopy.objects.update(failures=copy_fetch.MAX_FAILURES - 2)
    assert sync().due_at - timezone.now() <= copy_fetch.LONGEST_WAIT * 1.1


# --- Links that have ended ---------------------------------------------------------------------------


def test_a_link_that_has_ended_is_renewed_once(team, host, sync):
    dub = ready_dub(team, host, video_url=link(host, "/gone.mp4"))
    host.files["/gone.mp4"] = Reply(403)
    result = {"video_url": link(host), "audio_url": None, "transcript": []}
    host.runs[dub.run.camb_run_id] = {"es-es": result}
    assert sync().state == "kept"
    assert [call.path for call in host.calls] == ["/gone.mp4", f"/apis/dub-result/{dub.run.camb_run_id}", "/v.mp4"]


def test_a_link_known_to_have_ended_is_renewed_before_it_is_tried(team, host, sync):
    dub = ready_dub(team, host, video_url=link(host, "/v.mp4?Expires=1600000000"))
    result = {"video_url": link(host, "/v.mp4?Expires=9999999999"), "audio_url": None, "transcript": []}
    host.runs[dub.run.camb_run_id] = {"es-es": result}
    assert sync().state == "kept"
    assert [call.path for call in host.calls] == [
        f"/apis/dub-result/{dub.run.camb_run_id}",
        "/v.mp4?Expires=9999999999",
    ]


def test_a_fresh_link_that_is_dead_too_is_said(team, host, sync):
    dub = ready_dub(team, host)
    host.files["/v.mp4"] = Reply(410)
    host.runs[dub.run.camb_run_id] = {"es-es": {"video_url": link(host), "audio_url": None, "transcript": []}}
    assert sync().message == "The link has ended (HTTP 410)."


def test_without_a_key_an_ended_link_is_said_to_have_ended(team, host, sync):
    team.api_key.delete()
    ready_dub(team, host, video_url=link(host, "/v.mp4?Expires=1600000000"))
    assert sync().message == "The link has ended, and this team has no CAMB.AI key to get a new one with."


def test_trouble_of_camb_amid_a_renewal_is_said(team, host, sync):
    ready_dub(team, host, video_url=link(host, "/v.mp4?Expires=1600000000"))
    host.script(Reply(503))
    assert sync().message.startswith("CAMB.AI has trouble of its own.")


# --- Room --------------------------------------------------------------------------------------------


def test_a_file_that_does_not_fit_is_not_fetched_and_its_room_is_told(team, host, sync, folder):
    """The length that is declared decides, before a byte of the file is written."""
    host.files["/v.mp4"] = Reply(200, b"x", {"Content-Length": str(5 * GB), "ETag": MARK})
    ready_dub(team, host)
    copy = sync()
    assert copy.message.replace("\xa0", " ").startswith(
        "No room for 5.0 GB: 0 bytes of 1 GB are taken. An owner can"
    )
    assert (copy.state, copy.failures, copy.size, unfinished(folder)) == ("waiting", 0, 5 * GB, [])
    come_round(copy)
    assert (sync().state, asked_ranges(host)) == ("waiting", [None])


def test_once_there_is_no_room_the_others_are_not_asked_for(team, host, sync):
    ready_dub(team, host)
    sync()
    CopyPolicy.objects.update(quota_bytes=len(VIDEO) + 10)
    for _ in range(5):
        ready_dub(team, host)
    sync()
    assert len(asked_ranges(host)) == 1 + copy_fetch.MAX_FETCHES_PER_TEAM
    others = MediaCopy.objects.filter(state="waiting", size=0)
    assert [copy.message for copy in others] == ["There is no room left for copies. " + copy_fetch.ROOM] * 3
    quota.set_policy(team, is_on=True, most_gb=1)
    sync()
    assert quota.usage_of(team) == quota.CopyUsage(6 * len(VIDEO), 6, 0, 0)


def test_two_at_once_do_not_share_the_last_room(team, host):
    for _ in range(2):
        ready_dub(team, host)
    copy_sync.find_new_media()
    CopyPolicy.objects.update(quota_bytes=len(VIDEO) + 10)
    first, second = copy_fetch.claim_due()
    MediaCopy.objects.filter(lease=first).update(size=len(VIDEO))
    copy_fetch.fetch_copy(str(second))
    assert [copy.state for copy in MediaCopy.objects.order_by("pk")] == ["waiting", "waiting"]
    copy_fetch.fetch_copy(str(first))
    assert sorted(MediaCopy.objects.values_list("state", flat=True)) == ["kept", "waiting"]


def test_a_file_of_unknown_length_takes_no_more_room_than_there_is(team, host, sync, monkeypatch, folder):
    monkeypatch.setattr(copy_fetch, "NOTE_SECONDS", 0)
    monkeypatch.setattr(copy_fetch, "AHEAD_BYTES", 0)
    CopyPolicy.objects.update(quota_bytes=100_000)
    host.files["/v.mp4"] = Reply(200, (VIDEO[at : at + 10_000] for at in range(0, len(VIDEO), 10_000)))
    ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith("No room for")
    assert (copy.state, unfinished(folder)) == ("waiting", [])


def test_a_file_of_unknown_length_is_kept_once_its_end_has_come(team, host, sync):
    host.files["/v.mp4"] = Reply(200, iter([VIDEO[:99_999], VIDEO[99_999:]]))
    ready_dub(team, host)
    copy = sync()
    assert (copy.state, copy.size) == ("kept", len(VIDEO))


# --- Disks and storages ------------------------------------------------------------------------------


def test_a_disk_without_room_is_said_and_left_as_it_was(team, host, sync, monkeypatch, folder):
    ready_dub(team, host)
    with monkeypatch.context() as patch:
        patch.setattr(copy_fetch, "SPARE_BYTES", 2**62)
        copy = sync()
    assert copy.message == "The server's disk is full. It is tried again once there is room."
    assert (copy.state, copy.failures, unfinished(folder)) == ("waiting", 0, [])
    come_round(copy)
    assert sync().state == "kept"


def test_a_storage_on_a_full_disk_of_its_own_is_seen_before_the_file_is_fetched(
    team, host, sync, monkeypatch, folder
):
    real = shutil.disk_usage

    def disk_usage(path):
        return real(path)._replace(free=len(VIDEO) if Path(path) == folder / "media" else 2**40)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(part_files, "WholeFile", None)
    ready_dub(team, host)
    copy = sync()
    assert copy.message == "The server's disk is full. It is tried again once there is room."
    assert (copy.state, copy.failures, unfinished(folder)) == ("waiting", 0, [])


def test_a_storage_without_room_is_said(team, host, sync, store_in, folder):
    store_in("Full")
    ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith("The server's disk is full.")
    assert (copy.state, copy.failures, copy.received_bytes, unfinished(folder), stored(folder)) == (
        "waiting",
        0,
        0,
        [],
        [],
    )


def test_what_came_waits_here_for_a_storage_that_fails(team, host, sync, store_in, folder):
    store_in("Forbidden")
    dub = ready_dub(team, host)
    copy = sync()
    assert copy.message == "The storage cannot be written to; the server's log says why."
    assert (copy.state, unfinished(folder), copies.playable_copy(dub, "video")) == ("waiting", [len(VIDEO)], None)
    store_in("Bucket")
    come_round(copy)
    assert (sync().state, asked_ranges(host), unfinished(folder)) == ("kept", [None], [])


def test_what_the_storage_lost_a_part_of_is_not_played(team, host, sync, store_in):
    store_in("Halving")
    dub = ready_dub(team, host)
    copy = sync()
    assert (copy.state, copies.playable_copy(dub, "video")) == ("waiting", None)
    store_in("Bucket")
    come_round(copy)
    assert (sync().state, default_storage.open(copy.name).read() == VIDEO) == ("kept", True)


def test_a_file_that_somebody_took_out_of_the_storage_is_fetched_again(team, host, sync):
    dub = ready_dub(team, host)
    copy = sync()
    assert copies.is_file_there(copy)
    default_storage.delete(copy.name)
    assert not copies.is_file_there(copy)
    assert copies.playable_copy(dub, "video") is None
    assert (sync().state, default_storage.open(copy.name).read() == VIDEO) == ("kept", True)


def test_parts_that_nobody_goes_on_with_are_removed(waiting, folder):
    killed_amid(waiting, 100)
    part_files.delete_old()
    assert unfinished(folder) == [100]
    old = (timezone.now() - part_files.MAX_AGE - timedelta(minutes=1)).timestamp()
    [part] = (folder / "copying").iterdir()
    os.utime(part, (old, old))
    part_files.delete_old()
    assert unfinished(folder) == []


# --- How it sounds -----------------------------------------------------------------------------------


def test_a_kept_copy_knows_how_loud_it_is(team, host, sync, monkeypatch):
    monkeypatch.setattr(waveform, "measure", peaks_of)
    host.files["/v.mp4"] = (MEDIA_DIR / "lumen-launch.es.mp4").read_bytes()
    ready_dub(team, host)
    copy = sync()
    found = (copy.state, copy.length_ms, len(copy.waveform), max(bytes(copy.waveform)))
    assert found == ("kept", 26_108, waveform.COUNT, 255)


def test_of_a_dub_with_both_only_the_audio_is_looked_at(team, host, sync, sounds):
    host.files["/a.mp3"] = b"ID3" + bytes(5000)
    ready_dub(team, host, audio_url=link(host, "/a.mp3"))
    sync()
    assert sounds == [(Path(MediaCopy.objects.get(kind="audio").name).stem, "audio/mpeg")]


def test_what_cannot_be_decoded_is_kept_and_not_looked_at_again(team, host, sync, monkeypatch, caplog):
    monkeypatch.setattr(waveform, "measure", peaks_of)
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


def test_whoever_dies_over_the_sound_leaves_the_copy_to_the_next(team, host, sync, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(waveform, "measure", lambda *_: sys.exit())
        ready_dub(team, host)
        with pytest.raises(SystemExit):
            sync()
    assert MediaCopy.objects.get().state == "waiting"
    monkeypatch.setattr(waveform, "measure", lambda *_: waveform.Waveform(b"x" * waveform.COUNT, 9))
    copy = sync()
    assert (copy.state, copy.length_ms, asked_ranges(host)) == ("kept", 9, [None])


# --- Removing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["FileSystemStorage", "Bucket"])
def test_a_removed_runs_files_go_with_it(team, host, sync, store_in, storage):
    store_in(storage)
    gone, stays = ready_dub(team, host), ready_dub(team, host)
    sync()
    name = MediaCopy.objects.get(dub=gone).name
    remove_run(gone.run)
    assert quota.usage_of(team).kept == 2
    sync()
    assert (MediaCopy.objects.get().dub, default_storage.exists(name)) == (stays, False)


def test_a_removed_teams_files_go_with_it(team, host, sync, folder):
    dub = ready_dub(team, host)
    sync()
    assert len(stored(folder)) == 1
    remove_run(dub.run)
    team.delete()
    sync()
    assert (MediaCopy.objects.count(), stored(folder)) == (0, [])


def test_a_file_that_cannot_be_deleted_is_not_forgotten(team, host, sync, store_in, folder):
    dub = ready_dub(team, host)
    sync()
    remove_run(dub.run)
    store_in("Undeletable")
    sync()
    assert (MediaCopy.objects.count(), len(stored(folder))) == (1, 1)
    store_in("FileSystemStorage")
    assert (sync(), stored(folder)) == (None, [])


def test_all_copies_can_be_removed(team, host, sync, folder):
    dub = ready_dub(team, host)
    sync()
    quota.remove_all_copies(team)
    assert (copies.playable_copy(dub, "video"), quota.usage_of(team)) == (None, quota.CopyUsage(0, 0, 0, 0))
    assert (sync(), stored(folder), CopyPolicy.objects.get().is_enabled) == (None, [], False)


def test_a_run_removed_amid_the_fetching_leaves_nothing(waiting, host, sync, folder, monkeypatch):
    live_url = links.playable_url

    def remove_meanwhile(dub, *rest, **named):
        remove_run(dub.run)
        return live_url(dub, *rest, **named)

    monkeypatch.setattr(links, "playable_url", remove_meanwhile)
    sync()
    sync()
    assert (MediaCopy.objects.count(), unfinished(folder), stored(folder)) == (0, [], [])


# --- What kind of file -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "kind", "content_type", "extension"),
    [
        (b"\x00\x00\x00\x18ftypisom", "video", "video/mp4", ".mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "audio", "audio/mp4", ".m4a"),
        (b"\x00\x00\x00\x08moov", "video", "video/mp4", ".mp4"),
        (b"\x1a\x45\xdf\xa3\x01", "video", "video/webm", ".webm"),
        (b"OggS\x00", "audio", "audio/ogg", ".ogg"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio", "audio/wav", ".wav"),
        (b"fLaC\x00", "audio", "audio/flac", ".flac"),
        (b"ID3\x04", "audio", "audio/mpeg", ".mp3"),
        (b"\xff\xfb\x90\x00", "audio", "audio/mpeg", ".mp3"),
        (b"\xff\xf1\x50\x80", "audio", "audio/aac", ".aac"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head, kind, content_type, extension):
    assert part_files.detect_type(head, kind) == (content_type, extension)
