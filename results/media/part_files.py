"""Part files: the bytes of copies that are still being downloaded, and their MIME type by magic bytes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path, PurePath
from typing import BinaryIO

from django.conf import settings
from django.core.files import File
from django.utils import timezone
from django.utils.translation import gettext as _

from results.models import MediaCopy

MAX_AGE = timedelta(days=2)


class UnsupportedMediaError(Exception):
    """The downloaded file is no media that browsers play; another download would bring the same."""


def folder() -> Path:
    """Return the folder of this machine's part files, created if missing."""
    directory: Path = settings.DATA_DIR / "copying"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def path(copy: MediaCopy) -> Path:
    """Return the path of the copy's part file.

    The name holds a hash of the validator, so bytes of different content never meet in one file, whichever machine
    began the download.
    """
    content = sha256(copy.validator.encode()).hexdigest()[:16]
    return folder() / f"{PurePath(copy.name).stem}-{content}"


def delete(copy: MediaCopy) -> None:
    """Delete the copy's part files of any content from this machine."""
    for part in folder().glob(f"{PurePath(copy.name).stem}-*"):
        part.unlink(missing_ok=True)


def delete_old() -> None:
    """Delete this machine's part files that have not grown for MAX_AGE: no worker continues them."""
    oldest = (timezone.now() - MAX_AGE).timestamp()
    for part in folder().iterdir():
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < oldest:
                part.unlink()


def length(copy: MediaCopy) -> int:
    """Return how many bytes of the copy's content this machine has."""
    with suppress(FileNotFoundError):
        return path(copy).stat().st_size
    return 0


@contextmanager
def open_for_writing(copy: MediaCopy) -> Iterator[BinaryIO]:
    """Open the part file under an exclusive lock, since a worker that outlived its lease may still write to it.

    Raises BlockingIOError while another worker has the lock.
    """
    with os.fdopen(os.open(path(copy), os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


class WholeFile(File):  # type: ignore[type-arg]  # Django's has no [] at run time
    """A complete part file. A local storage moves it by `temporary_file_path`; another storage reads it."""

    def __init__(self, file: BinaryIO, content_type: str) -> None:
        super().__init__(file)
        self.content_type = content_type

    def temporary_file_path(self) -> str:
        return str(self.name)


def detect_type(head: bytes, kind: str) -> tuple[str, str]:
    """Return the content type and file extension that a file's first bytes show.

    The host's Content-Type does not count: we serve the file from our own origin, where an HTML page would run as
    one of ours. Raises UnsupportedMediaError for anything but video and audio that browsers play.
    """
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return f"{kind}/mp4", ".mp4" if kind == "video" else ".m4a"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return f"{kind}/webm", ".webm"
    if head.startswith(b"OggS"):
        return f"{kind}/ogg", ".ogg"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav", ".wav"
    if head.startswith(b"fLaC"):
        return "audio/flac", ".flac"
    # An MPEG audio frame begins with 11 set bits; its layer field tells AAC from MP3.
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if is_frame and head[1] & 0x06 == 0:
        return "audio/aac", ".aac"
    if is_frame or head.startswith(b"ID3"):
        return "audio/mpeg", ".mp3"
    raise UnsupportedMediaError(
        _("The file is not a video or audio that browsers play. Refresh the run to try again.")
    )
