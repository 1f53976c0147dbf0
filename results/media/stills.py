"""Takes a video's still (thumbnail), by which people know it: one frame from 25–35 % in that is not black or flat.

A sandboxed process decodes the video and answers with WebP, so nothing else ever reads a frame of it.
"""

from pathlib import Path
from typing import NamedTuple

from results.media import sandbox

MAX_POSTER_BYTES = 192 * 1024
MAX_SMALL_BYTES = 24 * 1024
MAX_BYTES = MAX_POSTER_BYTES + MAX_SMALL_BYTES

# Imported only in the separate process: FFmpeg has no place in the others.
DECODER = "results.media.still_decoder"


class Still(NamedTuple):
    """A frame as WebP: for the player, and for lists."""

    poster: bytes
    small: bytes

    @property
    def size(self) -> int:
        return len(self.poster) + len(self.small)


EMPTY = Still(b"", b"")


def take(path: Path, content_type: str) -> Still:
    """Return the still of the file's first video stream, as a sandboxed process takes it.

    Raises sandbox.UnreadableMediaError, also where every frame is black or flat.
    """
    output = sandbox.run(DECODER, path, content_type)
    length, _, pictures = output.partition(b"\n")
    if length.isdigit() and len(length) <= 9:
        still = Still(pictures[: int(length)], pictures[int(length) :])
        if _is_webp(still.poster, MAX_POSTER_BYTES) and _is_webp(still.small, MAX_SMALL_BYTES):
            return still
    raise sandbox.unreadable(0, output)


def _is_webp(picture: bytes, max_bytes: int) -> bool:
    """Return whether this is one whole WebP file: the process may have been taken over by the video."""
    size = int.from_bytes(picture[4:8], "little") + 8
    return picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" and size == len(picture) <= max_bytes
