"""Which copy of a dub can be played, and copies whose file is missing in the storage."""

from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from demo.server import Reply
from results.media import copies
from results.models import Dub, MediaCopy
from tests.results.media.copy_helpers import (
    VIDEO,
    link,
    make_due,
    part_sizes,
    ready_dub,
    stored_files,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


def test_only_the_demo_team_may_download_from_this_machine(team, host, sync, data_dir):
    dub = ready_dub(team, host)
    team.api_key.is_demo = False
    team.api_key.save()
    copy = sync()
    assert (
        copy.message == "The link leads to 127.0.0.1, which is not on the public internet, so it was not followed."
    )
    assert (copy.state, host.calls, part_sizes(data_dir), copies.playable_copy(dub, "video")) == (
        "waiting",
        [],
        [],
        None,
    )


def test_old_copy_plays_while_its_successor_cannot_be_fetched(team, host, sync, data_dir):
    dub = ready_dub(team, host)
    before = sync()
    Dub.objects.update(video_url=link(host, "/v2.mp4"))
    dub.refresh_from_db()
    host.files["/v2.mp4"] = Reply(503)
    sync()
    sync()
    assert (copies.playable_copy(dub, "video"), len(stored_files(data_dir))) == (before, 1)
    after = MediaCopy.objects.get(state="waiting")
    assert after.message == "The media host returned an error (HTTP 503)."
    host.files["/v2.mp4"] = VIDEO + b"more"
    make_due(after)
    sync()
    sync()
    assert copies.playable_copy(dub, "video") == MediaCopy.objects.get() == after
    assert [path.name for path in stored_files(data_dir)] == [Path(MediaCopy.objects.get().name).name]


def test_a_missing_file_changes_no_row(team, host, sync):
    dub = ready_dub(team, host)
    copy = sync()
    assert copies.has_file(copy)
    default_storage.delete(copy.name)
    before = MediaCopy.objects.values().get()
    assert not copies.has_file(copy)
    assert (sync(), MediaCopy.objects.values().get()) == (copies.playable_copy(dub, "video"), before)
