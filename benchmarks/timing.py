"""Measures wall time and processor time, and formats percentiles."""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Ticks of processor time by process id. A connection's process may end, and its time still counts.
TICKS: dict[int, int] = {}


@contextmanager
def timed(spent_s: dict[str, float], what: str) -> Iterator[None]:
    """Add the seconds that the block takes to `spent_s[what]`."""
    started = time.perf_counter()
    yield
    spent_s[what] += time.perf_counter() - started


def percentiles(times: Sequence[float]) -> str:
    """Return the median and the 95th percentile as "p50 / p95", in the unit of `times`."""
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{statistics.median(ordered):.3g} / {p95:.3g}"


def median(times: Sequence[float]) -> float:
    """Return the median of these times."""
    return statistics.median(times)


def server_busy_ms() -> float:
    """Return the processor time that the servers have used so far, in milliseconds.

    The servers are granian's processes and the database processes of their connections.
    """
    from django.db import connection

    pids = _descendants(os.getpid())
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            )
            pids += [pid for (pid,) in cursor.fetchall()]
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"granian" in command or b"postgres" in command:
            TICKS[pid] = int(fields[11]) + int(fields[12])
    return sum(TICKS.values()) * 1000 / os.sysconf("SC_CLK_TCK")


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [pid for child in children for pid in _descendants(child)]
