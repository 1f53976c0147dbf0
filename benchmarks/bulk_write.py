"""Measures how much faster `results.db.bulk` writes rows than the ORM's bulk methods do.

Writes cues, raw answers and run updates on SQLite in a temporary folder, or on the database of DATABASE_URL, whose
name must hold "bench". Each time is the least of several rounds, per row, within a transaction that is rolled back.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable

ROUNDS = 7
RUN_FIELDS = ["status", "notes", "due_at", "attempts", "checked_at", "version"]


def prepare(folder: str) -> None:
    """Set up Django with a migrated database of its own."""
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
    if "bench" not in os.environ["DATABASE_URL"].rpartition("/")[2]:
        raise SystemExit('The name of the database must hold "bench".')
    os.environ |= {
        "DUBROOM_DATA_DIR": folder,
        "DEMO": "0",
        "SECRET_KEY": "only-for-benchmarks-and-long-enough",
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def seconds(write: Callable[[], object]) -> float:
    """Return the least time that this takes in a transaction, which is rolled back each time."""
    from django.db import transaction

    times = []
    for _ in range(ROUNDS):
        with transaction.atomic():
            began = time.perf_counter()
            write()
            times.append(time.perf_counter() - began)
            transaction.set_rollback(True)
    return min(times)


def measure(rows: int) -> None:
    from django.db import transaction
    from django.utils import timezone

    from results.db import bulk
    from results.models import Cue, Dub, RawAnswer, Run
    from teams.models import Team

    now = timezone.now()
    with transaction.atomic():
        team = Team.objects.create(name="Bench", slug="bench-bulk-write")
        Run.objects.bulk_create(Run(team=team, camb_run_id=number) for number in range(1, rows + 1))
        runs = list(Run.objects.filter(team=team))
        dub = Dub.objects.create(team=team, run=runs[0], media_fetched_at=now)
        cue_fields = ["team", "run", "dub", "position", "start_ms", "end_ms", "speaker", "original_speaker", "text"]
        cue_ids = (team.pk, runs[0].pk, dub.pk)
        values = [
            (*cue_ids, number, number * 1000, number * 1000 + 900, "Anna", "", f"The words of line {number}.")
            for number in range(rows)
        ]
        names = ["team_id", "run_id", "dub_id", *cue_fields[3:]]
        answers = [RawAnswer(run=run, body=b"{}" * 100, size=200, fetched_at=now) for run in runs]
        answer_fields = ["body", "size", "is_cut", "fetched_at"]
        for run in runs:
            run.status, run.due_at, run.checked_at, run.attempts = Run.Status.WAITING, now, now, run.pk % 7
        cases: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "insert cues": (
                lambda: bulk.insert_values(Cue, cue_fields, values),
                lambda: Cue.objects.bulk_create(Cue(**dict(zip(names, row, strict=True))) for row in values),
            ),
            "insert or replace raw answers": (
                lambda: bulk.insert(answers, replace=True),
                lambda: RawAnswer.objects.bulk_create(
                    answers, update_conflicts=True, unique_fields=["run"], update_fields=answer_fields
                ),
            ),
            "update runs": (
                lambda: bulk.update(Run, runs, RUN_FIELDS),
                lambda: Run.objects.bulk_update(runs, RUN_FIELDS),
            ),
        }
        print(f"\n{rows} rows: microseconds a row, bulk and ORM")
        for name, (raw, orm) in cases.items():
            fast, slow = seconds(raw) / rows * 1e6, seconds(orm) / rows * 1e6
            print(f"  {name:30} {fast:8.1f} {slow:8.1f}   {slow / fast:.1f}x", flush=True)
        transaction.set_rollback(True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk_write", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20, 200, 2000])
    with tempfile.TemporaryDirectory(prefix="dubroom-bench-") as folder:
        prepare(folder)
        for rows in parser.parse_args().rows:
            measure(rows)


if __name__ == "__main__":
    main()
