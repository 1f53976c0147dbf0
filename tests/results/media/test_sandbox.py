"""The separate process of decoders: its limits, its time, and the secrets it does not get."""

import re
import subprocess
import sys

import pytest
from django.conf import settings

from demo.server import MEDIA_DIR
from results.media import sandbox, waveform


def test_a_measurement_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(sandbox, "MAX_SECONDS", 0.001)
    with pytest.raises(sandbox.UnreadableMediaError, match="decoding took longer than"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


def test_a_process_that_cannot_start_is_an_unreadable_media_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(sandbox.UnreadableMediaError, match="No such file"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


def test_the_process_gets_no_environment(monkeypatch, tmp_path):
    shell = tmp_path / "python"
    shell.write_text('#!/bin/sh\necho "<$SECRET_KEY$DATABASE_URL$HOME>"\nexit 3\n')
    shell.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(shell))
    monkeypatch.setenv("SECRET_KEY", "hush")
    with pytest.raises(sandbox.UnreadableMediaError, match="exit code 3: '<>'"):
        waveform.measure(MEDIA_DIR / "lumen-launch.es.m4a", "audio/mp4")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("open('/etc/hostname')", "Too many open files"),
        ("import os; os.close(0); open('/etc/hostname')", "Too many open files"),
        ("import socket; socket.socket()", "Operation not permitted|Too many open files"),
        ("import os; os.write(1, bytes(300_000)); os.write(1, b'x')", "File too large"),
        ("bytearray(2**30)", "MemoryError"),
    ],
)
def test_code_in_the_process_cannot_open_files_or_write_or_allocate_much(tmp_path, code, error):
    script = f"import socket; from results.media import sandbox; sandbox.confine(); {code}"
    with (tmp_path / "answer").open("wb") as answer:
        process = subprocess.run(
            [sys.executable, "-c", script],
            cwd=settings.BASE_DIR,
            stdout=answer,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert re.search(error, process.stderr.decode())
    assert (tmp_path / "answer").stat().st_size <= sandbox.MAX_ANSWER_BYTES
