"""Copies on several machines: no row or file is lost because a machine does not have another one's folder."""

import logging
import shutil
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from results.media import copies, copy_storage, copy_sync, quota
from results.models import CopyPolicy, MediaCopy, SharedStorage
from results.runs.trash import delete_run, delete_team, purge_trash
from tests.bucket import Bucket
from tests.results.media.copy_helpers import ready_dub, requested_ranges

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


@pytest.fixture
def work_on(settings, tmp_path):
    """Go on as another machine: with the database server that all share, and with this folder of copies."""
    settings.IS_EMBEDDED = False
    copy_storage._logged.clear()

    def switch(folder: str, *, is_shared: bool = True) -> Path:
        settings.MEDIA_STORAGE_SHARED = is_shared
        storage = settings.STORAGES["default"] | {"OPTIONS": {"location": tmp_path / folder}}
        settings.STORAGES = settings.STORAGES | {"default": storage}
        return tmp_path / folder

    return switch


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and path.name != copy_storage.MARK_FILE]


def keep_on_undeclared_folder(work_on, sync, folder: str) -> MediaCopy:
    """Keep a copy in a folder that is not shared, as releases did that did not ask whether it is."""
    work_on(folder)
    SharedStorage.objects.all().delete()
    copy = sync()
    assert copy.state == "kept"
    return copy


def test_playing_from_a_machine_without_the_file_keeps_the_row_and_plays_the_link(
    client, team, host, sync, work_on, settings
):
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"media-src": ["http:"]}}
    dub = ready_dub(team, host)
    folder = work_on("first")
    copy = sync()
    before = MediaCopy.objects.values().get()
    client.force_login(team.memberships.get().user)
    work_on("second")
    answer = client.get(f"/dubs/{dub.pk}/video/")
    assert (answer.status_code, answer.headers["Location"]) == (302, dub.video_url)
    client.get(f"/dubs/{dub.pk}/video/?renew=1")
    sync()
    assert MediaCopy.objects.values().get() == before
    assert files_in(folder) == [Path(copy.name).name]


def test_files_of_a_deleted_team_are_deleted_by_the_machine_where_they_lie(team, host, sync, work_on):
    ready_dub(team, host)
    keep_on_undeclared_folder(work_on, sync, "first")
    second = ready_dub(team, host)
    keep_on_undeclared_folder(work_on, sync, "second")
    at_second = MediaCopy.objects.get(dub=second).pk
    delete_team(team)
    purge_trash()
    work_on("third", is_shared=False)
    copy_sync.delete_removed()
    assert MediaCopy.objects.count() == 2
    folder = work_on("first", is_shared=False)
    copy_sync.delete_removed()
    assert (files_in(folder), list(MediaCopy.objects.values_list("pk", flat=True))) == ([], [at_second])
    folder = work_on("second", is_shared=False)
    copy_sync.delete_removed()
    assert (files_in(folder), MediaCopy.objects.count()) == ([], 0)


def test_a_row_of_an_earlier_release_goes_only_on_the_machine_with_its_file(team, host, sync, work_on):
    ready_dub(team, host)
    folder = work_on("first")
    sync()
    MediaCopy.objects.update(storage="", dub=None, team=None)
    work_on("second")
    copy_sync.delete_removed()
    assert MediaCopy.objects.count() == 1
    work_on("first")
    copy_sync.delete_removed()
    assert (files_in(folder), MediaCopy.objects.count()) == ([], 0)


def test_a_row_whose_own_storage_lost_the_file_goes(team, host, sync, work_on):
    ready_dub(team, host)
    work_on("first")
    default_storage.delete(sync().name)
    MediaCopy.objects.update(dub=None, team=None)
    copy_sync.delete_removed()
    assert MediaCopy.objects.count() == 0


def test_with_a_database_server_an_undeclared_folder_is_refused_in_one_sentence(
    client, team, host, sync, work_on, caplog
):
    ready_dub(team, host)
    work_on("first", is_shared=False)
    with caplog.at_level(logging.ERROR, "results.media"):
        assert (sync(), sync(), requested_ranges(host)) == (None, None, [])
    assert [record.getMessage() for record in caplog.records] == [copy_storage.NOT_SHARED]
    client.force_login(team.memberships.get().user)
    page = client.post(f"/t/{team.slug}/team/media/", {"is_on": "on", "most_gb": "5"})
    assert (page.status_code, "is not set up to keep copies" in page.content.decode()) == (422, True)
    assert client.post(f"/t/{team.slug}/team/media/", {"most_gb": "5"}).status_code == 302
    assert CopyPolicy.objects.get().is_enabled is False


def test_a_machine_whose_shared_folder_is_not_mounted_keeps_no_copies_until_it_is(team, host, sync, work_on):
    work_on("shared")
    assert copy_storage.refusal() == ""
    ready_dub(team, host)
    unmounted = work_on("unmounted")
    assert copy_storage.refusal().startswith(
        f"Copies of media are not kept: the folder {unmounted} on this machine"
    )
    assert (sync(), requested_ranges(host)) == (None, [])
    (unmounted / copy_storage.MARK_FILE).write_text("the mark of another folder")
    assert copy_storage.refusal() != ""
    work_on("shared")
    assert sync().state == "kept"


def test_a_new_folder_is_used_once_the_administrator_accepts_it(work_on):
    work_on("shared")
    assert copy_storage.refusal() == ""
    work_on("new")
    assert copy_storage.refusal() != ""
    copy_storage.accept_storage()
    assert copy_storage.refusal() == ""
    work_on("shared")
    assert copy_storage.refusal() != ""


def move_to_bucket(folder: Path, copy: MediaCopy) -> None:
    Bucket.files[copy.name] = (folder / copy.name).read_bytes()


def move_to_folder(folder: Path, copy: MediaCopy) -> None:
    shutil.copytree(folder / str(copy.team_id), folder.parent / "new" / str(copy.team_id))


@pytest.mark.parametrize(("move", "storage"), [(move_to_bucket, "Bucket"), (move_to_folder, "new")])
def test_files_of_a_deleted_team_are_deleted_where_they_were_moved_to(
    team, host, sync, work_on, store_in, move, storage
):
    ready_dub(team, host)
    folder = work_on("first")
    copy = sync()
    move(folder, copy)
    store_in("Bucket") if storage == "Bucket" else work_on(storage)
    assert copy_storage.accept_storage() == 1
    delete_team(team)
    purge_trash()
    copy_sync.delete_removed()
    assert (default_storage.exists(copy.name), MediaCopy.objects.count()) == (False, 0)


def test_accepting_leaves_copies_whose_files_are_not_here_to_their_own_storage(team, host, sync, work_on):
    ready_dub(team, host)
    work_on("first")
    before = sync().storage
    work_on("new")
    assert (copy_storage.accept_storage(), MediaCopy.objects.get().storage) == (0, before)


def test_an_endpoint_that_is_written_differently_keeps_its_copies(team, host, sync, store_in, settings):
    store_in("Bucket")
    settings.IS_EMBEDDED = False
    ready_dub(team, host)
    before = sync().storage
    bucket = settings.STORAGES["default"] | {"OPTIONS": {"endpoint_url": "https://bucket.invalid/"}}
    settings.STORAGES = settings.STORAGES | {"default": bucket}
    assert (copy_storage.accept_storage(), MediaCopy.objects.get().storage != before) == (1, True)


def test_a_bucket_and_a_single_machine_need_no_declaration(store_in, settings):
    settings.MEDIA_STORAGE_SHARED = False
    settings.IS_EMBEDDED = True
    assert copy_storage.refusal() == ""
    settings.IS_EMBEDDED = False
    store_in("Bucket")
    assert (copy_storage.refusal(), len(copy_storage.own_mark())) == ("", 36)


def test_lost_files_are_fetched_again_when_the_administrator_says_so(team, host, sync):
    dub = ready_dub(team, host)
    lost = sync()
    default_storage.delete(lost.name)
    assert copy_storage.fetch_missing_again() == 1
    sync()
    sync()
    copy = copies.playable_copy(dub, "video")
    assert (copy.state, default_storage.exists(copy.name), MediaCopy.objects.get()) == ("kept", True, copy)
    assert copy_storage.fetch_missing_again() == 0


def test_after_the_database_alone_was_restored_all_copies_are_fetched_again(team, host, sync, work_on):
    dub, removed = ready_dub(team, host), ready_dub(team, host)
    folder = work_on("first")
    sync()
    delete_run(removed.run)
    shutil.rmtree(folder)
    with pytest.raises(CommandError, match="is not the one that the other machines use"):
        call_command("doctor", "--fetch-missing-copies")
    copy_storage.accept_storage()
    assert copy_storage.fetch_missing_again() == 1
    sync()
    sync()
    assert copies.playable_copy(dub, "video") == MediaCopy.objects.get()


def test_on_one_machine_a_folder_that_was_lost_with_its_mark_needs_no_acceptance(
    team, host, sync, data_dir, settings
):
    settings.IS_EMBEDDED = True
    ready_dub(team, host)
    sync()
    shutil.rmtree(data_dir / "media")
    assert copy_storage.fetch_missing_again() == 1


def test_the_media_tab_says_that_no_more_copies_are_made(client, team, work_on):
    client.force_login(team.memberships.get().user)
    work_on("first", is_shared=False)
    sentence = "No more copies are made: this server is not set up to keep them."
    assert sentence in client.get(f"/t/{team.slug}/team/media/").content.decode()
    quota.set_policy(team, is_on=False, most_gb=1)
    assert sentence not in client.get(f"/t/{team.slug}/team/media/").content.decode()
