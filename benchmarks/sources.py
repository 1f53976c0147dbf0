"""Measures the list by source, the Filter menu and the table of languages, against the plain list of runs.

    python -m benchmarks.sources [--runs 100000]

Django's test client opens each page, so the times are those of the server. The database is that of DATABASE_URL,
which should be empty, or else SQLite in a temporary folder. Half of the runs are alone, and half share a source
with seven others.
"""

import argparse
import os
import random
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

    from teams.models import Team

REPEAT = 15
LANGUAGES = ("es-es", "fr-fr", "de-de", "it-it", "ja-jp", "pt-br", "hi-in", "pl-pl")
STATUSES = {"ready": 85, "failed": 3, "waiting": 6, "partly": 6}
FILTERS = ("", "order=oldest", "status=ready", "status=failed", "q=Film+77")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DUBROOM_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATABASE_URL": os.environ.get("DATABASE_URL", f"sqlite:///{Path(folder) / 'sources.sqlite3'}"),
            "SECRET_KEY": "only for this measurement",
            "ALLOWED_HOSTS": "testserver",
            "DEMO": "0",
        }
        client, team = prepare(options.runs)
        lists, table = f"/t/{team.slug}/runs/", f"/t/{team.slug}/sources/languages/"
        for text in FILTERS:
            plain, by_source = (median_ms(client, f"{lists}?{text}{by}") for by in ("", "&by=source"))
            name, ratio = text or "no filter", by_source / plain
            print(f"{name:<16}{plain:6.0f} ms by run{by_source:6.0f} ms by source, {ratio:.2f}")
        for text in FILTERS:
            print(f"menu {text or 'no filter':<16}{median_ms(client, f'{lists}filters/?{text}'):6.0f} ms")
        for text in ("", "all=1", "missing=fr-fr"):
            print(f"languages {text:<16}{median_ms(client, f'{table}?{text}'):6.0f} ms")


def prepare(runs: int) -> "tuple[Client, Team]":
    """Fill the database; return a client that is signed in as the owner of the team."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from teams.models import Team, User

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    user = User.objects.create_user("owner@example.org")
    team = Team.objects.create_for(user, "Sources")
    add_runs(team, runs)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client, team


def add_runs(team: "Team", total: int) -> None:
    """Add this many runs with one dub each; of each sixteen, eight are of one source."""
    from django.utils import timezone

    from results.models import Dub, Run, Source

    chance, size = random.Random(1), len(LANGUAGES)
    sources = Source.objects.bulk_create(
        Source(team=team, title=f"Film {n}") for n in range(-(-total // (2 * size)))
    )
    runs = Run.objects.bulk_create(
        (
            Run(
                team=team,
                camb_run_id=number + 1,
                title=f"Film {number // size} ({LANGUAGES[number % size]})",
                status=chance.choices(list(STATUSES), list(STATUSES.values()))[0],
                due_at=None,
                duration_ms=60_000,
                cue_count=20,
                is_compared=True,
                languages=[LANGUAGES[number % size]],
                source=sources[number // (2 * size)] if number % (2 * size) < size else None,
            )
            for number in range(total)
        ),
        batch_size=5000,
    )
    Dub.objects.bulk_create(
        (
            Dub(
                team=team,
                run=run,
                language=run.languages[0],
                camb_language=run.languages[0],
                media_fetched_at=timezone.now(),
                audio_url="https://media.example/1.mp3",
                cue_count=20,
            )
            for run in runs
        ),
        batch_size=5000,
    )


def median_ms(client: "Client", address: str) -> float:
    client.get(address)
    times = []
    for _ in range(REPEAT):
        started = perf_counter()
        assert client.get(address).status_code == 200, address
        times.append((perf_counter() - started) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
