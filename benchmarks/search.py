"""How soon are lines found among millions, however small or big the team, and what does the index cost?

    python -m benchmarks.search --lines 100000 1000000 5000000 [--database sqlite|postgres|both] [--data DIR]
        [--datasette BINARY]

Teams of very different size (the biggest has a fifth of all lines, the smallest a 500th) hold lines in 8 scripts.
Every search is asked in several ways in turn, so that a noisy machine spoils no ratio: the bare engine on the same
index (the newest 50 ids), `results.search` with counting and marking, with facets, with the best first, and the
fragment that the page asks for as somebody types, over loopback from granian as the Procfile starts it. With
--datasette, Datasette's page of the same SQLite file is asked too, and its leanest JSON: both for the very terms of
our index, so that they have the benefit of the team being in them. Last stands the time that the fragment's answer
kept processors busy, of granian and the database together, which others on the machine hardly change.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks.lines import COMMON, LANGUAGES, PHRASES, RARE, Lines
from results.search import index, vocabulary

TEAMS = 100
LINES_A_DUB = 200
RUNS_AT_ONCE = 50
POSTGRES = "dubroom_searchbench"
DUBS_ON_TOP = 20

Ask = Callable[[], object]
# By process, as connections end and take their times along.
TICKS: dict[int, int] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[100_000], help="how many, of one or several sizes")
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--data", type=Path, help="a folder for the data instead of a temporary one")
    parser.add_argument("--postgres", default="postgres:///", help="a server on which a database may be made")
    parser.add_argument("--datasette", help="the datasette program to compare with")
    parser.add_argument("--repeat", type=int, default=8, help="how often each search is asked")
    parser.add_argument(
        "--keep", action="store_true", help="leave the data for the next time, and use what is there"
    )
    options = parser.parse_args()
    databases = ("sqlite", "postgres") if options.database == "both" else (options.database,)
    measured = [(database, lines) for database in databases for lines in options.lines]
    if len(measured) > 1:
        for database, lines in measured:
            # Of what is said twice, the last holds.
            command = [sys.executable, "-m", "benchmarks.search", *sys.argv[1:]]
            subprocess.run([*command, "--database", database, "--lines", str(lines)], check=True)
        return
    [(database, lines)] = measured
    with filled(database, lines, options) as folder:
        measure(database, folder, options)


@contextmanager
def filled(database: str, lines: int, options: argparse.Namespace) -> Iterator[Path]:
    """A folder for a database that holds so many lines, with Django set up for it."""
    with ExitStack() as stack:
        folder = (options.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))) / str(lines)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ |= {
            "DUBROOM_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "SECRET_KEY": "only for this measurement",
            "CACHE_URL": "locmemcache://",
            "DEMO": "0",
        }
        if database == "postgres":
            name = f"{POSTGRES}_{lines}"
            os.environ["DATABASE_URL"] = stack.enter_context(postgres(options.postgres, name, options.keep))
        else:
            os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'search.sqlite3'}"
        import django

        django.setup()
        from django.core.management import call_command

        from results.models import Cue

        print(f"\n# {lines:,} lines in {TEAMS} teams on {database}\n", flush=True)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        if not Cue.objects.exists():
            load(lines)
        yield folder


@contextmanager
def postgres(server: str, name: str, keep: bool) -> Iterator[str]:
    import psycopg

    with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
        present = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if not (keep and present):
            connection.execute(f"drop database if exists {name}")
            connection.execute(f"create database {name} template template0 encoding 'UTF8'")
    try:
        yield f"{server}{name}"
    finally:
        if not keep:
            with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
                connection.execute(f"drop database {name} with (force)")


def measure(database: str, folder: Path, options: argparse.Namespace) -> None:
    print_size()
    teams = by_size()
    with ExitStack() as stack:
        server = stack.enter_context(granian())
        datasette = ""
        if database == "sqlite" and options.datasette:
            datasette = stack.enter_context(datasette_server(options.datasette, folder))
        elif database == "sqlite":
            print("Datasette is not compared with: --datasette names none.\n")
        for name, team in (("biggest", teams[0]), ("smallest", teams[-1])):
            print_team(name, team, server, datasette, options.repeat)


# --- Loading -----------------------------------------------------------------------------------------


def load(total: int) -> None:
    """Fill the database as refreshes would, many dubs at a time."""
    from django.db import connection, transaction

    from results.models import Cue
    from results.search import indexing

    source, random, teams = Lines(), Random(2), new_teams()
    shares = list(accumulate(1 / rank for rank in range(1, TEAMS + 1)))
    is_postgres = connection.vendor == "postgresql"
    spent: dict[str, float] = defaultdict(float)
    rare_due: dict[int, list[str]] = {team.pk: [*RARE] * 3 for team in teams}
    if is_postgres:
        # As a restore would: the index is made when all is in.
        with connection.cursor() as cursor:
            cursor.execute("select indexdef from pg_indexes where indexname = 'results_search_terms'")
            [definition] = cursor.fetchone()
            cursor.execute("drop index results_search_terms")
    done = 0
    while done < total:
        size = min(RUNS_AT_ONCE, -(-(total - done) // (3 * LINES_A_DUB)))
        # Every team begins with a run in all languages.
        owners = random.choices(teams, cum_weights=shares, k=size) if done else teams
        with timed(spent, "making"):
            dubs = new_dubs(owners, source, random if done else None)
            cues = [cue for dub in dubs for cue in new_cues(dub, source, rare_due[dub.team_id])]
        with transaction.atomic():
            with timed(spent, "storing"):
                lines = [as_line(cue) for cue in Cue.objects.bulk_create(cues)]
            with timed(spent, "indexing"):
                indexing.add_lines(lines)
        with timed(spent, "learning words"):
            vocabulary.add_words(map(index.make_entry, lines))
        done += len(lines)
        print(f"\r{done:,} lines", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    with connection.cursor() as cursor:
        if is_postgres:
            with timed(spent, "making GIN"):
                cursor.execute("set maintenance_work_mem = '256MB'")
                cursor.execute(definition)
            cursor.execute("vacuum analyze")
        else:
            cursor.execute("pragma wal_checkpoint(truncate)")
    indexing_s = spent["indexing"] + spent["making GIN"]
    print(f"{done:,} lines stored in {spent['storing']:.0f} s and indexed in {indexing_s:.0f} s, of it")
    print(f"{spent['making GIN']:.0f} s for GIN as a whole: {done / indexing_s:,.0f} lines a second;")
    print(f"their words learned in {spent['learning words']:.0f} s.")
    on_top = []
    for _ in range(DUBS_ON_TOP):
        [dub, *_] = new_dubs(teams[:1], source, random)
        lines = [as_line(cue) for cue in Cue.objects.bulk_create(new_cues(dub, source, []))]
        started = time.perf_counter()
        with transaction.atomic():
            indexing.add_lines(lines)
        on_top.append((time.perf_counter() - started) * 1000)
    print(f"One dub of {LINES_A_DUB} lines more: {shown(on_top)} ms (p50/p95).")


@contextmanager
def timed(spent: dict[str, float], what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    spent[what] += time.perf_counter() - started


def new_teams() -> list[Any]:
    from teams.models import Team, User

    owner = User.objects.create_user("bench@example.org")
    return [Team.objects.create_for(owner, f"Team {number}") for number in range(TEAMS)]


def new_dubs(owners: Sequence[Any], source: Lines, random: Random | None) -> list[Any]:
    """A run for each of these teams, in one to five languages, or in all of them."""
    from django.utils import timezone

    from results.models import Dub, Run

    last = Run.objects.order_by("-pk").values_list("camb_run_id", flat=True).first() or 0
    runs = Run.objects.bulk_create(
        Run(
            team=team,
            camb_run_id=number,
            title=f"Episode {number}",
            status=("ready", "partly")[number % 2],
            due_at=None,
        )
        for number, team in enumerate(owners, start=last + 1)
    )
    return Dub.objects.bulk_create(
        Dub(
            team_id=run.team_id,
            run=run,
            language=tag,
            media_fetched_at=timezone.now(),
            cue_count=LINES_A_DUB,
            audio_url="https://media.example/1.flac",
        )
        for run in runs
        for tag in (dict.fromkeys(source.language() for _ in range(random.randint(1, 5))) if random else LANGUAGES)
    )


def as_line(cue: Any) -> Any:
    from results.search.index import IndexLine

    said = (cue.speaker, cue.original_speaker, cue.text)
    return IndexLine(cue.pk, cue.team_id, cue.run_id, cue.dub.language, *said)


def new_cues(dub: Any, source: Lines, rare: list[str]) -> list[Any]:
    from results.models import Cue

    texts = list(source.speak(dub.language, LINES_A_DUB))
    if rare:
        texts[7] += f" {rare.pop()}"
    return [
        Cue(
            team_id=dub.team_id,
            run_id=dub.run_id,
            dub=dub,
            position=at,
            start_ms=3000 * at,
            end_ms=3000 * at + 2500,
            speaker=f"Speaker {at % 4}",
            text=text,
        )
        for at, text in enumerate(texts, start=1)
    ]


def print_size() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "select count(*), pg_relation_size('results_search_terms'), "
                "pg_total_relation_size('results_search'), pg_database_size(current_database()) from results_cue"
            )
        else:
            cursor.execute(
                "select count(*), (select sum(length(block)) from results_search_data), "
                "(select sum(length(block)) from results_search_data) + (select sum(length(sz) + 8) from "
                "results_search_docsize), (select page_count * page_size from pragma_page_count, pragma_page_size) "
                "from results_cue"
            )
        lines, terms, index, everything = cursor.fetchone()
    sizes = {"the terms": terms, "all of the index": index, "everything": everything}
    print("Bytes a line:", ", ".join(f"{size / lines:.0f} {what}" for what, size in sizes.items()) + ".\n")


def by_size() -> list[Any]:
    from django.db.models import Count

    from teams.models import Team

    return list(Team.objects.annotate(runs_=Count("runs")).order_by("-runs_"))


# --- Servers -----------------------------------------------------------------------------------------


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            for _ in range(400):
                time.sleep(0.05)
                with socket.socket() as probe:
                    if not probe.connect_ex(("127.0.0.1", port)):
                        break
            yield f"127.0.0.1:{port}"
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def granian() -> Iterator[str]:
    port = free_port()
    [web] = [line for line in Path("Procfile").read_text().splitlines() if line.startswith("web: python ")]
    flags = web.replace("$HOST", "127.0.0.1").replace("$PORT", str(port)).split()[2:]
    with serving([sys.executable, *flags], port) as address:
        yield address


@contextmanager
def datasette_server(binary: str, folder: Path) -> Iterator[str]:
    about = {"databases": {"search": {"tables": {"results_cue": {"fts_table": "results_search", "fts_pk": "id"}}}}}
    metadata = folder / "datasette.json"
    metadata.write_text(json.dumps(about))
    port = free_port()
    file = str(folder / "search.sqlite3")
    with serving([binary, "serve", file, "--port", str(port), "--metadata", str(metadata)], port) as address:
        yield address


# --- Asking ------------------------------------------------------------------------------------------


def searches() -> dict[str, list[str]]:
    """What is typed, by kind."""
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
        "the whole team": ["lang:en", "-harbour"],
    }


def print_team(name: str, team: Any, server: str, datasette: str, repeat: int) -> None:
    from results.models import Cue
    from results.search.service import search

    lines = Cue.objects.filter(team=team).count()
    ways = ["bare", "search", "facets", "best", "http", *(["datasette", "lean"] if datasette else [])]
    titles = ["kind", "hits", *ways, "http busy"]
    print(f"The {name} team, {lines:,} lines; ms, p50/p95:\n")
    print("| " + " | ".join(titles) + " |\n" + "| --- " * len(titles) + "|")
    browser, other = (
        http_client(server, sign_in(team.memberships.first().user)),
        http_client(datasette) if datasette else None,
    )
    for kind, typed in searches().items():
        spent: dict[str, list[float]] = defaultdict(list)
        failed: set[str] = set()
        busy = 0.0
        for turn in range(repeat + 1):
            if turn == 1:  # the turn before has warmed up
                busy = busy_ms()
            for one in typed:
                for way, ask in ways_to_ask(team, one, browser, other).items():
                    started = time.perf_counter()
                    answer = ask()
                    if turn:
                        spent[way].append((time.perf_counter() - started) * 1000)
                    if answer is None:
                        failed.add(way)
        page = search(team.pk, typed[0])
        hits = f"{page.count:,}{'' if page.is_exact else '+'}"
        cells = ["fails" if way in failed else shown(spent[way]) if spent[way] else "" for way in ways]
        cells.append(f"{(busy_ms() - busy) / (repeat * len(typed)):.3g}")
        print(f"| {kind} | {hits} | " + " | ".join(cells) + " |", flush=True)
    print()


def ways_to_ask(team: Any, typed: str, browser: Any, datasette: Any) -> dict[str, Ask]:
    from django.db import connection

    from results.search import postgres
    from results.search.engine import engine
    from results.search.query import parse
    from results.search.service import search

    wanted = index.make_query(team.pk, parse(typed))
    assert wanted, typed
    expression = engine._expression(wanted)
    match = "terms @@ %s::tsquery" if engine is postgres else "results_search match %s"
    bare_sql = f"from results_search where {match}"
    column = "cue_id" if engine is postgres else "rowid"

    def bare() -> object:
        with connection.cursor() as cursor:
            cursor.execute(f"select {column} {bare_sql} order by {column} desc limit 50", [expression])
            return cursor.fetchall()

    ways: dict[str, Ask] = {
        "bare": bare,
        "search": lambda: search(team.pk, typed),
        "facets": lambda: search(team.pk, typed, with_facets=True),
        "best": lambda: search(team.pk, typed, best_first=True),
        "http": lambda: browser(f"/t/{team.slug}/search/hits/?q={quote(typed)}"),
    }
    if datasette and wanted.runs is None:
        asked = {"_search": expression, "_searchmode": "raw", "_sort_desc": "id", "_size": "50"}
        lean = asked | {"_nocount": "1", "_nosuggest": "1", "_nofacet": "1"}
        ways["datasette"] = lambda: datasette(f"/search/results_cue?{urlencode(asked)}")
        ways["lean"] = lambda: datasette(f"/search/results_cue.json?{urlencode(lean)}")
    return ways


def busy_ms() -> float:
    """How long the servers of the fragment have been busy: granian's processes and their database connections."""
    from django.db import connection

    pids = descendants(os.getpid())
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            )
            pids += [pid for (pid,) in cursor.fetchall()]
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"granian" in command or b"postgres" in command:
            TICKS[pid] = int(fields[11]) + int(fields[12])
    return sum(TICKS.values()) * 1000 / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [pid for child in children for pid in descendants(child)]


def sign_in(user: Any) -> str:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def http_client(address: str, cookie: str = "") -> Callable[[str], object]:
    """Ask over one connection that is kept; None when the answer is an error."""
    connection = http.client.HTTPConnection(address, timeout=60)
    headers = {"Cookie": cookie, "HX-Request": "true", "Accept-Encoding": "gzip"}

    def get(path: str) -> object:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == 200 else None

    return get


def shown(times: Sequence[float]) -> str:
    ordered = sorted(times)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{statistics.median(ordered):.3g} / {last:.3g}"


if __name__ == "__main__":
    main()
