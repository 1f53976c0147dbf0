"""Waveforms of real media, errors of files that are none, and the limits of the separate process."""

import math
import subprocess
import sys
import wave
from array import array

import pytest
from django.conf import settings

from demo.server import MEDIA_DIR
from results.media import waveform


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
    with pytest.raises(waveform.UnreadableMediaError, match="exit code 1: "):
        waveform.measure(path, content_type)


def test_damaged_packets_are_skipped(tmp_path):
    content = bytearray((MEDIA_DIR / "red-bicycle.m4a").read_bytes())
    content[40_000:45_000] = b"\xff" * 5000
    path = tmp_path / "x"
    path.write_bytes(content)
    assert 35_000 < waveform.measure(path, "audio/mp4").length_ms <= 40_000


def test_a_measurement_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(waveform, "MAX_SECONDS", 0.001)
    with pytest.raises(waveform.UnreadableMediaError, match="decoding took longer than"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


def test_a_process_that_cannot_start_is_an_unreadable_media_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(waveform.UnreadableMediaError, match="No such file"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


def test_the_process_gets_no_environment(monkeypatch, tmp_path):
    shell = tmp_path / "python"
    shell.write_text('#!/bin/sh\necho "<$SECRET_KEY$DATABASE_URL$HOME>"\nexit 3\n')
    shell.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(shell))
    monkeypatch.setenv("SECRET_KEY", "hush")
    with pytest.raises(waveform.UnreadableMediaError, match="exit code 3: '<>'"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("open('/etc/hostname')", "Too many open files"),
        ("import os; os.close(0); open('/etc/hostname')", "Too many open files"),
        ("import socket; socket.socket()", "Too many open files"),
        ("import os; os.write(1, bytes(5000)); os.write(1, b'x')", "File too large"),
        ("bytearray(2**30)", "MemoryError"),
    ],
)
def test_code_in_the_process_cannot_open_files_or_write_or_allocate_much(tmp_path, code, error):
    script = f"import socket; from results.media import waveform; waveform._confine(); {code}"
    with (tmp_path / "answer").open("wb") as answer:
        process = subprocess.run(
            [sys.executable, "-c", script],
            cwd=settings.BASE_DIR,
            stdout=answer,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert error in process.stderr.decode()
    assert (tmp_path / "answer").stat().st_size <= waveform.MAX_ANSWER_BYTES
