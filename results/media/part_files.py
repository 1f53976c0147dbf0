"""What of a file has come to this machine so far, and what kind of file is it?"""

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

from results.models import MediaCopy

MAX_AGE = timedelta(days=2)


class UnsupportedMediaError(Exception):
    """What came is nothing to keep, and will be no other thing the next time."""


def folder() -> Path:
    place: Path = settings.DATA_DIR / "copying"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def path(copy: MediaCopy) -> Path:
    """Where its bytes lie until they are all here. Other content is another file, whichever machine began it."""
    mark = sha256(copy.validator.encode()).hexdigest()[:16]
    return folder() / f"{PurePath(copy.name).stem}-{mark}"


def delete(copy: MediaCopy) -> None:
    for part in folder().glob(f"{PurePath(copy.name).stem}-*"):
        part.unlink(missing_ok=True)


def delete_old() -> None:
    """Remove from this machine the parts that nobody has gone on with for days."""
    end = (timezone.now() - MAX_AGE).timestamp()
    for part in folder().iterdir():
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < end:
                part.unlink()


def length(copy: MediaCopy) -> int:
    """How many bytes of this content lie on this machine."""
    with suppress(FileNotFoundError):
        return path(copy).stat().st_size
    return 0


@contextmanager
def open_for_writing(copy: MediaCopy) -> Iterator[BinaryIO]:
    """The part to write on, for us alone: a worker that was held up beyond its lease may come back to it.

    Raises BlockingIOError while another one has it.
    """
    with os.fdopen(os.open(path(copy), os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


class WholeFile(File):  # type: ignore[type-arg]  # Django's has no [] at run time
    """All of a file: a local storage may move it, another reads it."""

    def __init__(self, file: BinaryIO, content_type: str) -> None:
        super().__init__(file)
        self.content_type = content_type

    def temporary_file_path(self) -> str:
        return str(self.name)


def detect_type(head: bytes, kind: str) -> tuple[str, str]:
    """The content type and extension by a file's first bytes. Raises Unfit for what is no video or audio.

    The host's own word does not count: we serve the file under our name, where a page would run as one of ours.
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
    # The first bits of a frame of MPEG audio, whose layer tells AAC from MP3.
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if is_frame and head[1] & 0x06 == 0:
        return "audio/aac", ".aac"
    if is_frame or head.startswith(b"ID3"):
        return "audio/mpeg", ".mp3"
    raise UnsupportedMediaError(
        "What the link gives is no video or audio that browsers play. Refresh the run to try again."
    )
