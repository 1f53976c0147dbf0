"""Chooses and encodes a video's still, inside the separate process of `sandbox`."""

import time
from collections.abc import Iterator
from fractions import Fraction
from math import sqrt
from typing import BinaryIO, NamedTuple

import av
import av.container
from av.stream import Discard
from av.video.reformatter import Interpolation

# The parts of the length at which a frame is tried, until one shows something.
PLACES = (0.3, 0.27, 0.33, 0.285, 0.345, 0.5, 0.15)
# A key frame this little before a place is taken: to decode up to the place would only cost time.
NEARNESS = 0.95
# The most frames that are decoded from a key frame on to reach a place, and to find one where no length is known.
MAX_FRAMES = 400
# After this time of the processor, the best frame up to then is taken.
CPU_SECONDS = 20
# As large as 4K. A larger frame does not fit into the memory of the process several times.
MAX_PIXELS = 4096 * 2304

POSTER_PIXELS = 640
SMALL_WIDTH, SMALL_HEIGHT = 128, 72
QUALITY = 68

# The spread of brightness, of 255, of a frame that shows something, and of one that shows nothing at all.
CLEAR, FLAT = 22.0, 4.0
DARKEST, BRIGHTEST = 24.0, 232.0

DECODERS = "h264,hevc,vp8,vp9,libdav1d,mpeg4,theora"


class _Frame(NamedTuple):
    """A decoded frame with its brightness and the spread of it, each of 255."""

    image: av.VideoFrame
    stretch: float
    """How much wider than high players draw a pixel."""
    brightness: float
    spread: float

    @property
    def is_clear(self) -> bool:
        return self.spread >= CLEAR and DARKEST <= self.brightness <= BRIGHTEST


def answer(file: BinaryIO, format: str) -> bytes:
    """Return the length of the poster, after a line break the poster, and then the small picture."""
    frame = _best(_frames(file, format))
    width, height = frame.image.width * frame.stretch, float(frame.image.height)
    scale = min(1.0, POSTER_PIXELS / max(width, height))
    poster = _encode(frame.image, width * scale, height * scale)
    scale = min(1.0, max(SMALL_WIDTH / width, SMALL_HEIGHT / height))
    small = _encode(frame.image, min(width * scale, 4 * SMALL_WIDTH), min(height * scale, 4 * SMALL_HEIGHT))
    return b"%d\n%b%b" % (len(poster), poster, small)


def _frames(file: BinaryIO, format: str) -> Iterator[_Frame]:
    """Yield a frame from each place. Raises ValueError without video, and av.FFmpegError for what is none."""
    options = {"codec_whitelist": DECODERS, "format_whitelist": format, "protocol_whitelist": "none"}
    with av.open(file, mode="r", format=format, container_options=options) as container:
        if not container.streams.video:
            raise ValueError("the file has no video stream")
        stream = container.streams.video[0]
        for other in container.streams:
            if other != stream:
                other.discard = Discard.all
        _configure(stream.codec_context)
        aspect = float(stream.sample_aspect_ratio or 1)
        stretch = aspect if 0.2 <= aspect <= 5 else 1.0
        for image in _images(container, stream):
            yield _measured(image, stretch)


def _configure(codec: av.VideoCodecContext) -> None:
    """Limit what the decoder takes. Raises ValueError where that is not enough for this video."""
    if codec.name not in DECODERS.split(","):
        raise ValueError(f"the codec {codec.name} is not allowed")
    if codec.width * codec.height > MAX_PIXELS:
        raise ValueError(f"{codec.width} × {codec.height} pixels are too many")
    # The size may change within the video.
    codec.options = {"max_pixels": str(MAX_PIXELS)}
    # More threads than one need more memory, and the process may not start any.
    codec.thread_count = 1


def _images(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yield an image from each place; without a known length, the first images."""
    if not container.duration or container.duration < 0:
        yield from _decoded(container, stream)
        return
    start = max(container.start_time or 0, 0)
    for place in PLACES:
        try:
            container.seek(start + int(container.duration * place))
            image = _image_at(_decoded(container, stream), (start + container.duration * place * NEARNESS) / 1e6)
        except av.FFmpegError:
            continue  # another place may not be damaged
        if image is not None:
            yield image


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yield up to MAX_FRAMES frames from here on; damaged packets are skipped, as players do."""
    count = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            yield frame
            count += 1
            if count == MAX_FRAMES:
                return


def _image_at(images: Iterator[av.VideoFrame], seconds: float) -> av.VideoFrame | None:
    """Return the first image at this time or later; else the last there is."""
    image = None
    for image in images:
        if image.time is None or image.time >= seconds or time.process_time() > CPU_SECONDS:
            break
    return image


def _best(frames: Iterator[_Frame]) -> _Frame:
    """Return the first clear frame, or the one that shows most. Raises ValueError where none shows anything."""
    best: _Frame | None = None
    for frame in frames:
        if frame.is_clear:
            return frame
        if best is None or frame.spread > best.spread:
            best = frame
        if time.process_time() > CPU_SECONDS:
            break
    if best is None:
        raise ValueError("the video has no frames")
    if best.spread < FLAT:
        raise ValueError("every frame is black or flat")
    return best


def _measured(image: av.VideoFrame, stretch: float) -> _Frame:
    plane = image.reformat(width=64, height=36, format="gray", threads=1).planes[0]
    rows = bytes(plane)
    values = [value for row in range(36) for value in rows[row * plane.line_size : row * plane.line_size + 64]]
    mean = sum(values) / len(values)
    return _Frame(image, stretch, mean, sqrt(sum((value - mean) ** 2 for value in values) / len(values)))


def _encode(image: av.VideoFrame, width: float, height: float) -> bytes:
    """Return the frame as a WebP of about this size."""
    scaled = image.reformat(
        threads=1,
        width=max(2, round(width / 2) * 2),
        height=max(2, round(height / 2) * 2),
        format="yuv420p",
        dst_colorspace="ITU601",
        interpolation=Interpolation.AREA,
    )
    encoder = av.CodecContext.create("libwebp", "w")
    encoder.width, encoder.height, encoder.pix_fmt = scaled.width, scaled.height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"quality": str(QUALITY), "compression_level": "4"}
    return b"".join(bytes(packet) for packet in (*encoder.encode(scaled), *encoder.encode(None)))
