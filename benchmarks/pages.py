"""Measures how many requests a second the pages take, beside a Django hello-world on the same server.

    python -m benchmarks.pages [--lines 100000] [--seconds 5] [--rounds 3]

Granian serves both as the Procfile starts it, and each page is requested in turns with hello-world over four
connections that stay open. The client takes its share of the processor, so the processor time of the servers is
shown too. A list shows 50 rows only if the biggest team has as many runs: it takes more lines. The poll is one that
finds nothing changed.
"""

import argparse
import time
from collections import defaultdict
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from benchmarks import search_data, servers
from benchmarks.load import Browser
from benchmarks.timing import server_busy_ms

# Of the requests a second that hello-world takes.
WANTED = {"list": 0.03, "run": 0.03, "search": 0.03, "poll, unchanged": 0.2}
HELLO = "hello-world"


class Page(NamedTuple):
    """A page to request, from the server at this host and port."""

    address: str
    path: str
    cookie: str = ""


class Rate(NamedTuple):
    """What one round measured."""

    per_second: float
    busy_ms: float
    """Processor time of the servers for one request."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5, help="of each page in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--data", type=Path, help="a folder for the data instead of a temporary one")
    parser.add_argument("--postgres", default="postgres:///", help="a server that allows creating a database")
    parser.add_argument(
        "--keep", action="store_true", help="keep the data for the next time, and use existing data"
    )
    options = parser.parse_args()
    with (
        search_data.filled(options.database, options.lines, options),
        servers.granian("benchmarks.hello:application", "wsgi") as hello,
        servers.granian() as server,
    ):
        pages = {HELLO: Page(hello, "/")} | _pages(server)
        rates = defaultdict(list)
        for _ in range(options.rounds):
            for name, page in pages.items():
                rates[name].append(measure(page, options.seconds))
        show({name: max(found) for name, found in rates.items()})


def _pages(server: str) -> dict[str, Page]:
    from results.models import Run

    run = Run.objects.order_by("-cue_count", "pk").select_related("team")[0]
    cookie = servers.sign_in(run.team)
    runs = f"/t/{run.team.slug}/runs/"
    browser = Browser(run.team, [], cookie, HTTPConnection(server, timeout=60))
    browser.read_poll_path(browser.get(runs)[1])
    paths = {
        "list": runs,
        "run": f"/runs/{run.pk}/",
        "search": f"/t/{run.team.slug}/search/?q=harbour",
        "poll, unchanged": browser.poll_path,
    }
    return {name: Page(server, path, cookie) for name, path in paths.items()}


def measure(page: Page, seconds: float) -> Rate:
    """Request the page for so long over all connections."""
    ask = partial(servers.requests_a_second, page.address, [page.path], page.cookie)
    ask(seconds=0.5)  # each thread of the server opens its connection to the database once
    busy_before, began = server_busy_ms(), time.monotonic()
    per_second = ask(seconds=seconds)
    requests = per_second * (time.monotonic() - began)
    return Rate(per_second, (server_busy_ms() - busy_before) / requests)


def show(rates: dict[str, Rate]) -> None:
    hello = rates[HELLO]
    print(f"{'page':18}{'requests/s':>12}{'of hello':>10}{'wanted':>8}{'CPU ms':>8}{'of hello':>10}")
    for name, rate in rates.items():
        wanted = f"{WANTED[name]:.0%}" if name in WANTED else ""
        print(
            f"{name:18}{rate.per_second:>12,.0f}{rate.per_second / hello.per_second:>10.1%}{wanted:>8}"
            f"{rate.busy_ms:>8.2f}{hello.busy_ms / rate.busy_ms:>10.1%}"
        )


if __name__ == "__main__":
    main()
