"""The storage in a bucket, by S3's own client over HTTP: what it keeps, and what happens while S3 is in trouble."""

import pytest
import requests
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from dashboard.settings.storage import media_storage
from demo.server import Reply, StandIn
from results.media import copies, copy_sync, links, still_files
from results.models import Dub, MediaCopy
from results.runs.trash import delete_run
from tests.factories import make_dub, make_pictured_copy, make_run
from tests.results.media.copy_helpers import VIDEO, ready_dub
from tests.waiting import DEADLINE_S

pytest.importorskip("boto3", reason="needs requirements-dev.txt")

pytestmark = pytest.mark.django_db
LINK = "https://media.example.org/v.mp4"


class Bucket(StandIn):
    """A bucket of S3: its files by path, and the reply to everything while it is in trouble."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.trouble: Reply | None = None

    def answer(self, call):
        path = call.path.partition("?")[0]
        if self.trouble:
            return self.trouble
        if call.method == "PUT":
            self.files[path] = call.body
        elif call.method == "DELETE":
            self.files.pop(path, None)
        elif path in self.files:
            return Reply(200, self.files[path], {"ETag": '"e"', "Content-Type": "video/mp4"})
        else:
            return Reply(404)
        return Reply(200, headers={"ETag": '"e"'})


@pytest.fixture
def bucket(data_dir, settings, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with Bucket() as bucket:
        url = f"s3://dubs/copies?region_name=eu-central-1&endpoint_url=http://127.0.0.1:{bucket.port}"
        settings.STORAGES = settings.STORAGES | {"default": media_storage(url)}
        yield bucket


@pytest.fixture
def pictured(bucket, team) -> MediaCopy:
    return make_pictured_copy(make_dub(make_run(team), ["Hola"], video_url=LINK), source=LINK)


def test_a_file_is_stored_read_signed_and_deleted(bucket):
    name = default_storage.save("1/a.mp4", ContentFile(VIDEO))
    assert (name, bucket.files) == ("1/a.mp4", {"/dubs/copies/1/a.mp4": VIDEO})
    assert (default_storage.exists(name), default_storage.size(name)) == (True, len(VIDEO))
    with default_storage.open(name) as file:
        assert file.read() == VIDEO
    url = copies.signed_url(name, "video/mp4", "inline")
    assert "X-Amz-Signature=" in url
    assert requests.get(url, timeout=DEADLINE_S).content == VIDEO
    default_storage.delete(name)
    assert (default_storage.exists(name), bucket.files) == (False, {})


@pytest.mark.usefixtures("copies_enabled")
def test_a_copy_is_kept_in_the_bucket_and_deleted_with_its_run(team, host, sync, bucket):
    dub = ready_dub(team, host)
    copy = sync()
    assert (copy.state, list(bucket.files.values())) == ("kept", [VIDEO])
    delete_run(dub.run)
    copy_sync.delete_removed()
    assert (bucket.files, MediaCopy.objects.count()) == ({}, 0)


def test_every_wait_for_the_bucket_has_an_end(bucket):
    config = default_storage.connection.meta.client.meta.config  # type: ignore[attr-defined]  # S3's own
    assert (config.connect_timeout, config.read_timeout, config.signature_version) == (3, 10, "s3v4")
    bucket.trouble = Reply(503)
    with pytest.raises(Exception, match="503"):
        default_storage.exists("1/a.mp4")
    assert len(bucket.calls) == 2


def test_the_stills_of_a_list_come_from_the_bucket_itself(client, team, pictured, bucket):
    client.force_login(team.memberships.get().user)
    bucket.calls.clear()
    answer = client.get(f"/copies/{pictured.pk}/still.webp?small")
    assert (answer.status_code, answer.headers["Referrer-Policy"], bucket.calls) == (302, "no-referrer", [])
    assert answer.headers["Cache-Control"] == "private, max-age=1800"
    assert requests.get(answer.headers["Location"], timeout=DEADLINE_S).content == b"small"
    assert f"/dubs/copies/{still_files.small_name(pictured)}?" in answer.headers["Location"]


@pytest.mark.parametrize("status", [403, 503])
def test_the_link_plays_while_the_bucket_is_in_trouble(client, team, pictured, bucket, status, caplog, monkeypatch):
    monkeypatch.setattr(links, "renew_links", lambda run: Dub.objects.update(video_url=LINK))
    client.force_login(team.memberships.get().user)
    before = MediaCopy.objects.values().get()
    bucket.trouble = Reply(status)
    answer = client.get(f"/dubs/{pictured.dub_id}/video/?renew=1")
    assert (answer.status_code, answer.headers["Location"]) == (302, LINK)
    assert MediaCopy.objects.values().get() == before
    assert f"The storage of this machine does not answer for copy {pictured.pk}: " in caplog.text
