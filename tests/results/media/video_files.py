"""Small real videos, written by the tests that need them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av


def flat(brightness: int, width: int = 320, height: int = 180) -> av.VideoFrame:
    """Return a frame of one grey, from 0 (black) to 255."""
    return _grey(bytes([brightness]) * width, width, height)


def bars(brightness: int = 128, depth: int = 40, width: int = 320, height: int = 180) -> av.VideoFrame:
    """Return a frame of eight bars, in turn darker and brighter than this by `depth`."""
    steps = (brightness + (depth if x * 8 // width % 2 else -depth) for x in range(width))
    return _grey(bytes(steps), width, height)


def _grey(row: bytes, width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "gray")
    plane = frame.planes[0]
    plane.update(row.ljust(plane.line_size, b"\x00") * height)
    return frame.reformat(format="yuv420p")


def write_video(
    path: Path, frames: Iterable[av.VideoFrame], codec: str = "libx264", size: tuple[int, int] = (320, 180)
) -> bytes:
    """Write these frames, ten a second and each a key frame, and return the file's bytes."""
    with _usual_priority(), av.open(str(path), "w") as container:
        stream = cast("av.VideoStream", container.add_stream(codec, rate=10))
        stream.width, stream.height = size
        stream.pix_fmt, stream.gop_size = "yuv420p", 1
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


@contextmanager
def _usual_priority() -> Iterator[None]:
    """Leave this process its priority: for root, SVT-AV1 takes the processor from all others, until it ends.

    What the process starts afterwards, such as a browser, would have that priority too.
    """
    if not hasattr(os, "sched_getscheduler"):  # only Linux has it
        yield
        return
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameter)


def mean_brightness(picture: bytes) -> float:
    """Return the mean brightness of a lossy WebP, of 255: inside it is a key frame of VP8."""
    decoder = av.CodecContext.create("vp8", "r")
    length = int.from_bytes(picture[16:20], "little")
    [frame] = decoder.decode(av.Packet(picture[20 : 20 + length]))
    small = frame.reformat(width=64, height=36, format="gray").planes[0]
    values = bytes(small)
    return sum(values) / len(values)


def webp_size(picture: bytes) -> tuple[int, int]:
    """Return the width and height of a lossy WebP."""
    assert (picture[:4], picture[8:16]) == (b"RIFF", b"WEBPVP8 ")
    return int.from_bytes(picture[26:28], "little") & 0x3FFF, int.from_bytes(picture[28:30], "little") & 0x3FFF
