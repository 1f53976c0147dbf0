"""A worker is killed while it tells: each event arrives, a repeated message has its id, and order holds."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from standardwebhooks.webhooks import Webhook

from dashboard.embedded import supervisor
from tests.waiting import DEADLINE_S, until
from tests.worker.installation import ROOT

pytestmark = pytest.mark.worker

SETUP = """
import django, sys
django.setup()
from results.notifications import channels
from teams.models import Team
print(channels.add(Team.objects.get(slug="team"), "webhook", "Hook", sys.argv[1])[1], flush=True)
"""
# A worker that kills itself before or after a function, once there is something to tell.
VICTIM = (
    SETUP
    + """
import importlib, os, runpy, signal
from results.models import Message
module_name, function, when = sys.argv[2].split()
module = importlib.import_module(f"results.notifications.{module_name}")
real = getattr(module, function)

def die(*args, **kwargs):
    if function == "claim_due" and not Message.objects.exists():
        return real(*args, **kwargs)
    if when == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, function, die)
sys.argv = sys.argv[3:]
runpy.run_module("celery", run_name="__main__")
"""
)
RUNS = 20


class Hook:
    """Receives webhooks, and can hold answers back."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.released = Event()

    @property
    def held(self) -> int:
        return len(self.received)

    def ids_of_messages(self) -> list[tuple[str, list[int]]]:
        """Return the id of each message, with the ids of its events."""
        return [
            (headers["webhook-id"], [event["id"] for event in json.loads(body)["data"]["events"]])
            for headers, body in self.received
        ]


@pytest.fixture
def hook(installation) -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            hook.released.wait(DEADLINE_S)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        hook.url = f"http://127.0.0.1:{server.server_port}/hook"
        installation.env |= {
            "CHANNEL_HOSTS": f"127.0.0.1:{server.server_port}",
            "NOTIFY_QUIET_SECONDS": "0.1",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        }
        yield hook
        hook.released.set()
        server.shutdown()


def happen(installation, kind: str, count: int) -> None:
    """Write events of this kind, each about a run of its own unless they are about the key."""
    run = "results_run.id" if kind == "ready" else "NULL"
    installation.execute(
        "INSERT INTO results_event (team_id, kind, run_id, language, detail, created_at)"
        f" SELECT team_id, '{kind}', {run}, '', '{{}}', CURRENT_TIMESTAMP FROM results_run"
        f" JOIN teams_team ON teams_team.id = team_id WHERE slug = 'team' ORDER BY results_run.id LIMIT {count}"
    )


@pytest.mark.parametrize(
    ("point", "copies"),
    [
        pytest.param(
            "collect _write before", 1, id="its-place-is-moved-and-no-message-written", marks=pytest.mark.thorough
        ),
        pytest.param("collect _write after", 1, id="the-message-is-written-and-not-committed"),
        pytest.param("deliver claim_due before", 1, id="before-the-lease", marks=pytest.mark.thorough),
        pytest.param("deliver claim_due after", 1, id="leased-and-not-queued", marks=pytest.mark.thorough),
        pytest.param("deliver deliver before", 1, id="taken-from-the-queue", marks=pytest.mark.thorough),
        pytest.param("deliver _try before", 1, id="before-the-request"),
        pytest.param("deliver _store before", 2, id="answered-and-not-stored"),
        pytest.param("deliver _store after", 1, id="stored-and-not-released", marks=pytest.mark.thorough),
        pytest.param("deliver _release after", 1, id="released-and-not-acknowledged", marks=pytest.mark.thorough),
    ],
)
def test_wherever_a_worker_is_killed_every_event_arrives_in_order(installation, camb, hook, point, copies):
    hook.released.set()
    worker = supervisor.commands(ROOT / "Procfile", ["worker"])["worker"].split()
    command = [sys.executable, "-c", VICTIM, hook.url, point, *worker[worker.index("celery") :]]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=installation.env, stdout=pipe, text=True) as victim:
        try:
            secret = victim.stdout.readline().strip()
            happen(installation, "ready", 3)
            time.sleep(0.2)  # until the batch is complete
            installation.enqueue("notify")
            assert victim.wait(DEADLINE_S) == -signal.SIGKILL
        finally:
            victim.kill()
    happen(installation, "ready", 2)
    happen(installation, "key", 1)
    expected = installation.column("SELECT id FROM results_event ORDER BY id")
    with installation.process("worker"), installation.process("beat"):
        until(lambda: {event for _id, events in hook.ids_of_messages() for event in events} == {*expected})
        until(lambda: installation.column("SELECT COUNT(*) FROM results_message WHERE state = 'open'") == [0])
    told = hook.ids_of_messages()
    assert [event for _id, events in dict(told).items() for event in events] == expected
    first = told[0][0]
    assert ([uid for uid, _events in told].count(first), len(told) - len(dict(told))) == (copies, copies - 1)
    for headers, body in hook.received:
        Webhook(secret).verify(body.decode(), headers)


def test_a_message_of_a_killed_worker_is_sent_again_and_every_event_arrives_in_order(installation, camb, hook):
    command = [sys.executable, "-c", SETUP, hook.url]
    added = subprocess.run(command, cwd=ROOT, env=installation.env, check=True, capture_output=True, text=True)
    installation.make_due(RUNS)
    with installation.process("beat"), installation.process("worker") as victim:
        until(lambda: hook.held >= 1)
        victim.kill()
        victim.wait(DEADLINE_S)
        hook.released.set()
        with installation.process("worker"):
            until(lambda: hook.held >= 2)
            until(lambda: len({event for _id, events in hook.ids_of_messages() for event in events}) == RUNS)
    told = hook.ids_of_messages()
    assert told[0][0] == told[1][0]
    in_order = [event for _id, events in dict(told).items() for event in events]
    assert in_order == installation.column("SELECT id FROM results_event WHERE kind = 'ready' ORDER BY id")
    for headers, body in hook.received:
        Webhook(added.stdout.strip()).verify(body.decode(), headers)
