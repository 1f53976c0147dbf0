"""Measures the waveform of a media file: how loud its audio is, from beginning to end.

The file comes from a stranger, and the decoder (FFmpeg) is large: so a separate sandboxed process decodes it. The
process gets no secrets and little memory and time. Before it reads the first byte, it gives up the right to open
any file or connection, and to write more than a short answer.
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

# Samples per second to which audio is resampled: frequencies above half of that add little to speech.
RATE = 4000
# Audio whose loudest part is below this, of 32,768, is drawn as near silence: it is not scaled up to full height.
NEAR_SILENCE = 300

# FFmpeg's format by the subtype of a copy's content type. Left to guess, FFmpeg tries all formats, also playlists.
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
    """The waveform cannot be measured; the message is for the log."""


@dataclass(frozen=True)
class Waveform:
    """The loudness of a file over its length."""

    values: bytes
    """COUNT equal parts of its length, each from 0 to 255 for the loudest part."""
    length_ms: int


EMPTY = Waveform(b"", 0)


def measure(path: Path, content_type: str) -> Waveform:
    """Return the waveform of the file's first audio stream. Takes at most MAX_SECONDS.

    Raises UnreadableMediaError when the process fails or takes longer. `content_type` is one that
    `part_files.detect_type` returns.
    """
    command = [sys.executable, "-I", __file__, FORMATS[content_type.partition("/")[2]]]
    with path.open("rb") as file, tempfile.TemporaryFile() as answer:
        try:
            code = subprocess.run(  # noqa: S603  our own file, without a shell
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
            raise UnreadableMediaError(f"decoding took longer than {MAX_SECONDS} seconds") from error
        except OSError as error:
            raise UnreadableMediaError(str(error)) from error
        answer.seek(0)
        output = answer.read(MAX_ANSWER_BYTES)
    length, _, values = output.partition(b"\n")
    if code or len(values) != COUNT or not length.isdigit() or len(length) > 9:
        last_line = output.decode(errors="replace").strip().rpartition("\n")[2]
        raise UnreadableMediaError(f"exit code {code}: {last_line[:200]!r}")
    return Waveform(values, int(length))


# --- Inside the separate process ---------------------------------------------------------------------


def _main(format: str) -> None:
    _confine()
    with open(0, "rb", buffering=0) as file:
        waveform = _from_samples(_samples(file, format))
    with open(1, "wb") as answer:
        answer.write(b"%d\n%b" % (waveform.length_ms, waveform.values))


def _confine() -> None:
    """Give up, irrevocably, every right that decoding and answering does not need."""
    _limit(resource.RLIMIT_CPU, MAX_CPU_SECONDS)
    _limit(resource.RLIMIT_FSIZE, MAX_ANSWER_BYTES)
    if sys.platform == "linux":  # other systems ignore this limit, and macOS refuses to set it
        _limit(resource.RLIMIT_AS, MAX_MEMORY_BYTES)
    os.nice(10)
    # Imported while files can still be opened: av imports the second module only when it opens a container.
    import av
    import av.subtitles.stream  # noqa: F401

    # Open files stay open. With a limit of 0 not even the number of a closed one is given out again.
    _limit(resource.RLIMIT_NOFILE, 0)
    _limit(resource.RLIMIT_NPROC, 0)


def _limit(resource_id: int, maximum: int) -> None:
    resource.setrlimit(resource_id, (maximum, maximum))


def _samples(file: BinaryIO, format: str) -> "Iterator[array[int]]":
    """Yield the first audio stream in pieces of 16-bit mono samples at RATE. Raises ValueError without audio."""
    import av
    from av.stream import Discard

    options = {"codec_whitelist": DECODERS, "format_whitelist": format, "protocol_whitelist": "none"}
    with av.open(file, mode="r", format=format, container_options=options) as container:
        if not container.streams.audio:
            raise ValueError("the file has no audio stream")
        stream = container.streams.audio[0]
        if stream.codec_context.name not in DECODERS.split(","):
            raise ValueError(f"the codec {stream.codec_context.name} is not allowed")
        for other in container.streams:
            if other != stream:
                other.discard = Discard.all
        resampler = av.AudioResampler("s16", "mono", RATE)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # players skip damaged packets, too
            for frame in frames:
                for resampled in resampler.resample(frame):
                    yield array("h", bytes(resampled.planes[0])[: resampled.samples * 2])


def _from_samples(pieces: "Iterable[array[int]]") -> Waveform:
    """Return the waveform of these samples. Raises ValueError when there are none.

    The energy is summed over short parts of equal size. When there are too many parts, each two are merged into
    one: so memory stays bounded, although the length is not known before the end.
    """
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
        raise ValueError("the audio stream has no samples")
    parts.append(_energy(rest) * size // len(rest) if rest else 0)
    edges = [column * length // COUNT // size for column in range(COUNT + 1)]
    loud = [sqrt(max(parts[edges[i] : max(edges[i + 1], edges[i] + 1)]) / size) for i in range(COUNT)]
    loudest = max(*loud, NEAR_SILENCE)
    return Waveform(bytes(round(255 * value / loudest) for value in loud), length * 1000 // RATE)


def _energy(samples: "array[int]") -> int:
    return sum(map(mul, samples, samples))


if __name__ == "__main__":
    _main(sys.argv[1])
