"""Measures how soon due runs are refreshed, with how few calls, and what storing the answers costs.

    python -m benchmarks.refresh [sweeps | recovery | refresh-now]

Real workers and a real beat call a stand-in CAMB.AI that takes 200 ms for each call. `sweeps` refreshes thousands
of runs of one key. `recovery` kills a worker, and `refresh-now` presses Refresh while teams sweep; both run with
the default settings. `benchmarks.engine` says which database and broker are used.
"""

import argparse
import os
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.engine import (
    KEY,
    LATENCY_S,
    MAX_SAMPLED,
    Row,
    Upstream,
    answer,
    new_teams,
    prepare,
    show,
    until,
    workers_and_beat,
)
from benchmarks.waits import recovery, refresh_now

BATCH = 5
PLAIN_CALLS = 20
SAVED_CUES = MAX_SAMPLED
LONG_TRANSCRIPT = 100_000
# A worker and the one that is killed hold them all, so nothing else is due when the killed one's become free.
FEW_RUNS = 40

Rows = list[tuple[object, ...]]


def memory_mb(pid: int) -> float:
    """Return the peak memory of the process in megabytes."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sweep(upstream: Upstream, runs: int, cues: int, in_flight: int, workers: int) -> Row:
    """Refresh all runs on request, timed from the request until the last result is stored.

    The workers are new, but a sweep of few other runs before has opened their connections, and has loaded what they
    read languages and titles with, as in workers that run for weeks.
    """
    from results.models import Dub, Run
    from results.runs.request import request_refresh_many

    env = {
        "REFRESH_CALLS_PER_KEY": str(in_flight),
        "REFRESH_CALLS_PER_SECOND": "100000",
        "WORKER_THREADS": str(-(-in_flight // workers)),
    }
    before = 2 * BATCH * in_flight
    [team] = new_teams(1, before + runs)
    wanted = Run.objects.filter(team=team).exclude(requested_at=None)
    dubs = Dub.objects.filter(team=team)
    with workers_and_beat(workers, **env) as started:
        upstream.tally(answer(cues))
        request_refresh_many(Run.objects.filter(camb_run_id__lte=before), team)
        until(lambda: not wanted.exists())
        until(lambda: not dubs.exclude(is_language_detected=True, is_alert_checked=True).exists())
        until(lambda: not Run.objects.uncompared().filter(team=team).exists())
        upstream.tally(answer(cues))
        cpu_before = sum(cpu_s(worker.pid) for worker in started)
        began = time.perf_counter()
        request_refresh_many(Run.objects.filter(camb_run_id__gt=before), team)
        until(lambda: not wanted.exists())
        seconds = time.perf_counter() - began
        cpu = sum(cpu_s(worker.pid) for worker in started) - cpu_before
        memory = max(memory_mb(worker.pid) for worker in started)
    calls = -(-runs // BATCH)
    ideal = calls * LATENCY_S / in_flight
    return {
        "answers": f"{cues:,} lines" if cues else "not ready",
        "in flight": in_flight,
        "workers": workers,
        **upstream.tally(),
        "s": f"{seconds:.2f}",
        "ideal": f"{ideal:.2f}",
        "x ideal": f"{seconds / ideal:.2f}",
        "CPU ms/call": f"{1000 * cpu / calls:.1f}",
        "MB": f"{memory:.0f}",
    }


def plain_script(upstream: Upstream) -> float:
    """Return the seconds per call of a script that requests one batch after another and stores nothing."""
    import requests

    upstream.tally(answer(20))
    began = time.perf_counter()
    for number in range(PLAIN_CALLS):
        ids = list(range(number * BATCH + 1, (number + 1) * BATCH + 1))
        url, headers = f"{upstream.base_url}/dubbing-results", {"x-api-key": KEY}
        requests.post(url, json={"run_ids": ids}, headers=headers, timeout=60).json()
    return (time.perf_counter() - began) / PLAIN_CALLS


def saving(rounds: int = 3) -> Row:
    """Return the cues stored per second with their search terms, by the engine and by bare SQL of the same rows."""
    engine, bare = [], []
    for _ in range(rounds):
        [team] = new_teams(1, 1)
        seconds, written = _store(team, SAVED_CUES)
        engine.append(seconds)
        bare.append(sum(_write_bare(table, rows) for table, rows in written.items()))
    return {
        "cues/s": f"{SAVED_CUES / min(engine):,.0f}",
        "bare cues/s": f"{SAVED_CUES / min(bare):,.0f}",
        "of bare": f"{min(bare) / min(engine):.0%}",
    }


def bare_insert(runs: int, cues: int) -> list[Row]:
    """Return how long the database takes for nothing but the lines of a sweep, and for their search terms too."""
    [team] = new_teams(1, runs)
    _, written = _store(team, cues)
    lines, terms = (_write_bare(table, rows) for table, rows in written.items())
    return [
        {"inserted": what, "s": f"{seconds:.2f}", "lines/s": f"{runs * cues / seconds:,.0f}"}
        for what, seconds in (("lines alone", lines), ("lines and search terms", lines + terms))
    ]


def _store(team: Any, cues: int) -> tuple[float, dict[str, Rows]]:
    """Store an answer of so many lines about each run of the team as the engine does, and delete the lines again.

    Return the seconds that storing took, and the rows of the lines and of their search terms, by the table's name
    and columns.
    """
    from django.db import connection, transaction
    from django.utils import timezone

    from results.camb import parse
    from results.models import Cue, Run
    from results.refresh import merge
    from results.search import indexing

    said = parse.read_run(1, answer(cues))
    written: defaultdict[str, Rows] = defaultdict(list)

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if table := re.match(r"insert into (results_(?:cue|search) \(.*?\))", sql, re.I):
            written[table[1]] += params if many else zip(*params, strict=True)
        return execute(sql, params, many, context)

    runs = list(Run.objects.filter(team=team))
    began = time.perf_counter()
    with transaction.atomic(), connection.execute_wrapper(note):
        merging = merge.Merge(runs)
        for run in runs:
            merging.merge(run, said, timezone.now())
        merging.write()
    seconds = time.perf_counter() - began
    stored = Cue.objects.filter(team=team)
    indexing.remove_cues(stored)
    stored._raw_delete(stored.db)
    return seconds, {table: _split(rows, table.count(",") + 1) for table, rows in written.items()}


def _split(rows: Rows, columns: int) -> Rows:
    """Return rows of so many columns: one statement may have written several of them."""
    values = chain.from_iterable(rows)
    return list(zip(*[values] * columns, strict=True))


def _write_bare(table: str, rows: Rows) -> float:
    from django.db import connection, transaction

    began = time.perf_counter()
    with transaction.atomic():
        raw: Any = connection.connection
        if connection.vendor == "sqlite":
            raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        else:
            with raw.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    return time.perf_counter() - began


def sweeps(upstream: Upstream, options: argparse.Namespace) -> None:
    for cues in options.cues:
        plans = [(in_flight, workers) for in_flight in options.in_flight for workers in options.workers]
        rows = [sweep(upstream, options.runs, cues, *plan) for plan in plans]
        show(f"A sweep over {options.runs:,} due runs of one key, {LATENCY_S:g} s a call", *rows)
        if cues:
            inserts = bare_insert(options.runs, cues)
            show(f"A bare insert of the same {options.runs * cues:,} lines in one transaction", *inserts)
    show_plain_script(upstream, -(-options.runs // BATCH), rows)
    show(f"Saving {SAVED_CUES:,} lines with their search terms", saving())
    long = sweep(upstream, 1, LONG_TRANSCRIPT, 8, 1)
    named = {name: long[name] for name in ("answers", "single", "s", "MB")}
    show("One answer with a very long transcript", named)


def show_plain_script(upstream: Upstream, calls: int, rows: Sequence[Row]) -> None:
    each = plain_script(upstream)
    sooner = {
        f"{row['in flight']} in flight, workers: {row['workers']}": f"{each * calls / float(str(row['s'])):.1f}x"
        for row in rows
    }
    timed = f"{calls * each:.0f} s ({PLAIN_CALLS} of {calls:,} calls timed)"
    show(
        "A plain script, one requests.post after another, and how many times sooner a sweep ends",
        {"plain": timed, **sooner},
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refresh", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "measure",
        nargs="?",
        choices=("sweeps", "recovery", "refresh-now"),
        default="sweeps",
        help="default: sweeps",
    )
    parser.add_argument("--runs", type=int, default=5000, help="due runs of all teams together")
    parser.add_argument("--cues", type=int, nargs="+", default=[0, 20], help="lines of each answer; 0: not ready")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[8, 32], help="calls of the key, in sweeps")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="in sweeps")
    parser.add_argument("--teams", type=int, nargs="+", default=[1, 12, 40], help="that sweep, in refresh-now")
    parser.add_argument("--times", type=int, default=5, help="kills or presses of each kind")
    options = parser.parse_args()
    with ExitStack() as stack:
        upstream = prepare(stack)
        if options.measure == "sweeps":
            sweeps(upstream, options)
        elif options.measure == "recovery":
            rows = [recovery(upstream, runs, options.times) for runs in (FEW_RUNS, options.runs)]
            show(f"The runs of a worker that is killed while another one lives, {options.times} times", *rows)
        else:
            for cues in options.cues:
                rows = [
                    row
                    for teams in options.teams
                    for row in refresh_now(upstream, teams, options.runs, cues, options.times)
                ]
                show(
                    f"A person's Refresh while {options.runs:,} due runs are swept, pressed {options.times} times",
                    *rows,
                )


if __name__ == "__main__":
    main()
