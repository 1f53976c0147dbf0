"""The processor time that each part of `benchmarks.company` takes, the sender of the load too, from /proc."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_USER_AND_SYSTEM = slice(11, 15)  # of the fields behind the name, with those of children that have ended


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _words(task / "children")]
    return []


def descendants(pid: int) -> list[int]:
    """Return this process and all that came from it, as far as their parents live."""
    return [pid, *(one for child in children(pid) for one in descendants(child))]


def command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def _words(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text().split()
    return []


def tree_seconds(pid: int) -> float:
    """Return the processor seconds of this process and all that came from it, those that have ended too."""
    return sum(map(_seconds, descendants(pid)))


def own_seconds() -> float:
    """Return the processor seconds of this process alone."""
    times = os.times()
    return times.user + times.system


def _seconds(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[_USER_AND_SYSTEM])) / _TICKS
    return 0.0


def differences(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return in words what each part took between the two moments, the largest first, and the sum."""
    taken = {name: after[name] - before[name] for name in after}
    parts = [f"{name} {seconds:.1f}" for name, seconds in sorted(taken.items(), key=lambda part: -part[1])]
    return f"{', '.join(parts)}, together {sum(taken.values()):.1f}"
