"""The quota of a team's copies over real HTTP: what fits, what waits, and the usage."""

import pytest
from django.db import connection

from demo.server import Reply
from results.media import copies, copy_fetch, copy_sync, quota
from results.models import CopyPolicy, Event, MediaCopy, Run, TeamVersion
from tests.results.media.copy_helpers import (
    ETAG,
    GB,
    VIDEO,
    link,
    make_due,
    part_sizes,
    ready_dub,
    requested_ranges,
    stored_files,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


def test_file_beyond_the_quota_is_not_fetched_and_its_size_is_told(team, host, sync, data_dir):
    """The length that is declared decides, before a byte of the file is written."""
    host.files["/v.mp4"] = Reply(200, b"x", {"Content-Length": str(5 * GB), "ETag": ETAG})
    ready_dub(team, host)
    copy = sync()
    assert copy.message.replace("\xa0", " ").startswith(
        "No room for 5.0 GB: 0 bytes of 1 GB are in use. An owner or a manager can"
    )
    assert (copy.state, copy.failures, copy.size, part_sizes(data_dir)) == ("waiting", 0, 5 * GB, [])
    make_due(copy)
    assert (sync().state, requested_ranges(host)) == ("waiting", [None])


def test_a_full_quota_is_told_once_until_it_changes(team, host, sync):
    host.files["/v.mp4"] = Reply(200, b"x", {"Content-Length": str(5 * GB), "ETag": ETAG})
    ready_dub(team, host)
    for _ in range(2):
        make_due(sync())
    assert [event.detail["trouble"] for event in Event.objects.filter(kind="copies")] == ["quota"]
    quota.set_policy(team, is_on=True, most_gb=2)
    assert CopyPolicy.objects.get().told_trouble == ""


def test_with_a_full_quota_copies_of_unknown_size_are_not_requested(team, host, sync):
    ready_dub(team, host)
    sync()
    CopyPolicy.objects.update(quota_bytes=len(VIDEO) + 10)
    for _ in range(5):
        ready_dub(team, host)
    sync()
    assert len(requested_ranges(host)) == 1 + copy_fetch.MAX_FETCHES_PER_TEAM
    others = MediaCopy.objects.filter(state="waiting", size=0)
    assert [copy.message for copy in others] == ["There is no room left for copies. " + quota.HINT] * 3
    quota.set_policy(team, is_on=True, most_gb=1)
    sync()
    assert quota.usage_of(team) == quota.CopyUsage(6 * len(VIDEO), 6, 0, 0)


def test_two_workers_do_not_both_get_the_last_of_the_quota(team, host):
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


def test_file_of_unknown_length_stops_at_the_quota(team, host, sync, monkeypatch, data_dir):
    monkeypatch.setattr(copy_fetch, "SAVE_PROGRESS_SECONDS", 0)
    monkeypatch.setattr(copy_fetch, "RESERVE_AHEAD_BYTES", 0)
    CopyPolicy.objects.update(quota_bytes=100_000)
    host.files["/v.mp4"] = Reply(200, (VIDEO[at : at + 10_000] for at in range(0, len(VIDEO), 10_000)))
    ready_dub(team, host)
    copy = sync()
    assert copy.message.startswith("No room for")
    assert (copy.state, part_sizes(data_dir)) == ("waiting", [])


def test_removing_all_copies_deletes_files_and_switches_copies_off(team, host, sync, data_dir):
    dub = ready_dub(team, host)
    sync()
    quota.remove_all_copies(team)
    assert (copies.playable_copy(dub, "video"), quota.usage_of(team)) == (None, quota.CopyUsage(0, 0, 0, 0))
    assert (sync(), stored_files(data_dir), CopyPolicy.objects.get().is_enabled) == (None, [], False)


def test_open_lists_show_that_copies_are_kept_and_that_they_are_gone(team, host, sync):
    """A list shows the length of kept audio, too."""
    dubs = [ready_dub(team, host, video_url="", audio_url=link(host)) for _ in range(3)]
    before = TeamVersion.current(team.pk)
    sync()
    shown = [run.version for run in Run.objects.all()]
    assert all(version > before for version in shown)
    kept_at = TeamVersion.current(team.pk)
    quota.remove_all_copies(team)
    # All runs at once are one change.
    assert [run.version for run in Run.objects.all()] == [kept_at + 1] * len(dubs)


def test_a_kept_copy_ends_the_trouble_after_its_own_transaction(team, host, sync, monkeypatch):
    """Who changes a policy locks it before the team's copies; the other order could end in a deadlock."""
    ready_dub(team, host)
    CopyPolicy.objects.update(told_trouble="disk")
    depth, resumed = len(connection.savepoint_ids), quota.record_copies_resumed
    seen = []

    def note(team_id):
        seen.append(len(connection.savepoint_ids) - depth)
        resumed(team_id)

    monkeypatch.setattr(quota, "record_copies_resumed", note)
    assert (sync().state, CopyPolicy.objects.get().told_trouble, seen) == ("kept", "", [0])
