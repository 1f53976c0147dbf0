"""What the benchmarks of the refresh engine share: a database, a stand-in CAMB.AI, workers, beat and tables.

The benchmarks use SQLite and the embedded broker in a temporary folder, or the DATABASE_URL and the BROKER_URL of
the environment. A database whose name contains "bench" is used as it is, and its keys are removed. Beside any other
PostgreSQL database, a new one is created, and dropped at the end.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.servers import postgres_database

LATENCY_S = 0.2
KEY = "bench-key"
GIVE_UP_AFTER_S = 900
MAX_SAMPLED = 20_000
CELERY = ("-m", "celery", "--app", "dashboard", "--quiet", "--skip-checks")
# As in the Procfile, but at the priority of all else.
WORKER = (*CELERY, "worker", "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat")
BEAT = (*CELERY, "beat", "--loglevel", "ERROR")

Row = dict[str, object]
Process = subprocess.Popen[str]


# --- Processes ---------------------------------------------------------------------------------------


@contextmanager
def process(*command: str, **env: str) -> Iterator[Process]:
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


@contextmanager
def workers_and_beat(workers: int, **env: str) -> Iterator[list[Process]]:
    """Run so many workers and a beat, and yield the workers once each has a heartbeat."""
    with ExitStack() as stack:
        started = [stack.enter_context(process(*WORKER, **env)) for _ in range(workers)]
        stack.enter_context(process(*BEAT, **env))
        until(lambda: all(map(heartbeat_id, started)))
        yield started


def heartbeat_id(worker: Process) -> object:
    """Return the id under which this worker claims leases, or None while it starts."""
    from results.models import WorkerHeartbeat

    if worker.poll() is not None:
        raise SystemExit("A worker ended.")
    own = WorkerHeartbeat.objects.filter(name__endswith=f":{worker.pid}").order_by("-seen_at")
    return own.values_list("pk", flat=True).first()


class Upstream:
    """The stand-in CAMB.AI in its own process."""

    def __init__(self, process: Process) -> None:
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
    if cues > MAX_SAMPLED:  # characters that JSON escapes would make the answer larger than the limit
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


# --- The database ------------------------------------------------------------------------------------


def choose_database(stack: ExitStack, folder: str) -> None:
    """Set the DATABASE_URL to a database that a benchmark may change, until the stack ends."""
    url = os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
    server, _, name = url.rpartition("/")
    if "bench" in name:
        return
    if not url.startswith("postgres"):
        raise SystemExit('The name of the database must contain "bench": its keys are removed.')
    os.environ["DATABASE_URL"] = stack.enter_context(postgres_database(f"{server}/", f"{name}_bench", keep=False))


def prepare(stack: ExitStack) -> Upstream:
    """Set up Django with settings and a database of its own, and start the stand-in."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dubroom-bench-"))
    choose_database(stack, folder)
    upstream = Upstream(stack.enter_context(process("-m", "benchmarks.upstream")))
    os.environ |= {
        "DUBROOM_DATA_DIR": folder,
        "DEMO": "0",
        "CAMB_BASE_URL": upstream.base_url,
        "SECRET_KEY": "only-for-benchmarks-and-long-enough",
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


def new_teams(count: int, runs: int) -> list[Any]:
    """Create teams with a key each, whose runs are tracked but not due; no other team keeps a key or work to do."""
    from django.db import connection

    from results.models import ApiKey, Dub, Run
    from teams.models import Team, User

    user, _ = User.objects.get_or_create(email="bench@example.org")
    ApiKey.objects.all().delete()
    # The dubs of the sweep before are left unread: the workers of the next one would be busy with them.
    Dub.objects.update(is_language_detected=True, is_alert_checked=True)
    Run.objects.update(is_compared=True)
    teams = [Team.objects.create_for(user, f"Bench {time.time_ns()}") for _ in range(count)]
    for team in teams:
        key = ApiKey(team=team, state=ApiKey.State.WORKING)
        key.secret = KEY
        key.save()
        new = [Run(team=team, camb_run_id=number, due_at=None) for number in range(1, runs + 1)]
        Run.objects.bulk_create(new, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE results_run")  # every database analyzes long before it holds this many runs
    return teams


# --- Waiting and tables ------------------------------------------------------------------------------


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + GIVE_UP_AFTER_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"The benchmark did not finish within {GIVE_UP_AFTER_S} s.")
        time.sleep(0.02)


def show(title: str, *rows: Row) -> None:
    print(f"\n{title}")
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in rows[0]}
    print("  " + "  ".join(name.rjust(width) for name, width in widths.items()))
    for row in rows:
        print("  " + "  ".join(str(row[name]).rjust(width) for name, width in widths.items()), flush=True)
