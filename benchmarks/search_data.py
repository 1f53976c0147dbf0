"""Fills a database with the teams, runs and transcripts of a big installation, and measures what storing costs."""

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.lines import LANGUAGES, RARE, Lines
from benchmarks.servers import postgres_database
from benchmarks.timing import percentiles, timed

TEAMS = 100
LINES_PER_DUB = 200
RUNS_PER_BATCH = 50
EXTRA_DUBS = 20
POSTGRES_NAME = "dubroom_searchbench"


@contextmanager
def filled(database: str, lines: int, options: argparse.Namespace) -> Iterator[Path]:
    """Set up Django on a database with this number of lines, and yield the folder of its data."""
    with ExitStack() as stack:
        folder = (options.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))) / str(lines)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ |= {
            "DUBROOM_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "SECRET_KEY": "only for this measurement",
            "DEMO": "0",
        }
        if database == "postgres":
            name = f"{POSTGRES_NAME}_{lines}"
            os.environ["DATABASE_URL"] = stack.enter_context(
                postgres_database(options.postgres, name, options.keep)
            )
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
            _fill(lines)
        yield folder


def _fill(total: int) -> None:
    """Store and index at least `total` lines, many dubs at a time, and print how long each step took."""
    source, random, teams = Lines(), Random(2), _new_teams()
    spent_s: dict[str, float] = defaultdict(float)
    index_definition = _drop_terms_index()
    count = _store_batches(total, teams, source, random, spent_s)
    _finish(index_definition, spent_s)
    indexing_s = spent_s["indexing"] + spent_s["making GIN"]
    print(f"{count:,} lines stored in {spent_s['storing']:.0f} s and indexed in {indexing_s:.0f} s, of it")
    print(f"{spent_s['making GIN']:.0f} s for GIN as a whole: {count / indexing_s:,.0f} lines a second;")
    print(f"their words learned in {spent_s['learning words']:.0f} s.")
    _time_extra_dubs(teams[0], source, random)


def _drop_terms_index() -> str:
    """Drop PostgreSQL's index of the terms, and return the statement that creates it; "" on SQLite.

    A restore does the same: the index is created once, after all rows are stored.
    """
    from django.db import connection

    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("select indexdef from pg_indexes where indexname = 'results_search_terms'")
        [definition] = cursor.fetchone()
        cursor.execute("drop index results_search_terms")
    return str(definition)


def _store_batches(
    total: int, teams: Sequence[Any], source: Lines, random: Random, spent_s: dict[str, float]
) -> int:
    """Store at least `total` lines and return their number. Every team begins with a run in all languages."""
    from django.db import transaction

    from results.models import Cue
    from results.search import index, indexing, vocabulary

    shares = list(accumulate(1 / rank for rank in range(1, TEAMS + 1)))
    rare_due: dict[int, list[str]] = {team.pk: [*RARE] * 3 for team in teams}
    done = 0
    while done < total:
        size = min(RUNS_PER_BATCH, -(-(total - done) // (3 * LINES_PER_DUB)))
        owners = random.choices(teams, cum_weights=shares, k=size) if done else teams
        with timed(spent_s, "making"):
            dubs = _new_dubs(owners, source, random if done else None)
            cues = [cue for dub in dubs for cue in _new_cues(dub, source, rare_due[dub.team_id])]
        with transaction.atomic():
            with timed(spent_s, "storing"):
                lines = [_index_line(cue) for cue in Cue.objects.bulk_create(cues)]
            with timed(spent_s, "indexing"):
                indexing.add_lines(lines)
        with timed(spent_s, "learning words"):
            vocabulary.add_words(map(index.make_entry, lines))
        done += len(lines)
        print(f"\r{done:,} lines", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return done


def _finish(index_definition: str, spent_s: dict[str, float]) -> None:
    """Create PostgreSQL's index again and collect statistics; on SQLite, write the WAL back to the file."""
    from django.db import connection

    with connection.cursor() as cursor:
        if index_definition:
            with timed(spent_s, "making GIN"):
                cursor.execute("set maintenance_work_mem = '256MB'")
                cursor.execute(index_definition)
            cursor.execute("vacuum analyze")
        else:
            cursor.execute("pragma wal_checkpoint(truncate)")


def _time_extra_dubs(team: Any, source: Lines, random: Random) -> None:
    """Print how long indexing one more dub takes in the full database."""
    from django.db import transaction

    from results.models import Cue
    from results.search import indexing

    times_ms = []
    for _ in range(EXTRA_DUBS):
        [dub, *_] = _new_dubs([team], source, random)
        lines = [_index_line(cue) for cue in Cue.objects.bulk_create(_new_cues(dub, source, []))]
        started = time.perf_counter()
        with transaction.atomic():
            indexing.add_lines(lines)
        times_ms.append((time.perf_counter() - started) * 1000)
    print(f"One dub of {LINES_PER_DUB} lines more: {percentiles(times_ms)} ms (p50/p95).")


def _new_teams() -> list[Any]:
    from teams.models import Team, User

    owner = User.objects.create_user("bench@example.org")
    return [Team.objects.create_for(owner, f"Team {number}") for number in range(TEAMS)]


def _new_dubs(owners: Sequence[Any], source: Lines, random: Random | None) -> list[Any]:
    """Create a run for each of these teams, in one to five random languages, or without `random` in all of them."""
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
            cue_count=LINES_PER_DUB,
            audio_url="https://media.example/1.flac",
        )
        for run in runs
        for tag in (dict.fromkeys(source.language() for _ in range(random.randint(1, 5))) if random else LANGUAGES)
    )


def _new_cues(dub: Any, source: Lines, rare: list[str]) -> list[Any]:
    """Return unsaved cues of a dub; one of them takes a word from `rare`, as long as any is left."""
    from results.models import Cue

    texts = list(source.speak(dub.language, LINES_PER_DUB))
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


def _index_line(cue: Any) -> Any:
    from results.search.index import IndexLine

    texts = (cue.speaker, cue.original_speaker, cue.text)
    return IndexLine(cue.pk, cue.team_id, cue.run_id, cue.dub.language, *texts)


def print_size() -> None:
    """Print the bytes that each line takes in the index and in the database."""
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
        lines, terms, index_bytes, everything = cursor.fetchone()
    sizes = {"the terms": terms, "all of the index": index_bytes, "everything": everything}
    print("Bytes a line:", ", ".join(f"{size / lines:.0f} {what}" for what, size in sizes.items()) + ".\n")


def teams_by_size() -> list[Any]:
    """Return all teams, the one with the most runs first."""
    from django.db.models import Count

    from teams.models import Team

    return list(Team.objects.annotate(runs_=Count("runs")).order_by("-runs_"))
