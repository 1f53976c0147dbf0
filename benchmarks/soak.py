"""A soak test: measures whether memory, open files or connections of any process grow while Dubroom runs on.

The web server, a worker and beat run as in production, but faster: beat ticks every second, each of a thousand runs
is refreshed every minute and never ends, some transcripts change each time, some calls fail in every way, and a
user reads pages. The output is the mean of each third of the time, after a tenth for warming up.
`benchmarks.engine` says which database and broker are used.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.engine import KEY, Row, choose_database, show
from demo.server import Call, Reply, StandIn

ROOT = Path(__file__).parent.parent
SAMPLE_EVERY_S = 5
TEAMS = 20
NAMES = ("web", "worker", "beat")
HUGE = Reply(200, b" " * (25 * 2**20))
FAULTS = [
    *[Reply(500)] * 5,
    Reply(429, b"", {"Retry-After": "5"}),
    Reply(200, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    Reply(200, b'{"1": {', truncate_at=3),
    Reply(200, b'{"1": {', reset=True),
    Reply(None),
]
_numbers = count()


def failing(huge: float) -> Callable[[Call], Reply | None]:
    """Return a rule by which one call in a hundred fails, and a share of `huge` calls get an oversized answer."""

    def rule(call: Call) -> Reply | None:
        if random.random() < huge:
            return HUGE
        return random.choice(FAULTS) if random.random() < 0.01 else None

    return rule


def changing(*_: object) -> object:
    """Return a transcript that is never the same twice, of a run that never finishes because it has no audio."""
    lines = [{"start": at, "end": at + 1, "speaker": "Anna", "text": f"Line {next(_numbers)}"} for at in range(20)]
    return {"video_url": "https://media.example/1.mp4", "transcript": lines}


@contextmanager
def procfile_session(name: str, **env: str) -> Iterator[int]:
    """Run a process of the Procfile in a session of its own, and yield the id of the session."""
    from dashboard.embedded import supervisor

    command = supervisor.commands(ROOT / "Procfile", [name])[name]
    with subprocess.Popen(
        ["sh", "-c", f"exec {command}"], cwd=ROOT, env=os.environ | env, start_new_session=True
    ) as leader:
        try:
            yield leader.pid
        finally:
            leader.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                leader.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(leader.pid, signal.SIGKILL)


def processes_of(session: int) -> list[Path]:
    """Return the /proc folders of the processes of a session."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append(process)
    return found


def sample(session: int) -> tuple[float, int, float]:
    """Return the memory in megabytes, the open files and the processor seconds of a session's processes."""
    kilobytes = files = ticks = 0
    for process in processes_of(session):
        with suppress(OSError, IndexError):
            kilobytes += int((process / "status").read_text().partition("VmRSS:")[2].split()[0])
            files += len(list((process / "fd").iterdir()))
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return kilobytes / 1024, files, ticks / os.sysconf("SC_CLK_TCK")


def connections() -> dict[str, int]:
    """Count PostgreSQL's connections, and those that have been idle in a transaction for over a second."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in%' AND now() - state_change > '1 second')"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connected, idle = cursor.fetchone()
    return {"connections": connected, "idle in transaction": idle}


def add_teams_and_runs(runs: int) -> tuple[Any, Any]:
    """Create teams with a key each, and runs that are due; return one team and its owner."""
    from django.utils import timezone

    from results.models import ApiKey, Run
    from teams.models import Team, User

    owner = User.objects.create_user(f"soak{time.time_ns()}@example.org", "correct horse")
    ApiKey.objects.all().delete()
    for number in range(TEAMS):
        team = Team.objects.create_for(owner, f"Soak {number}")
        key = ApiKey(team=team, state=ApiKey.State.WORKING)
        key.secret = KEY
        key.save()
        first = number * runs // TEAMS
        ids = range(first + 1, (number + 1) * runs // TEAMS + 1)
        Run.objects.bulk_create([Run(team=team, camb_run_id=i, due_at=timezone.now()) for i in ids], batch_size=500)
    return team, owner


def read_pages(port: int, team: Any, owner: Any, stopped: threading.Event, answers: Counter[int]) -> None:
    """Request a page every second until `stopped` is set, and count the statuses; 0 is a failed request."""
    import requests
    from django.test import Client

    client = Client()
    client.force_login(owner)
    session = requests.Session()
    session.cookies.update({name: morsel.value for name, morsel in client.cookies.items()})
    home = f"http://127.0.0.1:{port}/t/{team.slug}"
    for number in count():
        if stopped.wait(1):
            return
        path = ("/runs/", "/activity/", f"/search/?q=line+{number}", "/runs/?status=partly")[number % 4]
        try:
            answers[session.get(home + path, timeout=60).status_code] += 1
        except requests.RequestException:
            answers[0] += 1


def report(series: dict[str, list[float]], minutes: float) -> None:
    """Print the means of three thirds of each series, and the growth from the first to the last."""
    rows: list[Row] = []
    for name, values in series.items():
        size = max(1, len(values) // 3)
        thirds = [sum(part) / len(part) for part in (values[:size], values[size:-size] or values, values[-size:])]
        growth = f"{thirds[2] / thirds[0] - 1:+.1%}" if thirds[0] else f"{thirds[2]:+.1f}"
        named = {f"third {at}": f"{mean:.1f}" for at, mean in enumerate(thirds, start=1)}
        rows.append({"what": name, **named, "growth": growth, "most": f"{max(values):.1f}"})
    show(f"After {minutes:.0f} minutes", *rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--huge", type=float, default=0.001, help="share of answers that are 25 MB long")
    parser.add_argument("--port", type=int, default=8765)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dubroom-bench-"))
        choose_database(stack, folder)
        camb = stack.enter_context(StandIn(keys=[KEY], latency=0.2, on_reply=lambda call: camb.calls.clear()))
        camb.unknown = None
        camb.runs = dict.fromkeys(range(1, options.runs + 1, 10), changing)
        camb.rule = failing(options.huge)
        os.environ |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOST": "127.0.0.1",
            "PORT": str(options.port),
            "DUBROOM_DATA_DIR": folder,
            "DEMO": "0",
            "CAMB_BASE_URL": camb.base_url,
            "SECRET_KEY": "only-for-benchmarks-and-long-enough",
            "REFRESH_TICK_SECONDS": "1",
            "REFRESH_SLOWEST_SECONDS": "60",
            "MALLOC_ARENA_MAX": "2",
            "MALLOC_MMAP_THRESHOLD_": "1048576",
            "LOG_LEVEL": "CRITICAL",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        team, owner = add_teams_and_runs(options.runs)
        sessions = {name: stack.enter_context(procfile_session(name)) for name in NAMES}
        stopped, answers = threading.Event(), Counter[int]()
        reader = threading.Thread(target=read_pages, args=(options.port, team, owner, stopped, answers))
        reader.start()
        stack.callback(reader.join)
        stack.callback(stopped.set)
        soak(sessions, options.minutes, answers)


def soak(sessions: dict[str, int], minutes: float, answers: Counter[int]) -> None:
    """Sample the processes for this long, and print a report every five minutes and at the end."""
    from results.models import Call

    series: dict[str, list[float]] = defaultdict(list)
    began, busy, reported_at = time.monotonic(), dict[str, float](), 0.0
    while (passed := (time.monotonic() - began) / 60) < minutes:
        time.sleep(SAMPLE_EVERY_S)
        if passed < minutes / 10:
            continue
        for name, session in sessions.items():
            megabytes, files, busy[name] = sample(session)
            series[f"{name}, MB"].append(megabytes)
            series[f"{name}, open files"].append(files)
        for name, number in connections().items():
            series[name].append(number)
        if passed - reported_at >= min(5, minutes / 3):
            reported_at = passed
            report(series, passed)
    report(series, passed)
    seconds = time.monotonic() - began
    show(
        "What was done",
        {
            "calls": Call.objects.count(),
            "failed": Call.objects.exclude(outcome=Call.Outcome.ANSWERED).count(),
            "pages": " ".join(f"{number} x {status}" for status, number in sorted(answers.items())),
            **{f"CPU {name}": f"{took / seconds:.1%}" for name, took in busy.items()},
        },
    )


if __name__ == "__main__":
    main()
