"""Measures how soon thousands of due runs are refreshed, with how few calls, and what storing the answers costs.

Real workers and a real beat call a stand-in CAMB.AI that takes 200 ms for each call. The benchmark uses SQLite and
the embedded broker in a temporary folder, or the DATABASE_URL (the database's name must contain "bench") and the
BROKER_URL of the environment.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

LATENCY_S = 0.2
BATCH = 5
KEY = "bench-key"
GIVE_UP_AFTER_S = 900
PLAIN_CALLS = 20
SAVED_CUES = 20_000
LONG_TRANSCRIPT = 100_000
# Like the worker of the Procfile, and it prints a line when it is ready.
WORKER = """
import sys
from celery.signals import worker_ready
from dashboard.celery import app
worker_ready.connect(lambda **_: print("ready", file=sys.__stdout__, flush=True), weak=False)
quiet = ["--quiet", "--skip-checks", "worker", "--loglevel", "ERROR"]
app.worker_main([*quiet, "--without-gossip", "--without-mingle", "--without-heartbeat"])
"""
BEAT = ["-m", "celery", "--app", "dashboard", "--quiet", "--skip-checks", "beat", "--loglevel", "ERROR"]

Row = dict[str, object]
Rows = list[tuple[object, ...]]


@contextmanager
def process(*command: str, **env: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a Python process; at the end, signal it to stop and close its standard input."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", *command],
        env=os.environ | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.send_signal(signal.SIGINT if "benchmarks.upstream" in command else signal.SIGTERM)
            try:
                running.communicate(timeout=30)
            finally:
                running.kill()


class Upstream:
    """The stand-in CAMB.AI in its own process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout
        self.base_url = self._out.readline().strip()

    def tally(self, answer: object = None, latency: float = LATENCY_S) -> Row:
        """Return the counts of the calls since the last tally, and set the answer and the latency in seconds."""
        print(json.dumps({"answer": answer, "latency": latency}), file=self._in, flush=True)
        counts: Row = json.loads(self._out.readline())
        return counts


def answer(cues: int) -> object:
    """Return a finished run with this number of lines, taken from the samples; with 0, a run still in progress."""
    from demo.samples import SAMPLES_DIR

    if not cues:
        return None
    texts: list[str] = []
    for path in sorted(SAMPLES_DIR.glob("*.json")):
        texts += _texts(json.loads(path.read_bytes()).get("answer"))
    if cues > SAVED_CUES:  # characters that JSON escapes would make the answer larger than the limit
        texts = [text for text in texts if text.isascii()]
    lines = [
        {"start": 2 * at, "end": 2 * at + 1.5, "speaker": f"Speaker {at % 4}", "text": texts[at % len(texts)]}
        for at in range(cues)
    ]
    return {"audio_url": "https://media.example/1.mp3", "transcript": lines}


def _texts(value: Any) -> list[str]:
    match value:
        case {"text": str(text)}:
            return [text]
        case dict():
            return [text for item in value.values() for text in _texts(item)]
        case list():
            return [text for item in value for text in _texts(item)]
        case _:
            return []


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + GIVE_UP_AFTER_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"The benchmark did not finish within {GIVE_UP_AFTER_S} s.")
        time.sleep(0.02)


def memory_mb(pid: int) -> float:
    """Return the peak memory of the process in megabytes."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def new_team(runs: int) -> Any:
    """Create a team whose runs are tracked but not due; it is the only team with a key."""
    from django.db import connection

    from results.models import ApiKey, Run
    from teams.models import Team, User

    user, _ = User.objects.get_or_create(email="bench@example.org")
    team = Team.objects.create_for(user, f"Bench {time.time_ns()}")
    ApiKey.objects.all().delete()
    key = ApiKey(team=team, state=ApiKey.State.WORKING)
    key.secret = KEY
    key.save()
    new = [Run(team=team, camb_run_id=number, due_at=None) for number in range(1, runs + 1)]
    Run.objects.bulk_create(new, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE results_run")  # every database analyzes long before it holds this many runs
    return team


def sweep(upstream: Upstream, runs: int, cues: int, in_flight: int, workers: int) -> Row:
    """Refresh all runs on request, timed from the request until the last result is stored.

    The workers are new, but a small sweep before has opened their connections, as in workers that run for weeks.
    """
    from results.models import Run
    from results.runs.request import request_refresh_many

    env = {"REFRESH_CALLS_PER_KEY": str(in_flight), "WORKER_THREADS": str(-(-in_flight // workers) + 2)}
    team = new_team(runs)
    wanted = Run.objects.filter(team=team).exclude(requested_at=None)
    with ExitStack() as stack:
        started = [stack.enter_context(process("-c", WORKER, **env)) for _ in range(workers)]
        stack.enter_context(process(*BEAT, **env))
        for worker in started:
            assert worker.stdout
            assert worker.stdout.readline() == "ready\n"
        upstream.tally()
        request_refresh_many(Run.objects.filter(camb_run_id__lte=2 * BATCH * in_flight), team)
        until(lambda: not wanted.exists())
        upstream.tally(answer(cues))
        cpu_before = sum(cpu_s(worker.pid) for worker in started)
        began = time.perf_counter()
        request_refresh_many(Run.objects.all(), team)
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
    from django.db import connection, transaction
    from django.utils import timezone

    from results.camb import parse
    from results.models import Dub, Run
    from results.refresh import merge

    said = parse.read_run(1, answer(SAVED_CUES))
    written: defaultdict[str, Rows] = defaultdict(list)

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if table := re.match(r"insert into (results_(?:cue|search) \(.*?\))", sql, re.I):
            written[table[1]] += params if many else zip(*params, strict=True)
        return execute(sql, params, many, context)

    seconds: dict[str, float] = {}
    for _ in range(rounds):
        run = Run.objects.filter(team=new_team(1)).get()
        written.clear()
        began = time.perf_counter()
        with transaction.atomic(), connection.execute_wrapper(note):
            stock = merge.Merge([run])
            stock.merge(run, said, timezone.now())
            stock.write()
        engine = time.perf_counter() - began
        merge.delete_cues(Dub.objects.get(run=run))
        for name, took in (("engine", engine), ("bare", _write_bare(written))):
            seconds[name] = min(took, seconds.get(name, took))
    return {
        "cues/s": f"{SAVED_CUES / seconds['engine']:,.0f}",
        "bare cues/s": f"{SAVED_CUES / seconds['bare']:,.0f}",
        "of bare": f"{seconds['bare'] / seconds['engine']:.0%}",
    }


def _write_bare(written: dict[str, Rows]) -> float:
    from django.db import connection, transaction

    for table, rows in written.items():  # one statement may have written several rows: split its values
        values, columns = chain.from_iterable(rows), table.count(",") + 1
        written[table] = list(zip(*[values] * columns, strict=True))
    began = time.perf_counter()
    with transaction.atomic():
        raw: Any = connection.connection
        for table, rows in written.items():
            if connection.vendor == "sqlite":
                raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
            else:
                with raw.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
    return time.perf_counter() - began


def show(title: str, *rows: Row) -> None:
    print(f"\n{title}")
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in rows[0]}
    print("  " + "  ".join(name.rjust(width) for name, width in widths.items()))
    for row in rows:
        print("  " + "  ".join(str(row[name]).rjust(width) for name, width in widths.items()), flush=True)


def prepare(stack: ExitStack) -> Upstream:
    """Set up Django with settings and a database of its own, and start the stand-in."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dubroom-bench-"))
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
    if "bench" not in os.environ["DATABASE_URL"].rpartition("/")[2]:
        raise SystemExit('The name of the database must contain "bench": its keys are removed.')
    upstream = Upstream(stack.enter_context(process("-m", "benchmarks.upstream")))
    os.environ |= {
        "DUBROOM_DATA_DIR": folder,
        "DEMO": "0",
        "CAMB_BASE_URL": upstream.base_url,
        "SECRET_KEY": "only-for-benchmarks-and-long-enough",
        "REFRESH_CALLS_PER_SECOND": "100000",
        "REFRESH_FIRST_SECONDS": "3600",  # no run is due twice during the measurement
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "1048576",
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    return upstream


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refresh", description=__doc__)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--cues", type=int, nargs="+", default=[0, 20], help="lines of each answer; 0: not ready")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with ExitStack() as stack:
        upstream = prepare(stack)
        for cues in options.cues:
            plans = [(in_flight, workers) for in_flight in options.in_flight for workers in options.workers]
            rows = [sweep(upstream, options.runs, cues, *plan) for plan in plans]
            show(f"A sweep over {options.runs:,} due runs of one key, {LATENCY_S:g} s a call", *rows)
        each = plain_script(upstream)
        calls = -(-options.runs // BATCH)
        sooner = {
            f"{row['in flight']} in flight": f"{each * calls / float(str(row['s'])):.1f}x sooner" for row in rows
        }
        timed = f"{calls * each:.0f} s ({PLAIN_CALLS} of {calls:,} calls timed)"
        show("A plain script, one requests.post after another", {"plain": timed, **sooner})
        show(f"Saving {SAVED_CUES:,} lines with their search terms", saving())
        long = sweep(upstream, 1, LONG_TRANSCRIPT, 8, 1)
        show(
            "One answer with a very long transcript",
            {name: long[name] for name in ("answers", "single", "s", "MB")},
        )


if __name__ == "__main__":
    main()
