"""Reads the sheets of a workbook in a process of its own.

A sheet is held in memory from its first cell to its last, so two cells of a small file may ask for more memory than
there is. The reader then ends its process, and in a thread of the web server that would be all requests.
"""

import io
import json
import os
import resource
import subprocess
import sys
from datetime import date, time, timedelta
from threading import BoundedSemaphore
from typing import NamedTuple

from python_calamine import CalamineWorkbook

MAX_SECONDS = 30
MAX_CPU_SECONDS = 20
MAX_MEMORY_BYTES = 512 * 2**20
MAX_ROWS = 100_000
# So many are read at once, and others wait: many large ones together must not fill the memory either.
_places = BoundedSemaphore(2)
# A spreadsheet keeps 15 digits of a number.
MAX_EXACT = 10**15


class UnreadableWorkbookError(Exception):
    """The workbook is damaged, has a password, or takes too much memory or time."""


class Workbook(NamedTuple):
    """The names of the sheets; the text, with tabs, of the one that was asked for or else of the first."""

    sheets: list[str]
    sheet: str
    text: str


def read(raw: bytes, sheet: str, most: int) -> Workbook:
    """Return the sheet of this name, of its text at most so many characters. Raises UnreadableWorkbookError."""
    command = [sys.executable, "-I", __file__, sheet.replace("\0", ""), str(most)]
    try:
        with _places:
            answer = subprocess.run(  # noqa: S603  our own file, without a shell
                command,
                input=raw,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                timeout=MAX_SECONDS,
                check=True,
            )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UnreadableWorkbookError from error
    return Workbook(**json.loads(answer.stdout))


# --- Inside the separate process ---------------------------------------------------------------------


def _main(sheet: str, most: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # other systems ignore this limit, and macOS refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    os.nice(5)
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
    names = workbook.sheet_names
    sheet = sheet if sheet in names else names[0]
    rows = workbook.get_sheet_by_name(sheet).to_python(nrows=MAX_ROWS)
    text = "\n".join("\t".join(map(_cell, row)) for row in rows if any(cell != "" for cell in row))
    json.dump({"sheets": names, "sheet": sheet, "text": text[:most]}, sys.stdout)


def _cell(value: object) -> str:
    """Return a cell as text on one line. Spreadsheets hold whole numbers as fractions too.

    A number that has lost digits has an exponent, so that it is not taken for an id.
    """
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value)) if abs(value) < MAX_EXACT else f"{value:e}"
    if isinstance(value, date | time | timedelta):
        return str(value)
    return " ".join(str(value).split())


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
