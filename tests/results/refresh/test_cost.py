"""What a call costs besides waiting for CAMB.AI, in calls of functions: they are the same on any machine."""

import sys
from typing import Any

import pytest
from django.db import connection

from results.camb import odd_times
from results.camb.times import Line
from results.models import Run
from results.refresh import ask, claims
from tests.factories import make_numbered_runs

pytestmark = pytest.mark.django_db

CALLS = 16
TEXTS = ("The kitchen is at the end of the hall.", "We will be there by nine o'clock, I hope.", "No.", "Why not?")


def finished(lines: int) -> dict[str, Any]:
    transcript = [
        {"start": 2 * at, "end": 2 * at + 1.5, "speaker": f"Speaker {at % 4}", "text": TEXTS[at % 4]}
        for at in range(lines)
    ]
    return {"audio_url": "https://media.example/1.mp3", "transcript": transcript}


def functions_called(lease: claims.Lease) -> int:
    called = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        ask.refresh_lease(lease)
    finally:
        sys.setprofile(None)
    return called


# The driver of PostgreSQL converts values in Python, that of SQLite in C.
MOST = (4_200, 25_500) if connection.vendor == "sqlite" else (5_400, 37_500)


@pytest.mark.parametrize(("answer", "most"), [(None, MOST[0]), (finished(20), MOST[1])])
def test_a_call_costs_few_calls_of_functions(camb, team, settings, answer, most):
    settings.REFRESH_CALLS_PER_KEY, settings.REFRESH_CALLS_PER_SECOND = 1, 1000
    make_numbered_runs(team, 2 * 5 * CALLS)
    camb.unknown = answer
    ask.refresh_lease(claims.claim(team.pk))  # fills the caches of names, columns and words
    lease = claims.claim(team.pk)
    assert len(lease.runs) == 5 * CALLS
    assert functions_called(lease) / CALLS < most
    assert Run.objects.filter(checked_at__isnull=False).count() == 2 * 5 * CALLS


def test_the_paces_of_a_usual_transcript_are_not_looked_at(monkeypatch):
    monkeypatch.setattr(odd_times, "spoken_paces", lambda _: pytest.fail("the lines are in seconds"))
    lines = [Line(2.0 * at, 2.0 * at + 1.5, "Anna", TEXTS[at % 4]) for at in range(20)]
    assert odd_times.in_seconds(lines, 0, may_guess=True) == (lines, "")
