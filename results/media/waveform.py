"""How loud is a file of media, from its beginning to its end?

Nobody here made the file, and what decodes it is large: so a process of its own does, that has nothing to lose. It
gets no secrets and little memory and time, and before it looks at the first byte it gives up opening any file or
connection, and writing more than a short answer.
"""

import os
import resource
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from operator import mul
from pathlib import Path
from typing import BinaryIO

COUNT = 1000
MAX_SECONDS = 90
MAX_CPU_SECONDS = 60
MAX_MEMORY_BYTES = 512 * 2**20
MAX_ANSWER_BYTES = 4096

# Samples a second, of which the loudness is taken: what lies above half of that adds little to speech.
RATE = 4000
# No louder than this, of 32,768, at its loudest, it is drawn as the near silence that it is.
NEAR_SILENCE = 300

# By the content types that copies have. FFmpeg would try all its formats, playlists among them.
FORMATS = {
    "mp4": "mov",
    "webm": "matroska",
    "ogg": "ogg",
    "wav": "wav",
    "flac": "flac",
    "aac": "aac",
    "mpeg": "mp3",
}
DECODERS = "aac,mp3float,flac,opus,vorbis,pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le"


class UnreadableMediaError(Exception):
    """There is no telling; the message is for the log."""


@dataclass(frozen=True)
class Waveform:
    values: bytes
    """COUNT equal parts of its length, each from 0 to 255 for the loudest."""
    length_ms: int


EMPTY = Waveform(b"", 0)


def measure(path: Path, content_type: str) -> Waveform:
    """Return the peaks of the sound in this file. Raises Unreadable; takes MOST_SECONDS at the most."""
    command = [sys.executable, "-I", __file__, FORMATS[content_type.partition("/")[2]]]
    with path.open("rb") as file, tempfile.TemporaryFile() as answer:
        try:
            code = subprocess.run(  # noqa: S603  our own file, and no shell
                command,
                stdin=file,
                stdout=answer,
                stderr=answer,
                env={},
                cwd="/",
                timeout=MAX_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise UnreadableMediaError(f"it took longer than {MAX_SECONDS} seconds") from error
        except OSError as error:
            raise UnreadableMediaError(str(error)) from error
        answer.seek(0)
        said = answer.read(MAX_ANSWER_BYTES)
    length, _, values = said.partition(b"\n")
    if code or len(values) != COUNT or not length.isdigit() or len(length) > 9:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise UnreadableMediaError(f"exit code {code}: {last[:200]!r}")
    return Waveform(values, int(length))


# --- In the process of its own -----------------------------------------------------------------------


def _main(format: str) -> None:
    _confine()
    with open(0, "rb", buffering=0) as file:
        peaks = _of_samples(_samples(file, format))
    with open(1, "wb") as answer:
        answer.write(b"%d\n%b" % (peaks.length_ms, peaks.values))


def _confine() -> None:
    """Give up, for good, what reading and answering does not take."""
    _limit(resource.RLIMIT_CPU, MAX_CPU_SECONDS)
    _limit(resource.RLIMIT_FSIZE, MAX_ANSWER_BYTES)
    if sys.platform == "linux":  # others do not keep this limit, and macOS refuses to set it
        _limit(resource.RLIMIT_AS, MAX_MEMORY_BYTES)
    os.nice(10)
    # While files can still be opened: the second one is imported by the first only when it opens a file.
    import av
    import av.subtitles.stream  # noqa: F401

    # What is open stays so. Not even a number that is closed can be given to something else.
    _limit(resource.RLIMIT_NOFILE, 0)
    _limit(resource.RLIMIT_NPROC, 0)


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))


def _samples(file: BinaryIO, format: str) -> "Iterator[array[int]]":
    """Yield the first sound of the file, in pieces."""
    import av
    from av.stream import Discard

    options = {"codec_whitelist": DECODERS, "format_whitelist": format, "protocol_whitelist": "none"}
    with av.open(file, mode="r", format=format, container_options=options) as container:
        if not container.streams.audio:
            raise ValueError("there is no sound in it")
        stream = container.streams.audio[0]
        if stream.codec_context.name not in DECODERS.split(","):
            raise ValueError(f"nothing here decodes {stream.codec_context.name}")
        for other in container.streams:
            if other != stream:
                other.discard = Discard.all
        resampler = av.AudioResampler("s16", "mono", RATE)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # players pass over what is damaged, too
            for frame in frames:
                for plain in resampler.resample(frame):
                    yield array("h", bytes(plain.planes[0])[: plain.samples * 2])


def _of_samples(pieces: "Iterable[array[int]]") -> Waveform:
    """Measure what comes in equal parts, and whenever there are too many, make one of two."""
    parts: list[int] = []
    size = RATE // 100
    rest = array("h")
    for piece in pieces:
        rest += piece
        start = 0
        while start + size <= len(rest):
            parts.append(_energy(rest[start : start + size]))
            start += size
            if len(parts) == 4 * COUNT:
                parts = [first + second for first, second in zip(parts[::2], parts[1::2], strict=True)]
                size *= 2
        del rest[:start]
    length = len(parts) * size + len(rest)
    if not length:
        raise ValueError("there is no sound in it")
    parts.append(_energy(rest) * size // len(rest) if rest else 0)
    edges = [column * length // COUNT // size for column in range(COUNT + 1)]
    loud = [sqrt(max(parts[edges[i] : max(edges[i + 1], edges[i] + 1)]) / size) for i in range(COUNT)]
    loudest = max(*loud, NEAR_SILENCE)
    return Waveform(bytes(round(255 * one / loudest) for one in loud), length * 1000 // RATE)


def _energy(samples: "array[int]") -> int:
    return sum(map(mul, samples, samples))


if __name__ == "__main__":
    _main(sys.argv[1])
