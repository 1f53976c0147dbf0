"""How loud real media is, and what comes of media that is no such thing."""

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


def test_what_is_said_is_louder_than_what_is_between():
    found = waveform.measure(MEDIA_DIR / "between-the-tides.m4a", "audio/mp4")
    assert (len(found.values), found.length_ms, max(found.values)) == (waveform.COUNT, 50_257, 255)
    # Nobody speaks in the first 450 ms, nor between the lines.
    assert (max(found.values[:8]), found.values.count(0) > 50) == (0, True)
    assert sum(found.values[10:30]) > 20 * 50


def test_a_video_sounds_as_its_audio_does():
    audio = waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")
    video = waveform.measure(MEDIA_DIR / "lumen-launch.es.mp4", "video/mp4")
    assert audio == video


def test_half_as_loud_is_drawn_half_as_high(tmp_path):
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, waveform.RATE, 0, "NONE", ""))
        file.writeframes((tone(5, 20_000) + tone(5, 10_000)).tobytes())
    found = waveform.measure(path, "audio/wav")
    loud, quiet = found.values[10:490], found.values[510:990]
    assert (min(loud) > 240, 120 < min(quiet) <= max(quiet) < 135, found.length_ms) == (True, True, 10_000)


def test_however_long_it_is_it_has_as_many_parts():
    """Of 400 seconds, the last 40 are loud: parts have been made one of two several times by then."""
    silence, loud = array("h", bytes(2 * 1000)), tone(0.25, 20_000)
    found = waveform._of_samples([*[silence] * (360 * 4), *[loud] * (40 * 4)])
    assert (found.length_ms, len(found.values)) == (400_000, waveform.COUNT)
    assert (max(found.values[:899]), min(found.values[901:]) > 245) == (0, True)


def test_near_silence_is_drawn_as_such():
    assert max(waveform._of_samples([tone(1, 10)]).values) < 10


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"#EXTM3U\nfile:///etc/passwd\n", "audio/mpeg"),
        (b"ID3\x04" + bytes(9000), "audio/mpeg"),
        ((MEDIA_DIR / "red-bicycle.m4a").read_bytes()[:2000], "audio/mp4"),
    ],
)
def test_what_is_no_sound_has_none(tmp_path, content, content_type):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(waveform.UnreadableMediaError, match="exit code 1: "):
        waveform.measure(path, content_type)


def test_damage_in_the_middle_is_passed_over(tmp_path):
    content = bytearray((MEDIA_DIR / "red-bicycle.m4a").read_bytes())
    content[40_000:45_000] = b"\xff" * 5000
    path = tmp_path / "x"
    path.write_bytes(content)
    assert 35_000 < waveform.measure(path, "audio/mp4").length_ms <= 40_000


def test_it_takes_no_longer_than_it_may(monkeypatch):
    monkeypatch.setattr(waveform, "MAX_SECONDS", 0.001)
    with pytest.raises(waveform.UnreadableMediaError, match="it took longer than"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


def test_a_machine_that_cannot_start_it_is_no_harm(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(waveform.UnreadableMediaError, match="No such file"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


def test_it_is_given_no_secret(monkeypatch, tmp_path):
    shell = tmp_path / "python"
    shell.write_text('#!/bin/sh\necho "<$SECRET_KEY$DATABASE_URL$HOME>"\nexit 3\n')
    shell.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(shell))
    monkeypatch.setenv("SECRET_KEY", "hush")
    with pytest.raises(waveform.UnreadableMediaError, match="exit code 3: '<>'"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        ("open('/etc/hostname')", "Too many open files"),
        ("import os; os.close(0); open('/etc/hostname')", "Too many open files"),
        ("import socket; socket.socket()", "Too many open files"),
        ("import os; os.write(1, bytes(5000)); os.write(1, b'x')", "File too large"),
        ("bytearray(2**30)", "MemoryError"),
    ],
)
def test_whoever_took_it_over_could_do_little(tmp_path, deed, error):
    code = f"import socket; from results.media import waveform; waveform._confine(); {deed}"
    with (tmp_path / "answer").open("wb") as answer:
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=settings.BASE_DIR, stdout=answer, stderr=subprocess.PIPE, check=False
        )
    assert error in ended.stderr.decode()
    assert (tmp_path / "answer").stat().st_size <= waveform.MAX_ANSWER_BYTES
