"""Measures how fast search answers among millions of lines, for small and big teams, and what the index costs.

    python -m benchmarks.search --lines 100000 1000000 5000000 [--database sqlite|postgres|both] [--data DIR]
        [--datasette BINARY]

Teams of very different size (the biggest has a fifth of all lines, the smallest a 500th) hold lines in 8 scripts.
The column "wanted", 12 times the bare engine's median and 8 ms more, bounds the median over HTTP. The
last table counts the answers a second to several clients at once, beside those of a Django that only says hello on
the same server: a page of hits should reach 3 % of them.

Every search runs in several ways in turn, so that a noisy machine spoils no ratio: the bare engine on the same
index (the newest 50 ids), `results.search` with counting and marking, with facets, with the best hits first, and
the fragment that the page requests while the user types, over loopback from granian as the Procfile starts it. With
--datasette, Datasette's page of the same SQLite file is requested too, and its leanest JSON. Both get the exact
terms of our index, so that they too benefit from the team in each term. The last column is the processor time of
each fragment, of granian and the database together, which other load on the machine hardly changes.
"""

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks import search_data, servers
from benchmarks.lines import COMMON, LANGUAGES, PHRASES, RARE, Lines
from benchmarks.timing import median, percentiles, server_busy_ms

Search = Callable[[], object]
WARM_UP_SECONDS, RATE_SECONDS = 1, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--lines", type=int, nargs="+", default=[100_000], help="lines in the database: one or several sizes"
    )
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--data", type=Path, help="a folder for the data instead of a temporary one")
    parser.add_argument("--postgres", default="postgres:///", help="a server that allows creating a database")
    parser.add_argument("--datasette", help="the Datasette program to compare with")
    parser.add_argument("--repeat", type=int, default=8, help="how often each search runs")
    parser.add_argument(
        "--keep", action="store_true", help="keep the data for the next time, and use existing data"
    )
    options = parser.parse_args()
    databases = ("sqlite", "postgres") if options.database == "both" else (options.database,)
    measured = [(database, lines) for database in databases for lines in options.lines]
    if len(measured) > 1:
        for database, lines in measured:
            # Each combination runs in its own process. Of an option given twice, argparse uses the last.
            command = [sys.executable, "-m", "benchmarks.search", *sys.argv[1:]]
            subprocess.run([*command, "--database", database, "--lines", str(lines)], check=True)
        return
    [(database, lines)] = measured
    with search_data.filled(database, lines, options) as folder:
        measure(database, folder, options)


def measure(database: str, folder: Path, options: argparse.Namespace) -> None:
    search_data.print_size()
    teams = search_data.teams_by_size()
    with ExitStack() as stack:
        server = stack.enter_context(servers.granian())
        datasette = ""
        if database == "sqlite" and options.datasette:
            datasette = stack.enter_context(servers.datasette(options.datasette, folder))
        elif database == "sqlite":
            print("Not compared with Datasette: --datasette was not given.\n")
        for name, team in (("biggest", teams[0]), ("smallest", teams[-1])):
            print_team(name, team, server, datasette, options.repeat)
        print_rates(teams[0], server)


def searches() -> dict[str, list[str]]:
    """Return the typed searches by kind."""
    source = Lines()
    scripts = [tag for tag in LANGUAGES if tag.startswith(("zh", "ja", "th"))]
    return {
        "rare word": list(RARE),
        "common word, 5 %": list(COMMON),
        "two words": [f"{one} {other}" for one, other in zip(COMMON, COMMON[1:] + COMMON[:1], strict=True)],
        "phrase": [f'"{phrase}"' for phrase in PHRASES],
        "prefix of three": ["hel", "sta", "tri", "cho"],
        "prefix of two": ["he", "st", "ba", "mo"],
        "two characters": [source.common_part(tag, 2) for tag in scripts],
        "one character": [source.common_part(tag, 1) for tag in scripts],
        "no hit, misspelt": ["harbuor", "lanttern", "meadw", "thnuder"],
        "word and language": [f"lang:en {word}" for word in COMMON],
        "status and word": [f"status:ready {word}" for word in COMMON],
        "in another language": [f"in:ja {word}" for word in COMMON],
        "the whole team": ["lang:en", "-harbour"],
    }


def print_team(name: str, team: Any, server: str, datasette: str, repeat: int) -> None:
    from results.models import Cue
    from results.search.service import search

    lines = Cue.objects.filter(team=team).count()
    ways = ["bare", "search", "facets", "best", "http", *(["datasette", "lean"] if datasette else [])]
    titles = ["kind", "hits", *ways, "wanted", "http busy"]
    print(f"The {name} team, {lines:,} lines; ms, p50/p95:\n")
    print("| " + " | ".join(titles) + " |\n" + "| --- " * len(titles) + "|")
    browser = servers.http_client(server, servers.sign_in(team))
    other = servers.http_client(datasette) if datasette else None
    for kind, typed in searches().items():
        spent: dict[str, list[float]] = defaultdict(list)
        failed: set[str] = set()
        busy = 0.0
        for turn in range(repeat + 1):
            if turn == 1:  # turn 0 warms up
                busy = server_busy_ms()
            for one in typed:
                for way, run_search in ways_to_search(team, one, browser, other).items():
                    started = time.perf_counter()
                    answer = run_search()
                    if turn:
                        spent[way].append((time.perf_counter() - started) * 1000)
                    if answer is None:
                        failed.add(way)
        page = search(team.pk, typed[0])
        hits = f"{page.count:,}{'' if page.is_exact else '+'}"
        cells = ["fails" if way in failed else percentiles(spent[way]) if spent[way] else "" for way in ways]
        wanted_ms = 12 * median(spent["bare"]) + 8 if spent["bare"] else 8
        is_missed = median(spent["http"]) > wanted_ms
        cells.append(f"{wanted_ms:.3g}{' missed' if is_missed else ''}")
        cells.append(f"{(server_busy_ms() - busy) / (repeat * len(typed)):.3g}")
        print(f"| {kind} | {hits} | " + " | ".join(cells) + " |", flush=True)
    print()


def print_rates(team: Any, server: str) -> None:
    """Print the answers a second to each kind of search, and their processor time, beside a bare Django."""
    cookie = servers.sign_in(team)
    print(f"Answers a second to {servers.CLIENTS} clients, and milliseconds of processor an answer:\n")
    print("| kind | a second | of hello | processor | of hello |\n| --- | --- | --- | --- | --- |")
    with servers.granian("benchmarks.hello:application", "wsgi") as hello:
        hello_rate, hello_ms = _rate(hello, ["/"], "")
    print(f"| hello | {hello_rate:,.0f} | | {hello_ms:.2g} | |", flush=True)
    for kind, typed in searches().items():
        rate, busy_ms = _rate(server, [f"/t/{team.slug}/search/hits/?q={quote(one)}" for one in typed], cookie)
        shares = (f"{rate / hello_rate:.1%}", f"{hello_ms / busy_ms:.1%}")
        print(f"| {kind} | {rate:,.0f} | {shares[0]} | {busy_ms:.3g} | {shares[1]} |", flush=True)
    print()


def _rate(address: str, paths: list[str], cookie: str) -> tuple[float, float]:
    """Return the answers a second and the milliseconds of processor that the servers take for each."""
    servers.requests_a_second(address, paths, cookie, WARM_UP_SECONDS)
    busy_ms = server_busy_ms()
    rate = servers.requests_a_second(address, paths, cookie, RATE_SECONDS)
    return rate, (server_busy_ms() - busy_ms) / (rate * RATE_SECONDS)


def ways_to_search(team: Any, typed: str, browser: Any, datasette: Any) -> dict[str, Search]:
    """Return a function per column that runs one search in that way; it returns None on an HTTP error."""
    from django.db import connection

    from results.search import index, postgres
    from results.search.engine import engine
    from results.search.query import parse
    from results.search.service import search

    wanted = index.make_query(team.pk, parse(typed))
    expression = engine._expression(wanted) if wanted else ""
    match = "terms @@ %s::tsquery" if engine is postgres else "results_search match %s"
    bare_sql = f"from results_search where {match}"
    column = "cue_id" if engine is postgres else "rowid"

    def bare() -> object:
        with connection.cursor() as cursor:
            cursor.execute(f"select {column} {bare_sql} order by {column} desc limit 50", [expression])
            return cursor.fetchall()

    ways: dict[str, Search] = {
        # No run of a small team may have the status.
        **({"bare": bare} if wanted else {}),
        "search": lambda: search(team.pk, typed),
        "facets": lambda: search(team.pk, typed, with_facets=True),
        "best": lambda: search(team.pk, typed, best_first=True),
        "http": lambda: browser(f"/t/{team.slug}/search/hits/?q={quote(typed)}"),
    }
    if datasette and wanted and wanted.runs is None:
        parameters = {"_search": expression, "_searchmode": "raw", "_sort_desc": "id", "_size": "50"}
        lean = parameters | {"_nocount": "1", "_nosuggest": "1", "_nofacet": "1"}
        ways["datasette"] = lambda: datasette(f"/search/results_cue?{urlencode(parameters)}")
        ways["lean"] = lambda: datasette(f"/search/results_cue.json?{urlencode(lean)}")
    return ways


if __name__ == "__main__":
    main()
