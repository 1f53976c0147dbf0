"""Measures how soon receivers are told of very many events while one is dead and one slow, and what saving costs.

    python -m benchmarks.notifications [told] [saving] [refreshing] [--events 10000] [--rounds 8]

Twenty webhooks of as many teams answer on this machine; one answers with an error at once and one after eight
seconds. `told` measures when events arrive, with deliveries in four threads, as in a worker. `saving` saves answers
of ready runs with and without the events that they bring, and once more, when they bring no news. `refreshing` has
a real worker sweep runs while it tells nothing, and while it tells all these events. Both measure in turns, ABBA,
and compare within each pair, so that a change of the machine's other work falls on both sides.
"""

import argparse
import json
import resource
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks import engine

THREADS = 4
RECEIVERS = 20
SLOW_S = 8.0
GIVE_UP_AFTER_S = 55.0
SAVING_ROUNDS = 15
BATCH = 40
SWEPT_RUNS = 1000
SWEPT_LINES = 20
PARTS = ("told", "saving", "refreshing")


class Hooks(ThreadingHTTPServer):
    """Twenty webhooks by their path: /0 is dead, /1 slow, the others answer at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        self.arrived: dict[str, dict[int, float]] = {f"/{number}": {} for number in range(RECEIVERS)}
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Hooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/1":
            time.sleep(SLOW_S)
        self.send_response(500 if self.path == "/0" else 204)
        self.end_headers()
        if self.path != "/0":
            now = time.monotonic()
            arrived = self.server.arrived[self.path]
            for event in json.loads(body)["data"]["events"]:
                arrived.setdefault(event["id"], now)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def told(events: int, teams: int) -> None:
    """Write the events, have them told, and print when they arrived at the healthy receivers."""
    from results import queue
    from results.models import Event, Run
    from results.notifications import channels, collect, deliver
    from teams.models import Team

    hooks = Hooks()
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    _configure(hooks.server_port)
    made = [Team.objects.create(name=f"Team {number}", slug=f"team-{number}") for number in range(teams)]
    for number in range(RECEIVERS):
        url = f"http://127.0.0.1:{hooks.server_port}/{number}"
        channels.add(made[number % teams], "webhook", f"Hook {number}", url)
    share = events // teams
    for team in made:
        runs = Run.objects.bulk_create(Run(team=team, camb_run_id=one, due_at=None) for one in range(1, share + 1))
        Event.objects.bulk_create(Event(team=team, kind="ready", run=run) for run in runs)
    expected = {
        f"/{number}": set(Event.objects.filter(team=made[number % teams]).values_list("pk", flat=True))
        for number in range(2, RECEIVERS)
    }
    began = time.monotonic()
    pool = ThreadPoolExecutor(THREADS)
    queue.enqueue = lambda _task, lease, **_: pool.submit(deliver.deliver, lease)  # type: ignore[assignment]
    while time.monotonic() - began < GIVE_UP_AFTER_S:
        collect.collect()
        deliver.enqueue_due()
        if all(ids <= set(hooks.arrived[path]) for path, ids in expected.items()):
            break
        time.sleep(0.2)
    queue.enqueue = lambda *_args, **_kwargs: None
    pool.shutdown()
    waits = sorted(at - began for path in expected for at in hooks.arrived[path].values())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"events, teams, receivers        {events:,}, {teams}, {RECEIVERS}, one of them dead and one slow")
    print(f"arrived at the healthy          {len(waits):,} of {sum(map(len, expected.values())):,}")
    median, late, last = waits[len(waits) // 2], waits[len(waits) * 95 // 100], waits[-1]
    print(f"after, median / p95 / last      {median:.1f} / {late:.1f} / {last:.1f} s")
    print(f"memory of the process, peak     {memory:.0f} MB")


def _configure(port: int) -> None:
    from django.conf import settings

    settings.CHANNEL_HOSTS = [f"127.0.0.1:{port}"]
    settings.NOTIFY_QUIET_SECONDS = 0.0


def saving() -> None:
    """Print the processor time of saving answers with events, and without any, as medians of pairs of rounds."""
    from results.refresh import run_events

    build = run_events.build

    def none(*_: Any) -> list[tuple[Any, ...]]:
        return []

    for lines in (20, 400):
        ready: dict[str, list[float]] = {"with": [], "without": []}
        again: dict[str, list[float]] = {"with": [], "without": []}
        for number in range(SAVING_ROUNDS + 1):
            for how in ("with", "without")[:: 1 if number % 2 else -1]:
                vars(run_events)["build"] = build if how == "with" else none
                first, second = _save_twice(f"saving-{lines}-{number}-{how}", lines)
                if number:  # the first round warms up
                    ready[how].append(first)
                    again[how].append(second)
        vars(run_events)["build"] = build
        for name, times in (("become ready", ready), ("bring no news", again)):
            on, off = (statistics.median(times[how]) * 1000 / BATCH for how in ("with", "without"))
            title = f"saving a run of {lines} lines, {name}"
            print(f"{title:44}{off:.2f} ms, with events {on:.2f} ms ({_compared(times['with'], times['without'])})")


def _save_twice(slug: str, lines: int) -> tuple[float, float]:
    """Save answers about new runs, and the same answers again; return the processor time that each took."""
    from uuid import uuid4

    from results import camb, clock
    from results.models import Run
    from results.refresh.call_log import CallLog
    from results.refresh.save import Outcome, save_outcomes
    from teams.models import Team

    team = Team.objects.create(name=slug, slug=slug)
    runs = Run.objects.bulk_create(Run(team=team, camb_run_id=one) for one in range(1, BATCH + 1))
    cues = tuple(camb.CueAnswer(at * 1000, at * 1000 + 900, "Anna", f"Line {at} of it all") for at in range(lines))
    dub = camb.DubAnswer("es-es", "https://x.example/v.mp4", "https://x.example/a.mp3", cues)
    times = []
    for _ in range(2):
        lease = uuid4()
        Run.objects.filter(team=team).update(lease=lease)
        answers = [
            Outcome(run.pk, lease, clock.now(), camb.RunAnswer(run.camb_run_id or 0, (dub,), "", (), b"{}"))
            for run in runs
        ]
        began = time.thread_time()
        save_outcomes(answers, CallLog(team.pk))
        times.append(time.thread_time() - began)
    return times[0], times[1]


def _compared(measured: Sequence[float], beside: Sequence[float]) -> str:
    """Return by how much the first times differ from the second: the median of all pairs, and the middle half."""
    low, median, high = statistics.quantiles((a / b - 1 for a, b in zip(measured, beside, strict=True)), n=4)
    return f"{median:+.1%}, half of the pairs between {low:+.1%} and {high:+.1%}"


def _is_told(receivers: Any) -> bool:
    """Return whether these receivers were sent every event of their teams."""
    from django.db.models import Max

    from results.models import Event, Message

    newest = dict(Event.objects.order_by().values_list("team").annotate(Max("pk")))
    is_behind = any(one.told_through < newest.get(one.team_id, 0) for one in receivers.all())
    return not is_behind and not Message.objects.filter(receiver__in=receivers, state="open").exists()


def refreshing(events: int, teams: int, rounds: int) -> None:
    """Print how long a real worker takes to sweep runs while it tells nothing, and while it tells the events."""
    from results.models import Event, Receiver, Run
    from results.notifications import channels
    from results.runs.request import request_refresh_many
    from teams.models import Team, User

    hooks = Hooks()
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    owner = User.objects.create(email="told@example.org")
    told = [Team.objects.create_for(owner, f"Told {number}") for number in range(teams)]
    runs = {team: Run.objects.create(team=team, camb_run_id=1, due_at=None) for team in told}
    for number in range(RECEIVERS):
        url = f"http://127.0.0.1:{hooks.server_port}/{number}"
        channels.add(told[number % teams], "webhook", f"Hook {number}", url)
    [swept] = engine.new_teams(1, SWEPT_RUNS)
    # What is swept brings events as always, and no one is told of them.
    healthy = Receiver.objects.filter(way="webhook").exclude(name="Hook 0")
    waiting = Run.objects.filter(team=swept).exclude(requested_at=None)

    def sweep(*, is_telling: bool) -> float:
        if is_telling:
            for team in told:
                Event.objects.bulk_create(
                    Event(team=team, kind="key", run=runs[team], detail={"state": "refused", "message": "x"})
                    for _ in range(events // teams)
                )
        began = time.perf_counter()
        request_refresh_many(Run.objects.all(), swept)
        engine.until(lambda: not waiting.exists())
        took = time.perf_counter() - began
        if is_telling:
            engine.until(lambda: _is_told(healthy))
        return took

    env = {"CHANNEL_HOSTS": f"127.0.0.1:{hooks.server_port}", "REFRESH_CALLS_PER_SECOND": "100000"}
    times: dict[bool, list[float]] = {True: [], False: []}
    with engine.workers_and_beat(1, **env):
        for number in range(rounds + 1):
            for is_telling in (True, False)[:: 1 if number % 2 else -1]:
                took = sweep(is_telling=is_telling)
                if number:  # the first round warms up
                    times[is_telling].append(took)
    telling, alone = times[True], times[False]
    print(f"sweeping {SWEPT_RUNS:,} runs, telling nothing    {statistics.median(alone):.2f} s")
    print(f"while {events:,} events are told           {statistics.median(telling):.2f} s")
    print(f"slower by                            {_compared(telling, alone)} ({rounds} pairs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--teams", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=8, help="pairs of sweeps in `refreshing`")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    given = parser.parse_args()
    parts = given.parts or PARTS
    if unknown := {*parts}.difference(PARTS):
        parser.error(f"There is no part {min(unknown)!r}.")
    with ExitStack() as stack:
        upstream = engine.prepare(stack)
        if "told" in parts:
            told(given.events, given.teams)
        if "saving" in parts:
            saving()
        if "refreshing" in parts:
            upstream.tally(engine.answer(SWEPT_LINES))
            refreshing(given.events, given.teams, given.rounds)


if __name__ == "__main__":
    main()
