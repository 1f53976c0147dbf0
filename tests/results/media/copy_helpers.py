"""Dubs with media at the stand-in host, storages that fail, and the files that copies leave on this machine."""

import errno
import uuid
from datetime import timedelta
from pathlib import Path

from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from results.media import copy_storage, part_files
from results.models import Dub, MediaCopy
from tests.bucket import Bucket
from tests.factories import make_dub, make_run

VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 1000
ETAG = '"v1"'
GB = 2**30


class Full(FileSystemStorage):
    """A storage with room for half of each file."""

    def _save(self, name, content):
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(VIDEO[: len(VIDEO) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


class Halving(Bucket):
    """A storage that loses half of each file without an error."""

    def size(self, name):
        return super().size(name) // 2


class Forbidden(Bucket):
    """A storage whose writes raise an exception of its own kind, as boto3's do."""

    def _save(self, name, content):
        raise KeyError("AccessDenied")


class Undeletable(FileSystemStorage):
    """A storage whose deletions raise an exception of its own kind."""

    def delete(self, name):
        raise KeyError("AccessDenied")


def link(host, path="/v.mp4") -> str:
    """Return the URL of a file at the stand-in host."""
    return f"http://127.0.0.1:{host.port}{path}"


def ready_dub(team, host, **fields) -> Dub:
    """Make a dub of a run that has just been refreshed, with a video at the host."""
    run = make_run(team, status="ready", due_at=None, checked_at=timezone.now())
    return make_dub(run, ["Hola"], "es-es", **({"video_url": link(host)} | fields))


def leave_part(copy: MediaCopy, length: int, validator: str = ETAG, content: bytes = VIDEO) -> None:
    """Leave behind what a killed worker does: its lease, and a part file of this length."""
    copy.validator, copy.lease, copy.lease_until = validator, uuid.uuid4(), timezone.now() + timedelta(seconds=60)
    copy.save()
    part_files.path(copy).write_bytes(content[:length])


def make_due(copy: MediaCopy) -> None:
    """End the copy's wait for its next try."""
    MediaCopy.objects.filter(pk=copy.pk).update(due_at=timezone.now())


def part_sizes(data_dir: Path) -> list[int]:
    """Return the sizes of the part files."""
    return [file.stat().st_size for file in (data_dir / "copying").glob("*")]


def stored_files(data_dir: Path) -> list[Path]:
    """Return the files in the storage on this machine."""
    files = (data_dir / "media").rglob("*")
    return [path for path in files if path.is_file() and path.name != copy_storage.MARK_FILE]


def requested_ranges(host) -> list[str | None]:
    """Return the `Range` header of each request for media; None where there was none."""
    return [call.headers["Range"] for call in host.calls if not call.path.startswith("/apis")]
