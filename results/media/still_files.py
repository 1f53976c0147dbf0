"""The stills of kept videos as files beside the copies, and those that copies of earlier releases lack."""

import logging
import random
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from time import monotonic

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from results import clock, queue
from results.media import copies, copy_storage, part_files, quota, sandbox, stills
from results.models import MediaCopy, MediaCopyQuerySet
from results.refresh import heartbeat

logger = logging.getLogger(__name__)

MAX_SECONDS = 20
LEASE_DURATION = timedelta(minutes=10)
# Where the storage is elsewhere, the whole file is fetched for its still. A larger one is not worth that.
MAX_FETCHED_BYTES = 2 * 2**30
# Left free on this machine's disk.
SPARE_BYTES = 2**30
# The newest copies are seen most. One of so many is chosen at random, so that one with trouble holds no other up.
CANDIDATES = 50

State = MediaCopy.State


def poster_name(copy: MediaCopy) -> str:
    """Return the name in the storage of the picture for the player."""
    return str(PurePosixPath(copy.name).with_suffix(".webp"))


def small_name(copy: MediaCopy) -> str:
    """Return the name in the storage of the picture for lists."""
    return str(PurePosixPath(copy.name).with_suffix(".small.webp"))


def _name(copy: MediaCopy, *, is_small: bool) -> str:
    return small_name(copy) if is_small else poster_name(copy)


def take(copy: MediaCopy, path: Path) -> stills.Still:
    """Return the still of the copy's file at this path; an empty one where the video gives none."""
    try:
        return stills.take(path, copy.content_type)
    except sandbox.UnreadableMediaError as error:
        logger.warning("Copy %s is kept without a picture: %s", copy.pk, error)
        return stills.EMPTY


def store(copy: MediaCopy, still: stills.Still) -> None:
    """Write the still's pictures into the storage, in place of earlier ones of this copy."""
    delete(copy)
    if still.size:
        default_storage.save(poster_name(copy), ContentFile(still.poster))
        default_storage.save(small_name(copy), ContentFile(still.small))


def delete(copy: MediaCopy) -> None:
    """Delete the copy's pictures from the storage, if it has any."""
    if copy.kind == "video":
        default_storage.delete(poster_name(copy))
        default_storage.delete(small_name(copy))


def signed_url(copy: MediaCopy, *, is_small: bool) -> str | None:
    """Return a signed URL of a picture in a storage elsewhere; None where the storage cannot sign one."""
    return copies.signed_url(_name(copy, is_small=is_small), "image/webp", "inline")


def read(copy: MediaCopy, *, is_small: bool) -> bytes | None:
    """Return a picture of the copy's still; None where its file is gone. Raises what the storage does.

    The still is taken again if it is this very storage that should have the file.
    """
    try:
        with default_storage.open(_name(copy, is_small=is_small)) as file:
            picture: bytes = file.read(stills.MAX_BYTES)
    except FileNotFoundError:
        if copy.storage == copy_storage.own_mark():
            MediaCopy.objects.filter(pk=copy.pk).update(still_bytes=None)
        return None
    return picture


# --- Copies without a still --------------------------------------------------------------------------


def take_missing() -> bool:
    """Take stills of kept videos that no worker has tried yet, for MAX_SECONDS; return whether some are left."""
    full = _full_teams()
    deadline = monotonic() + MAX_SECONDS
    while not queue.is_worker_stopping() and (copy := _claim(full)):
        try:
            _take_claimed(copy)
        except Exception:
            # Storages raise exceptions of their own kinds. The copy is tried again after a pause.
            logger.exception("The still of copy %s could not be taken", copy.pk)
            return False
        finally:
            MediaCopy.objects.filter(lease=copy.lease).update(lease=None, lease_until=None, leased_by=None)
        if monotonic() > deadline:
            return True
    return False


def _missing() -> MediaCopyQuerySet:
    return MediaCopy.objects.filter(state=State.KEPT, kind="video", still_bytes=None).exclude(dub=None)


def _full_teams() -> list[int]:
    """Return the teams whose stills have to wait until there is room in their quota."""
    teams = _missing().order_by().values_list("team", flat=True).distinct()
    return [team for team in teams if team and not quota.has_room(team, stills.MAX_BYTES)]


def _claim(full: list[int]) -> MediaCopy | None:
    """Lease one of the newest copies without a still, of those that this storage holds."""
    now, lease = clock.now(), uuid.uuid4()
    waiting = _missing().unleased(now).filter(storage__in=["", copy_storage.own_mark()]).exclude(team__in=full)
    pks = list(waiting.order_by("-pk").values_list("pk", flat=True)[:CANDIDATES])
    chosen = random.choice(pks) if pks else None  # noqa: S311  no secret
    fields = {"lease_until": now + LEASE_DURATION, "leased_by": heartbeat.worker_id}
    if chosen and waiting.filter(pk=chosen).update(lease=lease, **fields):
        return MediaCopy.objects.select_related("dub__team").get(pk=chosen)
    return None


def _take_claimed(copy: MediaCopy) -> None:
    if not copies.has_file(copy):
        raise FileNotFoundError(f"{copy.name} is not in the storage of this machine")
    if copies.local_path(copy) is None and copy.size > MAX_FETCHED_BYTES:
        still = stills.EMPTY
    else:
        with _local_file(copy) as path:
            still = take(copy, path)
    store(copy, still)
    own = MediaCopy.objects.filter(lease=copy.lease, state=State.KEPT).exclude(dub=None)
    if own.update(still_bytes=still.size) and still.size and copy.dub:
        copies.announce(copy.dub)


@contextmanager
def _local_file(copy: MediaCopy) -> Iterator[Path]:
    """Give the path of the copy's file on this machine, to which a storage elsewhere sends it for the while."""
    path = copies.local_path(copy)
    if path is not None:
        yield path
        return
    folder = part_files.folder()
    # The storage's client may keep a second copy on the disk while it is read.
    if shutil.disk_usage(folder).free - 2 * copy.size < SPARE_BYTES:
        raise OSError("too little room on the disk")
    with tempfile.NamedTemporaryFile(dir=folder) as part, default_storage.open(copy.name) as stored:
        for chunk in stored.chunks():
            part.write(chunk)
        part.flush()
        yield Path(part.name)
