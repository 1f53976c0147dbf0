"""Waveforms of real media, and errors of files that are none."""

import math
import wave
from array import array

import pytest

from demo.server import MEDIA_DIR
from results.media import sandbox, waveform


def tone(seconds: float, amplitude: int) -> "array[int]":
    return array("h", (int(amplitude * math.sin(n / 2)) for n in range(int(waveform.RATE * seconds))))


def test_speech_is_louder_than_the_pauses():
    found = waveform.measure(MEDIA_DIR / "between-the-tides.m4a", "audio/mp4")
    assert (len(found.values), found.length_ms, max(found.values)) == (waveform.COUNT, 50_257, 255)
    # The first 450 ms and the pauses between the lines are silent.
    assert (max(found.values[:8]), found.values.count(0) > 50) == (0, True)
    assert sum(found.values[10:30]) > 20 * 50


def test_a_video_has_the_waveform_of_its_audio():
    audio = waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")
    video = waveform.measure(MEDIA_DIR / "lumen-launch.es.mp4", "video/mp4")
    assert audio == video


def test_half_the_amplitude_gives_half_the_value(tmp_path):
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, waveform.RATE, 0, "NONE", ""))
        file.writeframes((tone(5, 20_000) + tone(5, 10_000)).tobytes())
    found = waveform.measure(path, "audio/wav")
    loud, quiet = found.values[10:490], found.values[510:990]
    assert (min(loud) > 240, 120 < min(quiet) <= max(quiet) < 135, found.length_ms) == (True, True, 10_000)


def test_a_long_file_has_as_many_parts_as_a_short_one():
    """Of 400 seconds, the last 40 are loud: by then, pairs of parts have been merged several times."""
    silence, loud = array("h", bytes(2 * 1000)), tone(0.25, 20_000)
    found = waveform._from_samples([*[silence] * (360 * 4), *[loud] * (40 * 4)])
    assert (found.length_ms, len(found.values)) == (400_000, waveform.COUNT)
    assert (max(found.values[:899]), min(found.values[901:]) > 245) == (0, True)


def test_near_silence_is_not_scaled_up():
    assert max(waveform._from_samples([tone(1, 10)]).values) < 10


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"#EXTM3U\nfile:///etc/passwd\n", "audio/mpeg"),
        (b"ID3\x04" + bytes(9000), "audio/mpeg"),
        ((MEDIA_DIR / "red-bicycle.m4a").read_bytes()[:2000], "audio/mp4"),
    ],
)
def test_a_file_without_readable_audio_raises_an_error(tmp_path, content, content_type):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(sandbox.UnreadableMediaError, match="exit code 1: "):
        waveform.measure(path, content_type)


def test_damaged_packets_are_skipped(tmp_path):
    content = bytearray((MEDIA_DIR / "red-bicycle.m4a").read_bytes())
    content[40_000:45_000] = b"\xff" * 5000
    path = tmp_path / "x"
    path.write_bytes(content)
    assert 35_000 < waveform.measure(path, "audio/mp4").length_ms <= 40_000
