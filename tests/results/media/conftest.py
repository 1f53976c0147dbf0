"""A media host over real HTTP, a storage to choose, and a team with copies switched on."""

from pathlib import Path

import pytest

from demo.server import Reply
from results.media import copy_sync, stills, waveform
from results.models import CopyPolicy, MediaCopy
from tests.bucket import Bucket
from tests.results.media.copy_helpers import ETAG, GB, VIDEO, ready_dub

_measure, _take = waveform.measure, stills.take


@pytest.fixture
def data_dir(settings, tmp_path) -> Path:
    """A data folder of the test's own, and an empty bucket."""
    settings.DATA_DIR = tmp_path
    Bucket.files.clear()
    return tmp_path


@pytest.fixture
def store_in(settings, data_dir):
    """Select the default storage by class name: Django's own, the bucket, or one of `copy_helpers`."""

    def select(name: str) -> None:
        options = {} if name in ("Bucket", "Halving", "Forbidden") else {"location": data_dir / "media"}
        modules = {"FileSystemStorage": "django.core.files.storage", "Bucket": "tests.bucket"}
        module = modules.get(name, "tests.results.media.copy_helpers")
        settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": f"{module}.{name}", "OPTIONS": options}}

    select("FileSystemStorage")
    return select


@pytest.fixture
def measured(monkeypatch) -> list[tuple[str, str]]:
    """The measured files as (stem of the copy's name, content type); each file gets an empty waveform and no still.

    Most files of these tests are no real media, and each real measurement takes a process.
    """
    measured: list[tuple[str, str]] = []

    def measure(path, content_type):
        measured.append((path.name.partition("-")[0], content_type))
        return waveform.EMPTY

    monkeypatch.setattr(waveform, "measure", measure)
    monkeypatch.setattr(stills, "take", lambda *_: stills.EMPTY)
    return measured


@pytest.fixture
def real_waveforms(measured, monkeypatch):
    """Measure waveforms in a separate process, as in use."""
    monkeypatch.setattr(waveform, "measure", _measure)


@pytest.fixture
def real_stills(measured, monkeypatch):
    """Take stills in a separate process, as in use."""
    monkeypatch.setattr(stills, "take", _take)


@pytest.fixture
def copies_enabled(team, camb, settings, store_in, measured) -> None:
    """Make the team a demo team, whose media may come from this machine, and switch its copies on."""
    settings.DEMO_BASE_URL = camb.base_url
    team.api_key.is_demo = True
    team.api_key.save()
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=GB)


@pytest.fixture
def host(camb):
    """The stand-in as a media host that supports ranges; `files` maps each path to its content or reply."""
    camb.files = {"/v.mp4": VIDEO}

    def rule(call):
        content = camb.files.get(call.path.partition("?")[0])
        if content is None or isinstance(content, Reply):
            return content
        headers = {"ETag": ETAG}
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


@pytest.fixture
def sync(worker):
    """Sync copies as beat does, and run all tasks that follow; returns the first copy, or None."""

    def sync() -> MediaCopy | None:
        copy_sync.sync_copies()
        worker()
        return MediaCopy.objects.first()

    return sync


@pytest.fixture
def waiting(team, host, copies_enabled) -> MediaCopy:
    """A copy that is about to be fetched."""
    ready_dub(team, host)
    copy_sync.find_new_media()
    return MediaCopy.objects.get()
