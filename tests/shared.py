"""Shares what takes long to make between the processes of a parallel run."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def made_once(
    name: str, make: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Path:
    """Return a folder that the first process of this run to ask for it fills by `make`; no test may change it."""
    run = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    folder = run / name
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            # Renamed when it is complete: another process must not take what a failed attempt left.
            with TemporaryDirectory(dir=run) as temporary:
                making = Path(temporary, name)
                making.mkdir(mode=0o700)
                make(making)
                making.rename(folder)
    return folder
