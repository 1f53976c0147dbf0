"""Measures response times of pages and polls under load: many users and open browsers in a big installation.

    python -m benchmarks.load [--lines 5000000] [--seconds 120] [--only pages|polls] [--data DIR] [--keep]

1,000 teams have 100,000 runs; the teams of `benchmarks.search` hold the lines. The load is an open model: requests
reach granian, as the Procfile starts it, at scheduled times whether or not earlier ones are answered, and each is
timed from its scheduled time. First come 20 requests a second for lists, runs and searches, then the polls of 200
lists every 5 s, while ten runs a second change in their teams. Every browser keeps its connection.
"""

import argparse
import gzip
import html
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, RemoteDisconnected
from itertools import chain, cycle, islice
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks import search_data, servers
from benchmarks.search import searches
from benchmarks.timing import percentiles, server_busy_ms

TEAMS = 1_000
RUNS = 100_000
BROWSERS = 200
PAGES_PER_SECOND = 20
POLL_S = 5
CHANGES_PER_SECOND = 10
WANTED_P95_MS = {"list": 300, "run": 300, "search": 800, "poll, unchanged": 300, "poll, changed": 300}

_POLLER = re.compile(r'id="runs-poller"[^>]*? hx-get="([^"]*)" hx-vals="([^"]*)"')


@dataclass
class Browser:
    """A member of a team with a session, a connection, and an open list of runs that polls."""

    team: Any
    runs: list[int]
    cookie: str
    connection: HTTPConnection
    poll_path: str = ""  # the address that the open list polls next
    lock: Lock = field(default_factory=Lock)  # one request at a time, as over one connection

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the body of a page."""
        headers = {"Cookie": self.cookie, "Accept-Encoding": "gzip"}
        with self.lock:
            try:
                self.connection.request("GET", path, headers=headers)
                answer = self.connection.getresponse()
            except RemoteDisconnected:
                # The server closes a connection that is idle for long. A browser repeats the request over a new
                # one.
                self.connection.request("GET", path, headers=headers)
                answer = self.connection.getresponse()
            body = answer.read()
        is_packed = answer.headers["Content-Encoding"] == "gzip"
        return answer.status, (gzip.decompress(body) if is_packed else body).decode()

    def request(self, kind: str, path: str = "") -> str:
        """Get a page, or poll if no path is given; return the kind of answer, as the table names it."""
        status, body = self.get(path or self.poll_path)
        if path:
            return kind if status == 200 else f"{kind}: {status}"
        if status == 200:
            self.read_poll_path(body)
        return {204: "poll, unchanged", 200: "poll, changed"}.get(status, f"poll: {status}")

    def read_poll_path(self, page: str) -> None:
        """Take the address of the next poll from the page, as htmx does."""
        found = _POLLER.search(page)
        assert found, page
        address, values = map(html.unescape, found.groups())
        self.poll_path = f"{address.rstrip('?')}{'&' if '=' in address else '?'}{urlencode(json.loads(values))}"


# A scheduled request: its time in seconds from the start, its browser, its kind, and its path ("" for a poll).
ScheduledRequest = tuple[float, Browser, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--seconds", type=int, default=120, help="how long pages and polls are measured, each")
    parser.add_argument("--only", choices=("pages", "polls"), help="measure one of the two")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--data", type=Path, help="a folder for the data instead of a temporary one")
    parser.add_argument("--postgres", default="postgres:///", help="a server that allows creating a database")
    parser.add_argument(
        "--keep", action="store_true", help="keep the data for the next time, and use existing data"
    )
    options = parser.parse_args()
    with search_data.filled(options.database, options.lines, options):
        add_teams_and_runs()
        with servers.granian() as server:
            browsers = new_browsers(server)
            for browser in browsers:
                browser.read_poll_path(browser.get(f"/t/{browser.team.slug}/runs/")[1])
            if options.only != "polls":
                print(f"{PAGES_PER_SECOND} pages a second for {options.seconds} s:\n", flush=True)
                measure(pages(browsers, options.seconds))
            if options.only != "pages":
                print(f"{BROWSERS} lists that poll every {POLL_S} s for {options.seconds} s:\n", flush=True)
                with ThreadPoolExecutor(1) as other:
                    changing = other.submit(change_runs, browsers, options.seconds)
                    measure(polls(browsers, options.seconds))
                    changing.result()


# --- Data --------------------------------------------------------------------------------------------


def add_teams_and_runs() -> None:
    """Add teams, and runs without lines: most are done, some are waiting for their next refresh."""
    from django.utils import timezone

    from results.models import Run
    from teams.models import Team, User

    owner = User.objects.get(email="bench@example.org")
    for number in range(Team.objects.count(), TEAMS):
        Team.objects.create_for(owner, f"Team {number}")
    last = Run.objects.order_by("-camb_run_id").values_list("camb_run_id", flat=True).first() or 0
    numbers = range(last + 1, last + 1 + RUNS - Run.objects.count())
    later = timezone.now() + timedelta(days=1)
    statuses = cycle([("ready", None), ("ready", None), ("failed", None), ("waiting", later)])
    runs = (
        Run(team=team, camb_run_id=number, title=f"Episode {number}", status=status, due_at=due_at)
        for number, team in zip(numbers, cycle(Team.objects.order_by("pk")), strict=False)
        for status, due_at in [next(statuses)]
    )
    while batch := list(islice(runs, 1_000)):
        Run.objects.bulk_create(batch)


def new_browsers(server: str) -> list[Browser]:
    """Return logged-in browsers of a user each. Each user is in one team; half of the teams hold lines."""
    from teams.models import Team

    teams = list(Team.objects.order_by("pk"))
    browsers = []
    for team in [*teams[: BROWSERS // 2], *teams[-BROWSERS // 2 :]]:
        runs = list(team.runs.order_by("pk").values_list("pk", flat=True)[:50])
        browsers.append(Browser(team, runs, servers.sign_in(team), HTTPConnection(server, timeout=60)))
    return browsers


def change_runs(browsers: Sequence[Browser], seconds: float) -> None:
    """Change runs at a steady rate, as answers of CAMB.AI do."""
    from django.db import connection, transaction

    from results.models import Run, TeamVersion

    random, started = Random(3), time.perf_counter()
    for change in range(int(seconds * CHANGES_PER_SECOND)):
        time.sleep(max(0.0, started + change / CHANGES_PER_SECOND - time.perf_counter()))
        team = random.choice(browsers).team
        with transaction.atomic():
            newest = team.runs.order_by("-pk").values_list("pk", flat=True)[random.randrange(20)]
            Run.objects.filter(pk=newest).update(version=TeamVersion.bump(team.pk))
    connection.close()


# --- Requests ----------------------------------------------------------------------------------------


def pages(browsers: Sequence[Browser], seconds: float) -> Iterator[ScheduledRequest]:
    """Yield requests for pages at an even rate: the list, a run and a search in turn, by random browsers."""
    random, typed = Random(4), list(chain.from_iterable(searches().values()))
    for number in range(int(seconds * PAGES_PER_SECOND)):
        browser = random.choice(browsers)
        kind = ("list", "run", "search")[number % 3]
        path = {
            "list": f"/t/{browser.team.slug}/runs/",
            "run": f"/runs/{random.choice(browser.runs)}/",
            "search": f"/t/{browser.team.slug}/search/?q={quote(random.choice(typed))}",
        }[kind]
        yield number / PAGES_PER_SECOND, browser, kind, path


def polls(browsers: Sequence[Browser], seconds: float) -> Iterator[ScheduledRequest]:
    """Yield one poll per browser every `POLL_S` seconds, spread evenly."""
    for number, browser in zip(range(int(seconds * len(browsers) / POLL_S)), cycle(browsers), strict=False):
        yield number * POLL_S / len(browsers), browser, "poll", ""


def measure(requests: Iterable[ScheduledRequest]) -> None:
    """Send the requests at their times, and print the latencies by kind of answer."""
    started = time.perf_counter()
    answers: dict[str, list[float]] = defaultdict(list)

    def send(at: float, browser: Browser, kind: str, path: str) -> None:
        try:
            answered = browser.request(kind, path)
        except OSError as error:
            answered = f"{kind}: {error}"
        answers[answered].append((time.perf_counter() - started - at) * 1000)

    busy = server_busy_ms()
    with ThreadPoolExecutor(BROWSERS) as pool:
        for at, browser, kind, path in requests:
            time.sleep(max(0.0, started + at - time.perf_counter()))
            pool.submit(send, at, browser, kind, path)
    seconds = time.perf_counter() - started
    print("| answer | how many | ms, p50 / p95 | most | wanted p95 |\n| --- | --- | --- | --- | --- |")
    for kind, times in sorted(answers.items()):
        wanted = WANTED_P95_MS.get(kind, "none of these")
        print(f"| {kind} | {len(times):,} | {percentiles(times)} | {max(times):.0f} | {wanted} |")
    print(f"\nProcessors of the server busy: {(server_busy_ms() - busy) / seconds / 1000:.2f}.\n", flush=True)


if __name__ == "__main__":
    main()
