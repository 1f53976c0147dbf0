"""Measures the waveform of a media file: how loud its audio is, from beginning to end."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from operator import mul
from pathlib import Path
from typing import BinaryIO

from results.media import sandbox

COUNT = 1000
# Samples per second to which audio is resampled: frequencies above half of that add little to speech.
RATE = 4000
# Audio whose loudest part is below this, of 32,768, is drawn as near silence: it is not scaled up to full height.
NEAR_SILENCE = 300

DECODERS = "aac,mp3float,flac,opus,vorbis,pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le"


@dataclass(frozen=True)
class Waveform:
    """The loudness of a file over its length."""

    values: bytes
    """COUNT equal parts of its length, each from 0 to 255 for the loudest part."""
    length_ms: int


EMPTY = Waveform(b"", 0)


def measure(path: Path, content_type: str) -> Waveform:
    """Return the waveform of the file's first audio stream, as a sandboxed process measures it.

    Raises sandbox.UnreadableMediaError.
    """
    output = sandbox.run(__name__, path, content_type)
    length, _, values = output.partition(b"\n")
    if len(values) != COUNT or not length.isdigit() or len(length) > 9:
        raise sandbox.unreadable(0, output)
    return Waveform(values, int(length))


# --- Inside the separate process ---------------------------------------------------------------------


def answer(file: BinaryIO, format: str) -> bytes:
    """Return the length in milliseconds, and after a line break the values."""
    waveform = _from_samples(_samples(file, format))
    return b"%d\n%b" % (waveform.length_ms, waveform.values)


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
