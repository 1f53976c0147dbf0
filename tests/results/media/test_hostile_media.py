"""Files made to harm a decoder: each ends as a waveform or as an error, in time, and reaches nothing else."""

import io
import socket
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.server import MEDIA_DIR
from results.media import sandbox, waveform

AUDIO = (MEDIA_DIR / "red-bicycle.m4a").read_bytes()
VIDEO = (MEDIA_DIR / "lumen-launch.es.mp4").read_bytes()
SECRET = "a line that no answer may hold"


@pytest.fixture
def measure(tmp_path):
    """Measure content of this type; return the waveform, or the error's message."""

    def measure(content: bytes, content_type: str = "audio/mp4") -> waveform.Waveform | str:
        path = tmp_path / "media"
        path.write_bytes(content)
        try:
            return waveform.measure(path, content_type)
        except sandbox.UnreadableMediaError as error:
            return str(error)

    return measure


@pytest.fixture(autouse=True)
def _in_time(monkeypatch):
    """Fail a file that is decoded for long: its error names the time-out, which no test accepts."""
    monkeypatch.setattr(sandbox, "MAX_SECONDS", 45)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine, to which nothing may connect."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def is_handled(result: waveform.Waveform | str) -> bool:
    """Return whether the result is a whole waveform, or the error of a decoder that ended by itself.

    A decoder also ends when it has used up its memory.
    """
    if isinstance(result, waveform.Waveform):
        return len(result.values) == waveform.COUNT
    return result.startswith("exit code 1: ")


def atom(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(content) if size is None else size) + kind + content


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("content", [AUDIO, VIDEO], ids=["audio", "video"])
def test_a_truncated_file(measure, content, share):
    assert is_handled(measure(content[: int(len(content) * share)]))


def test_a_video_of_huge_dimensions_is_not_decoded(measure):
    at = VIDEO.index(b"tkhd") + 4 + 76
    huge = VIDEO[:at] + struct.pack(">II", 0xFFFF0000, 0xFFFF0000) + VIDEO[at + 8 :]
    at = huge.index(b"avc1") + 4 + 24
    huge = huge[:at] + struct.pack(">HH", 0xFFFF, 0xFFFF) + huge[at + 4 :]
    result, plain = measure(huge, "video/mp4"), measure(VIDEO, "video/mp4")
    assert isinstance(plain, waveform.Waveform)
    assert result == plain


@pytest.mark.parametrize(
    "content",
    [
        atom(b"ftyp", b"isom\0\0\0\0isom") + atom(b"moov", b"", 1) + struct.pack(">Q", 16) * 50_000,
        atom(b"ftyp", b"isom\0\0\0\0isom") + atom(b"moov", b"", 8) * 500_000,
        atom(b"ftyp", b"isom\0\0\0\0isom") + atom(b"moov", atom(b"trak", b"", 0) * 100_000),
        b"".join(atom(b"moov", b"", 2**31 - 8 * depth) for depth in range(100_000)),
        AUDIO.replace(b"stts", b"stts\0\0\0\0\xff\xff\xff\xff", 1),
        AUDIO.replace(b"stco", b"stco\0\0\0\0\xff\xff\xff\xff", 1),
        AUDIO.replace(b"stsz", b"stsz\0\0\0\0\0\0\0\1\xff\xff\xff\xff", 1),
        AUDIO.replace(b"mvhd", b"mvhd\1", 1),
    ],
    ids=["atoms of 16 bytes", "empty atoms", "open atoms", "nested atoms", "times", "offsets", "sizes", "version"],
)
def test_an_index_without_an_end(measure, content):
    assert is_handled(measure(content))


@pytest.mark.parametrize(("rate", "channels"), [(1, 1), (2**32 - 1, 1), (44_100, 65_535), (0, 0)])
def test_a_wave_file_that_promises_hours_or_channels_without_end(measure, rate, channels):
    head = struct.pack("<HHIIHH", 1, channels, rate, rate, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", 2**32 - 1)
    assert is_handled(measure(b"RIFF" + struct.pack("<I", 2**32 - 1) + body + bytes(5_000), "audio/wav"))


def test_an_ogg_whose_pages_repeat(measure):
    page = b"OggS\0\0" + bytes(20) + b"\xff" + b"\xff" * 255 + bytes(255 * 255)
    assert is_handled(measure(page * 40, "audio/ogg"))


@pytest.mark.parametrize("content_type", ["audio/mp4", "audio/mpeg", "audio/ogg", "video/webm", "audio/wav"])
def test_a_playlist_that_points_elsewhere_is_not_followed(measure, listener, tmp_path, content_type):
    secret = tmp_path / "secret.wav"
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, waveform.RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * waveform.RATE))
    secret.write_bytes(sound.getvalue() + SECRET.encode())
    port = listener.getsockname()[1]
    lists = [
        f"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{secret}'\nfile 'http://127.0.0.1:{port}/a.wav'\n",
        f'<?xml version="1.0"?><MPD><Period><BaseURL>http://127.0.0.1:{port}/</BaseURL></Period></MPD>',
        f"[Reference]\nRef1=http://127.0.0.1:{port}/a?MSWMExt=.asf\n",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n",
    ]
    for text in lists:
        result = measure(text.encode(), content_type)
        assert isinstance(result, str)
        assert is_handled(result)
        assert SECRET not in result
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_movie_whose_sound_is_in_another_file_has_none(measure, tmp_path):
    (tmp_path / "other.m4a").write_bytes(AUDIO)
    there = str(tmp_path / "other.m4a").encode() + b"\0"
    reference = atom(b"url ", b"\0\0\0\0" + there)
    result = measure(AUDIO.replace(atom(b"url ", b"\0\0\0\1"), reference, 1))
    assert is_handled(result)


@pytest.mark.parametrize("content_type", ["audio/aac", "audio/flac", "audio/mpeg", "video/webm", "audio/ogg"])
def test_noise_under_every_type(measure, content_type):
    noise = bytes((at * 7919 + at // 3) % 256 for at in range(300_000))
    result = measure(noise, content_type)
    assert is_handled(result)


def test_a_path_given_as_content_is_not_opened(measure):
    assert isinstance(measure(str(Path("/etc/hostname")).encode()), str)
