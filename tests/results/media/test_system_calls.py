"""The filter of system calls: what decoders can still do, and what is said where there is none."""

import ctypes
import ctypes.util
import subprocess
import sys

import pytest
from django.conf import settings

from demo.server import MEDIA_DIR
from results.media import system_calls, waveform

needs_filter = pytest.mark.skipif(not ctypes.util.find_library("seccomp"), reason="libseccomp is not installed")
# Reads eight bytes at an address of another process. Of the same user, it may do so as long as nothing forbids it.
READ_NEIGHBOUR = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
into = ctypes.create_string_buffer(8)
here = Piece(ctypes.addressof(into), 8)
there = Piece({address}, 8)
{before}
count = libc.process_vm_readv({pid}, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
os.write(1, into.raw if count == 8 else os.strerror(ctypes.get_errno()).encode())
"""
CONFINE = "from results.media import sandbox; sandbox.confine()"


@pytest.fixture
def neighbour():
    """A process of the same user with a secret in its memory; yields its pid and the secret's address."""
    script = (
        "import ctypes, sys; secret = ctypes.create_string_buffer(b'hush-key');"
        "print(ctypes.addressof(secret), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
        process.communicate("")


def run(code: str) -> str:
    """Return what this code prints in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    return process.stdout + process.stderr


@needs_filter
def test_a_decoder_cannot_read_the_memory_of_its_neighbours(neighbour):
    pid, address = neighbour
    assert run(READ_NEIGHBOUR.format(pid=pid, address=address, before="")) == "hush-key"
    assert run(READ_NEIGHBOUR.format(pid=pid, address=address, before=CONFINE)) == "Operation not permitted"


@needs_filter
@pytest.mark.parametrize(
    "code",
    [
        "socket.socket()",
        "os.kill(os.getppid(), 0)",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.memfd_create('x')",
        "os.setuid(1)",
        "os.chdir('/')",
        "os.unlink('/nowhere')",
    ],
)
def test_a_decoder_has_no_system_call_but_those_of_decoding(code):
    assert "Operation not permitted" in run(f"import os, resource, socket; {CONFINE}; {code}")


@needs_filter
def test_a_decoder_cannot_raise_its_limits_again():
    code = f"import resource; {CONFINE}; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
    assert "not allowed to raise maximum limit" in run(code)


@needs_filter
def test_others_of_the_same_user_cannot_read_a_decoders_memory():
    """Without the filter itself, so that the process can still be asked."""
    code = (
        "import ctypes; from results.media import system_calls; library = system_calls._library();"
        "library.seccomp_load = lambda rules: 0; system_calls._library = lambda: library;"
        "is_dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0); before = is_dumpable();"
        "system_calls.prepare_filter()(); print(before, is_dumpable())"
    )
    assert run(code) == "1 0\n"


def test_without_the_filter_media_are_decoded_and_the_log_says_so_once(monkeypatch, caplog):
    def missing(name: str | None) -> ctypes.CDLL:
        raise OSError("no such file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    system_calls.tell_if_missing.cache_clear()
    system_calls.tell_if_missing()
    system_calls.tell_if_missing()
    assert [record.getMessage() for record in caplog.records] == [
        "Media are decoded without a filter of system calls: libseccomp is not on this machine. Limits of memory, "
        "time and files hold all the same. On Linux, install libseccomp2."
    ]
    assert system_calls.filter_or_nothing()() is None
    monkeypatch.undo()
    system_calls.tell_if_missing.cache_clear()
    assert waveform.measure(MEDIA_DIR / "red-bicycle.m4a", "audio/mp4").length_ms > 35_000
