"""Runs a decoder on a file that comes from a stranger, in a separate process that may do nothing else.

The decoder (FFmpeg) is large, and its input hostile. So the process gets no secrets and little memory and time.
Before it reads the first byte, it gives up the right to open any file or connection, and to write more than a short
answer.
"""

import importlib
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    # Last on the path, so that no module of ours takes the place of one of Python's.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from results.media import system_calls  # the separate process has no path to it before

MAX_SECONDS = 90
MAX_CPU_SECONDS = 60
MAX_MEMORY_BYTES = 512 * 2**20
MAX_ANSWER_BYTES = 256 * 1024

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


class UnreadableMediaError(Exception):
    """The file cannot be decoded; the message is for the log."""


def run(module: str, path: Path, content_type: str) -> bytes:
    """Return what `answer` of this module gives for the file. Takes at most MAX_SECONDS.

    `content_type` is one that `part_files.detect_type` returns. Raises UnreadableMediaError when the process fails
    or takes longer.
    """
    system_calls.tell_if_missing()
    command = [sys.executable, "-I", __file__, module, FORMATS[content_type.partition("/")[2]]]
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
    if code:
        raise unreadable(code, output)
    return output


def unreadable(code: int, output: bytes) -> UnreadableMediaError:
    """Return the error that names the exit code, and the last line of what the process wrote."""
    last_line = output.decode(errors="replace").strip().rpartition("\n")[2]
    return UnreadableMediaError(f"exit code {code}: {last_line[:200]!r}")


# --- Inside the separate process ---------------------------------------------------------------------


def confine() -> None:
    """Give up, irrevocably, every right that decoding and answering does not need."""
    _limit(resource.RLIMIT_CPU, MAX_CPU_SECONDS)
    _limit(resource.RLIMIT_FSIZE, MAX_ANSWER_BYTES)
    if sys.platform == "linux":  # other systems ignore this limit, and macOS refuses to set it
        _limit(resource.RLIMIT_AS, MAX_MEMORY_BYTES)
    os.nice(10)
    # Imported while files can still be opened: av imports the second module only when it opens a container.
    import av
    import av.subtitles.stream  # noqa: F401

    give_up_system_calls = system_calls.filter_or_nothing()
    # Open files stay open. With a limit of 0 not even the number of a closed one is given out again.
    _limit(resource.RLIMIT_NOFILE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    give_up_system_calls()


def _limit(resource_id: int, maximum: int) -> None:
    resource.setrlimit(resource_id, (maximum, maximum))


def _main(module: str, format: str) -> None:
    decoder = importlib.import_module(module)
    confine()
    with open(0, "rb", buffering=0) as file:
        found = decoder.answer(file, format)
    with open(1, "wb") as output:
        output.write(found)


if __name__ == "__main__":
    _main(*sys.argv[1:])
