"""Which storage this process keeps copies in, and whether every other process reaches the same one.

A folder has a mark in its file `MARK_FILE`, and a copy's row has the mark of the storage that holds its file. So a
machine that lacks a file knows whether the file is gone or is elsewhere: only a file's own storage decides.
"""

import logging
import os
import tempfile
import uuid
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from results.media.copies import local_folder
from results.models import CopyPolicy, MediaCopy, SharedStorage

logger = logging.getLogger(__name__)

MARK_FILE = ".dubroom-storage"
NOT_SHARED = (
    "Copies of media are not kept: with a database server, every machine must reach the same storage. Set "
    "MEDIA_STORAGE_URL to an S3 bucket, or MEDIA_STORAGE_SHARED=True if its folder is the same on every machine."
)
OTHER_FOLDER = (
    "Copies of media are not kept: the folder {folder} on this machine is not the one that the other machines use, "
    "as its file {file} is missing or differs. Mount the shared folder there. If this folder replaces the other "
    "one for good, run: python manage.py doctor --accept-media-storage"
)


def own_mark() -> str:
    """Return the mark of the storage that this process uses; a folder without one gets one. Raises OSError."""
    folder = local_folder()
    if folder is None:
        options = settings.STORAGES["default"].get("OPTIONS", {})
        place = [str(options.get(name, "")) for name in ("endpoint_url", "bucket_name", "location")]
        return sha256("\0".join(place).encode()).hexdigest()[:36]
    return _read_mark(folder) or _write_mark(folder)


def _read_mark(folder: Path) -> str:
    with suppress(FileNotFoundError):
        return (folder / MARK_FILE).read_text().strip()[:36]
    return ""


def _write_mark(folder: Path) -> str:
    """Mark the folder. Of several processes that do so at once, one wins, and all return its mark."""
    with tempfile.NamedTemporaryFile("w", dir=folder) as aside:
        aside.write(str(uuid.uuid4()))
        aside.flush()
        with suppress(FileExistsError):
            os.link(aside.name, folder / MARK_FILE)
    return _read_mark(folder)


def refusal() -> str:
    """Return why no copies may be kept, as a sentence for the administrator; empty if they may.

    Without a database server there is only one machine. Else the folder must be declared to be shared, and be the
    very folder that the first process saw.
    """
    if settings.IS_EMBEDDED:
        return ""
    try:
        folder = local_folder()
        if folder is None:
            return ""
        if not settings.MEDIA_STORAGE_SHARED:
            return NOT_SHARED
        known = SharedStorage.objects.first()
        if known is None:
            SharedStorage.objects.bulk_create([SharedStorage(mark=own_mark())], ignore_conflicts=True)
            known = SharedStorage.objects.get()
        if _read_mark(folder) == known.mark:
            return ""
        return OTHER_FOLDER.format(folder=folder, file=MARK_FILE)
    except OSError as error:
        return f"Copies of media are not kept: their folder cannot be used ({error})."


def are_allowed() -> bool:
    """Return whether copies may be kept. The log gets the reason why not, once for each reason."""
    reason = refusal()
    if reason and reason not in _logged:
        _logged.add(reason)
        logger.error("%s", reason)
    return not reason


_logged: set[str] = set()


def kept_elsewhere() -> QuerySet[MediaCopy]:
    """Return the copies whose file was stored in another storage than this process's, or in one unknown."""
    return MediaCopy.objects.exclude(content_type="").exclude(storage=own_mark())


def accept_storage() -> int:
    """Make the storage that this process sees the one that all machines must use.

    Copies whose files it has are its own from now on, wherever they were stored: return their number. Without that,
    no machine would delete them. Raises what the storage does.
    """
    mark, number = own_mark(), 0
    for pk, name in kept_elsewhere().values_list("pk", "name"):
        if default_storage.exists(name):
            number += MediaCopy.objects.filter(pk=pk).update(storage=mark)
    SharedStorage.objects.update_or_create(id=1, defaults={"mark": mark})
    return number


def delete_file(copy: MediaCopy, mark: str) -> bool:
    """Delete the copy's file from the storage of this mark. Return whether it is certain that no file is left.

    A missing file is certain only if this very storage is known to have held it.
    """
    if not copy.content_type:
        return True  # nothing was ever stored
    was_there = default_storage.exists(copy.name)
    default_storage.delete(copy.name)
    if default_storage.exists(copy.name):
        raise OSError(f"the storage still has {copy.name}")
    return was_there or copy.storage == mark or (not copy.storage and settings.IS_EMBEDDED)


def fetch_missing_again() -> int:
    """Have the kept copies whose files are not in this storage fetched again; return their number.

    For the administrator of a server whose files were lost, or whose database alone was restored. Nothing calls
    this by itself, as a folder may be missing for a while only. Raises what the storage does.
    """
    stored = MediaCopy.objects.exclude(content_type="").defer("waveform")
    lost = [copy for copy in stored if not default_storage.exists(copy.name)]
    mark, number, teams = own_mark(), 0, set[int | None]()
    for copy in lost:
        # What is lost was this storage's: the next sync deletes the rows without a dub.
        row = MediaCopy.objects.filter(pk=copy.pk)
        row.update(storage=mark)
        if row.filter(state=MediaCopy.State.KEPT).exclude(dub=None).update(dub=None, team=None):
            number += 1
            teams.add(copy.team_id)
    # It also looks through all media of these teams, and adds new copies.
    CopyPolicy.objects.filter(pk__in=teams).update(synced_at=None)
    return number
