"""Do pages stay quick while many people work in a big installation, and many browsers poll?

    python -m benchmarks.load [--lines 5000000] [--seconds 120] [--only pages|polls] [--data DIR] [--keep]

1,000 teams have 100,000 runs; those of `benchmarks.search` hold the lines. Requests come to granian, as the
Procfile starts it, at their times whether or not earlier ones are answered, and each is counted from then: first 20
a second for lists, runs and searches, then the polls of 200 lists every 5 s, among whose teams ten runs a second
change. Everybody keeps a connection.
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

from benchmarks import search

TEAMS = 1_000
RUNS = 100_000
PEOPLE = 200
PAGES_A_SECOND = 20
POLL_S = 5
CHANGES_A_SECOND = 10
WANTED_P95_MS = {"list": 300, "run": 300, "search": 800, "poll, unchanged": 300, "poll, changed": 300}

_POLLER = re.compile(r'id="runs-poller"[^>]*? hx-get="([^"]*)" hx-vals="([^"]*)"')


@dataclass
class Browser:
    """Somebody of a team, with a session, a connection and what the list of runs that is open asks next."""

    team: Any
    runs: list[int]
    cookie: str
    connection: HTTPConnection
    poll: str = ""
    turn: Lock = field(default_factory=Lock)

    def get(self, path: str) -> tuple[int, str]:
        headers = {"Cookie": self.cookie, "Accept-Encoding": "gzip"}
        with self.turn:
            try:
                self.connection.request("GET", path, headers=headers)
                answer = self.connection.getresponse()
            except RemoteDisconnected:
                # It was idle for so long that the server closed it; a browser asks again over a new one.
                self.connection.request("GET", path, headers=headers)
                answer = self.connection.getresponse()
            body = answer.read()
        is_packed = answer.headers["Content-Encoding"] == "gzip"
        return answer.status, (gzip.decompress(body) if is_packed else body).decode()

    def ask(self, kind: str, path: str = "") -> str:
        """Ask for a page, or poll when none is named; what it was that was answered."""
        status, body = self.get(path or self.poll)
        if path:
            return kind if status == 200 else f"{kind}: {status}"
        if status == 200:
            self.hear(body)
        return {204: "poll, unchanged", 200: "poll, changed"}.get(status, f"poll: {status}")

    def hear(self, page: str) -> None:
        found = _POLLER.search(page)
        assert found, page
        address, values = map(html.unescape, found.groups())
        self.poll = f"{address.rstrip('?')}{'&' if '=' in address else '?'}{urlencode(json.loads(values))}"


# When, by whom, of which kind, and the page, if it is no poll.
Due = tuple[float, Browser, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--seconds", type=int, default=120, help="how long each of the two is measured")
    parser.add_argument("--only", choices=("pages", "polls"), help="one of the two")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--data", type=Path, help="a folder for the data instead of a temporary one")
    parser.add_argument("--postgres", default="postgres:///", help="a server on which a database may be made")
    parser.add_argument(
        "--keep", action="store_true", help="leave the data for the next time, and use what is there"
    )
    options = parser.parse_args()
    with search.filled(options.database, options.lines, options):
        fill()
        with search.granian() as server:
            people = new_people(server)
            for one in people:
                one.hear(one.get(f"/t/{one.team.slug}/runs/")[1])
            if options.only != "polls":
                print(f"{PAGES_A_SECOND} pages a second for {options.seconds} s:\n", flush=True)
                measure(pages(people, options.seconds))
            if options.only != "pages":
                print(f"{PEOPLE} lists that poll every {POLL_S} s for {options.seconds} s:\n", flush=True)
                with ThreadPoolExecutor(1) as other:
                    changing = other.submit(change_runs, people, options.seconds)
                    measure(polls(people, options.seconds))
                    changing.result()


# --- What is there -----------------------------------------------------------------------------------


def fill() -> None:
    """More teams, and runs without lines: most are done, some are asked for."""
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
    while some := list(islice(runs, 1_000)):
        Run.objects.bulk_create(some)


def new_people(server: str) -> list[Browser]:
    """Each is in one team; half of them in one with lines."""
    from teams.models import Team, User

    teams = list(Team.objects.order_by("pk"))
    people = []
    for team in [*teams[: PEOPLE // 2], *teams[-PEOPLE // 2 :]]:
        user, is_new = User.objects.get_or_create(email=f"person@{team.slug}.example.org")
        if is_new:
            team.memberships.create(user=user)
        runs = list(team.runs.order_by("pk").values_list("pk", flat=True)[:50])
        people.append(Browser(team, runs, search.sign_in(user), HTTPConnection(server, timeout=60)))
    return people


def change_runs(people: Sequence[Browser], seconds: float) -> None:
    """As answers of CAMB.AI do."""
    from django.db import connection, transaction

    from results.models import Run, TeamVersion

    random, started = Random(3), time.perf_counter()
    for change in range(int(seconds * CHANGES_A_SECOND)):
        time.sleep(max(0.0, started + change / CHANGES_A_SECOND - time.perf_counter()))
        team = random.choice(people).team
        with transaction.atomic():
            newest = team.runs.order_by("-pk").values_list("pk", flat=True)[random.randrange(20)]
            Run.objects.filter(pk=newest).update(version=TeamVersion.bump(team.pk))
    connection.close()


# --- Asking ------------------------------------------------------------------------------------------


def pages(people: Sequence[Browser], seconds: float) -> Iterator[Due]:
    """When who asks for which page."""
    random, typed = Random(4), list(chain.from_iterable(search.searches().values()))
    for number in range(int(seconds * PAGES_A_SECOND)):
        one = random.choice(people)
        kind = ("list", "run", "search")[number % 3]
        path = {
            "list": f"/t/{one.team.slug}/runs/",
            "run": f"/runs/{random.choice(one.runs)}/",
            "search": f"/t/{one.team.slug}/search/?q={quote(random.choice(typed))}",
        }[kind]
        yield number / PAGES_A_SECOND, one, kind, path


def polls(people: Sequence[Browser], seconds: float) -> Iterator[Due]:
    for number, one in zip(range(int(seconds * len(people) / POLL_S)), cycle(people), strict=False):
        yield number * POLL_S / len(people), one, "poll", ""


def measure(dues: Iterable[Due]) -> None:
    started = time.perf_counter()
    answers: dict[str, list[float]] = defaultdict(list)

    def ask(due: float, one: Browser, kind: str, path: str) -> None:
        try:
            answered = one.ask(kind, path)
        except OSError as error:
            answered = f"{kind}: {error}"
        answers[answered].append((time.perf_counter() - started - due) * 1000)

    busy = search.busy_ms()
    with ThreadPoolExecutor(PEOPLE) as pool:
        for due, one, kind, path in dues:
            time.sleep(max(0.0, started + due - time.perf_counter()))
            pool.submit(ask, due, one, kind, path)
    seconds = time.perf_counter() - started
    print("| answer | how many | ms, p50 / p95 | most | wanted p95 |\n| --- | --- | --- | --- | --- |")
    for kind, times in sorted(answers.items()):
        wanted = WANTED_P95_MS.get(kind, "none of these")
        print(f"| {kind} | {len(times):,} | {search.shown(times)} | {max(times):.0f} | {wanted} |")
    print(f"\nProcessors of the server busy: {(search.busy_ms() - busy) / seconds / 1000:.2f}.\n", flush=True)


if __name__ == "__main__":
    main()
