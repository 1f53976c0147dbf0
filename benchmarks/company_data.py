"""Fills the database of `benchmarks.company`, and says how far a sweep is."""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.engine import KEY
from benchmarks.lines import ENGLISH, Lines
from benchmarks.servers import sign_in

TEXTS = 20_000  # different lines; more would only take time
RUNS_PER_BATCH = 25


@dataclass
class Company:
    """The people with an open list (cookie, team, runs of the team), and words that their lines contain."""

    people: list[tuple[str, str, list[int]]]
    words: list[str]

    def leased(self) -> list[int]:
        """Return the runs that workers are asking about now."""
        from results.models import Run

        with connected():
            return list(Run.objects.filter(lease__isnull=False, leased_by__isnull=False).pks())

    def seconds_until_asked_again(self, runs: Sequence[int], since: float) -> float:
        """Return how long after `since` all these runs have been asked about or have a lease of a living worker."""
        from results import clock
        from results.models import Run, WorkerHeartbeat

        with connected():
            killed_at = clock.now() - timedelta(seconds=time.monotonic() - since)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                left = Run.objects.filter(pk__in=runs).exclude(checked_at__gt=killed_at)
                fresh = WorkerHeartbeat.objects.filter(seen_at__gt=killed_at + timedelta(seconds=1))
                if not left.exclude(leased_by__in=fresh.values("pk")).exists():
                    return time.monotonic() - since
                time.sleep(0.1)
        return float("inf")


def fill(options: argparse.Namespace) -> Company:
    """Store the teams with their keys, people, runs and lines, and index these."""
    from django.core.management import call_command
    from django.db import connection

    from benchmarks.search_data import _drop_terms_index
    from results.models import ApiKey, Run
    from teams.models import Team, User

    call_command("migrate", verbosity=0)
    began = time.monotonic()
    teams, people = [], []
    for number in range(options.teams):
        owner = User.objects.create(email=f"owner{number}@example.org")
        team = Team.objects.create_for(owner, f"Team {number}")
        key = ApiKey(team=team, state=ApiKey.State.WORKING)
        key.secret = KEY
        key.save()
        teams.append(team)
    for number in range(options.tabs):
        team = teams[number % len(teams)]
        people.append((sign_in(team, number), team))
    Run.objects.bulk_create(
        (
            Run(team=teams[number % len(teams)], camb_run_id=number + 1, title=f"Waiting {number}",
                title_folded=f"waiting {number}", status="waiting", is_compared=True)
            for number in range(options.sweep)
        ),
        batch_size=1000,
    )  # fmt: skip
    Run.objects.update(due_at=None)
    index = _drop_terms_index()
    texts = list(Lines(1).speak(ENGLISH, min(TEXTS, options.lines)))
    add_lines(teams, options.runs - options.sweep, options.lines, texts)
    with connection.cursor() as cursor:
        cursor.execute(index)
        cursor.execute("VACUUM ANALYZE")
    print(f"{options.lines:,} lines in {options.runs:,} runs of {options.teams} teams after "
          f"{time.monotonic() - began:.0f} s.", flush=True)  # fmt: skip
    runs = {team.pk: list(team.runs.filter(status="ready").pks()[:20]) for team in teams}
    words = sorted({word.strip(".,!?").lower() for text in texts[:500] for word in text.split() if len(word) > 3})
    return Company([(cookie, team.slug, runs[team.pk]) for cookie, team in people], words)


def add_lines(teams: Sequence[Any], runs: int, lines: int, texts: Sequence[str], *, indexed: bool = True) -> None:
    """Store ready runs of these teams in turn, with so many lines together, and index these.

    Workers find nothing left to do about them: what they would do once is no part of the load.
    """
    from django.db import transaction
    from django.utils import timezone

    from results.models import Cue, Dub, Run
    from results.search import index, indexing, vocabulary

    now, chance = timezone.now(), random.Random(5)
    per_run = -(-lines // runs)
    for numbers in _batches(range(runs)):
        with transaction.atomic():
            stored = Run.objects.bulk_create(
                Run(team=teams[number % len(teams)], camb_run_id=10**6 + number, title=f"Episode {number}",
                    title_folded=f"episode {number}", status="ready", due_at=None, checked_at=now,
                    languages=["en-us"], cue_count=per_run, is_compared=True)
                for number in numbers
            )  # fmt: skip
            dubs = Dub.objects.bulk_create(
                Dub(team_id=run.team_id, run=run, language="en-us", camb_language="en-us", media_fetched_at=now,
                    video_url="https://media.example.invalid/1.mp4", cue_count=per_run, is_language_detected=True,
                    has_current_checks=True)
                for run in stored
            )  # fmt: skip
            cues = Cue.objects.bulk_create(
                Cue(team_id=dub.team_id, run_id=dub.run_id, dub=dub, position=at, start_ms=2000 * at,
                    end_ms=2000 * at + 1800, speaker="Anna", text=chance.choice(texts))
                for dub in dubs
                for at in range(1, per_run + 1)
            )  # fmt: skip
            if not indexed:
                continue
            entered = [
                index.IndexLine(cue.pk, cue.team_id, cue.run_id, "en-us", cue.speaker, "", cue.text) for cue in cues
            ]
            indexing.add_lines(entered)
        vocabulary.add_words(map(index.make_entry, entered))


def _batches(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), RUNS_PER_BATCH):
        yield numbers[start : start + RUNS_PER_BATCH]


def make_due(number: int) -> None:
    """Make this many unfinished runs due, and note when, for `swept`."""
    from results import clock
    from results.models import Run

    with connected():
        now = clock.now()
        _swept_since[:] = [now]
        Run.objects.filter(camb_run_id__lte=number).update(due_at=now)


def swept(number: int, patience_s: float) -> int:
    """Return how many of these runs are not asked about since they were made due, after at most `patience_s`."""
    from django.db import DatabaseError

    from results.models import Run

    deadline = time.monotonic() + patience_s
    while True:
        left = number
        with suppress(DatabaseError), connected():
            asked = Run.objects.filter(camb_run_id__lte=number, checked_at__gte=_swept_since[0]).count()
            left = number - asked
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


@contextmanager
def connected() -> Iterator[None]:
    """Use a connection of this thread that ends here: one that is kept may be to a database that was killed."""
    from django.db import connection

    connection.close()
    try:
        yield
    finally:
        connection.close()


_swept_since = [datetime(2000, 1, 1, tzinfo=UTC)]
