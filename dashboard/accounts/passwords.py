"""Refuses passwords that were in a data breach, by lists on this machine: no password or part of it leaves it.

The most frequent ones are in the list that comes with Dubroom (`known_passwords`). The administrator may add the
file of Have I Been Pwned, as its downloader writes it: a line for each password, with its SHA-1 in hexadecimal, a
colon and a count, in the order of the hashes. With 40 GB it is too large to ship, and its owners keep it.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from dashboard.accounts.known_passwords import is_known

_HASH_DIGITS = 40
# A line is shorter than this, so that a window of two lines holds a whole one.
_WINDOW = 2 * 64


class BreachedPasswordValidator:
    """Refuses known passwords and what resembles them, and those of BREACHED_PASSWORDS_FILE where this is set."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        file = settings.BREACHED_PASSWORDS_FILE
        if is_known(password) or (file and is_listed(Path(file), password)):
            raise ValidationError(
                _("This password, or one much like it, was in a data breach. Choose another one."),
                code="password_breached",
            )

    def get_help_text(self) -> str:
        return _("A password that was in a data breach is refused.")


def is_listed(path: Path, password: str) -> bool:
    """Return whether the file has the password's hash. A search by halves reads some 40 lines of 40 GB."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as lines:
        low, high = 0, os.fstat(lines.fileno()).st_size
        # The first line with a hash that is not smaller begins at `low` or after it, and before `high` or there.
        while low < high:
            middle = (low + high) // 2
            start = _line_after(lines, middle)
            lines.seek(start)
            found = lines.read(_HASH_DIGITS).upper()
            if found == wanted:
                return True
            if found and found < wanted:
                low = max(start, middle + 1)
            else:
                high = middle
        return False


def _line_after(lines: BinaryIO, offset: int) -> int:
    """Return where the first line begins that begins at this offset or after it."""
    if offset == 0:
        return 0
    lines.seek(offset - 1)
    window = lines.read(_WINDOW)
    end = window.find(b"\n")
    return offset + end if end >= 0 else offset - 1 + len(window)
