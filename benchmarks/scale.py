"""Measures what each table takes per row, indexes included, from which docs/scale.md computes larger installations.

    .ci/with-services python -m benchmarks.scale

It fills the database that DATABASE_URL names, which must be empty, so run it with `.ci/with-services`.
"""

import argparse
import os
import random
import tempfile
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.lines import ENGLISH, Lines

if TYPE_CHECKING:
    from results.models import Dub


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--lines", type=int, default=20, help="lines of a run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DUBROOM_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "SECRET_KEY": "only for this measurement",
            "DEMO": "0",
        }
        _measure(options.runs, options.lines)


def _measure(runs: int, lines: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    _fill(runs, lines)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(
            "SELECT relname, reltuples, pg_total_relation_size(oid), pg_indexes_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relname LIKE 'results\\_%' AND reltuples >= 100 ORDER BY 3 DESC"
        )
        print(f"{'table':<28}{'rows':>10}{'bytes a row':>14}{'of which indexes':>18}")
        for name, rows, size, indexes in cursor.fetchall():
            print(f"{name:<28}{rows:>10,.0f}{size / rows:>14,.0f}{indexes / rows:>18,.0f}")


def _fill(runs: int, lines: int) -> None:
    """Store ready runs of ten teams, each with a dub, its lines in the index, its answer, and four calls."""
    from django.utils import timezone

    from results.models import Attempt, Call, Dub, RawAnswer, Run
    from teams.models import Team

    now = timezone.now()
    teams = [Team.objects.create(name=f"Team {number}", slug=f"team-{number}") for number in range(10)]
    made = Run.objects.bulk_create(
        Run(
            team=teams[number % 10],
            camb_run_id=number + 1,
            title=f"Episode {number}: the kettle is on",
            title_folded=f"episode {number}: the kettle is on",
            status=Run.Status.READY,
            due_at=None,
            checked_at=now,
            languages=["es-es"],
            cue_count=lines,
        )
        for number in range(runs)
    )
    link = "https://media.example.org/dubs/0123456789abcdef/output.mp4?Expires=1999999999&Signature=" + "x" * 300
    dubs = Dub.objects.bulk_create(
        Dub(team_id=run.team_id, run=run, language="es-es", camb_language="es-es", video_url=link, audio_url=link,
            media_fetched_at=now, cue_count=lines)
        for run in made
    )  # fmt: skip
    _store_lines(dubs, lines)
    # Random digits compress as badly as texts do.
    bodies = (zlib.compress(b"%d" % random.Random(run.pk).getrandbits(1600)) * lines for run in made)
    RawAnswer.objects.bulk_create(
        RawAnswer(run=run, body=body[: 60 * lines], size=120 * lines, fetched_at=now)
        for run, body in zip(made, bodies, strict=True)
    )
    for number in range(4):
        calls = Call.objects.bulk_create(
            Call(team_id=run.team_id, at=now - timedelta(minutes=number), ms=300, outcome="answered", run_count=5)
            for run in made[::5]
        )
        Attempt.objects.bulk_create(
            Attempt(call=calls[index // 5], run=run, change="1 dub ready") for index, run in enumerate(made)
        )


def _store_lines(dubs: "list[Dub]", lines: int) -> None:
    from results.models import Cue
    from results.search import indexing

    texts = Lines(1)
    for dub in dubs:
        cues = Cue.objects.bulk_create(
            Cue(
                team_id=dub.team_id,
                run_id=dub.run_id,
                dub=dub,
                position=position,
                start_ms=2000 * position,
                end_ms=2000 * position + 1800,
                speaker="Anna",
                text=text,
            )
            for position, text in enumerate(texts.speak(ENGLISH, lines), start=1)
        )
        indexing.add_cues(Cue.objects.filter(pk__gte=cues[0].pk, pk__lte=cues[-1].pk))


if __name__ == "__main__":
    main()
