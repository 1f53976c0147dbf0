"""Closes the data folder to the other users of the machine.

What is written now is closed from its first byte, by the umask in `dashboard/settings/environment.py`. A folder of
an earlier release is not: there, every user could read sessions and password hashes in the database file.
"""

import os
import stat
from pathlib import Path

OTHERS = 0o077
# What Dubroom writes there. Whatever else is in the folder belongs to its owner, and keeps its permissions.
NAMES = ("*.sqlite3*", "*.key", "demo.password", "broker", "cache", "copying", "mail", "media", "static")


class SharedFolderError(Exception):
    """The folder is meant for all users, or belongs to another one; the message is a sentence for the operator."""


def close_to_others(folder: Path) -> None:
    """Take every permission of other users from the folder, and from what Dubroom has written in it.

    Raises SharedFolderError when that would take the folder from other users who need it, or is not allowed.
    """
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        raise SharedFolderError(f"The folder {folder} is shared by all users of this machine.")
    try:
        _close(folder)
    except PermissionError as error:
        raise SharedFolderError(
            f"Other users of this machine can read the folder {folder}, and it belongs to one of them."
        ) from error
    for name in NAMES:
        for path in folder.glob(name):
            _close_all(path)


def _close_all(path: Path) -> None:
    """Close a file or a folder with all that is in it; links are left alone, and so is what they lead to."""
    if path.is_symlink():
        return
    _close(path)
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            if not (child := Path(parent, name)).is_symlink():
                _close(child)


def _close(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        path.chmod(mode & ~OTHERS)
