"""How long an answer takes tells no one what other teams have."""

import re
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import make_dub, make_ready_run, make_run, make_searchable_dub, make_team

pytestmark = pytest.mark.django_db
GAP = 0.2
ROUNDS, TRIES = 40, 4


def gap_between(one: Callable[[], object], other: Callable[[], object]) -> float:
    """Return by what part the typical durations differ; the two take turns, so that a busy machine slows both."""
    durations: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, taken in zip((one, other), durations, strict=True):
            began = perf_counter()
            call()
            taken.append(perf_counter() - began)
    return abs(median(durations[0]) / median(durations[1]) - 1)


def has_no_gap(one: Callable[[], object], other: Callable[[], object]) -> bool:
    # A gap that is really there shows each time.
    return any(gap_between(one, other) < GAP for _ in range(TRIES))


OURS, THEIRS, NOWHERE = "kitchen", "brontosaurus", "dicraeosaurs"


@pytest.fixture
def ask_for(team, as_owner) -> Callable[..., str]:
    """Ask for a page of this name and return its text; THEIRS is a word of other teams alone, NOWHERE of none."""
    for number in range(10):
        lines = [f"a {THEIRS} in line {n}" for n in range(number * 20)]
        make_searchable_dub(make_ready_run(make_team()), lines)
    make_searchable_dub(make_ready_run(team), [f"the {OURS} in line {n}" for n in range(100)])

    def ask_for(name: str, *args: object, q: str = "") -> str:
        answer = as_owner.get(reverse(name, args=args), {"q": q} if q else {})
        body = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
        return re.sub(r"\b(\w{64}|\d{13})\b", "a token or a time", body)

    return ask_for


PAGES = ["search", "search-hits", "search-export"]
OBJECTS = ["runs-detail", "runs-history", "media-video", "media-captions", "runs-export-dub"]


@pytest.mark.parametrize("name", PAGES)
def test_a_word_of_another_team_is_looked_up_as_one_that_no_team_has(team, ask_for, name):
    def answer_to(word: str) -> tuple[str, int]:
        with CaptureQueriesContext(connection) as queries:
            return ask_for(name, team.slug, q=word).replace(word, "…"), len(queries)

    answer_to(OURS)  # the session then knows the team
    assert len(answer_to(OURS)[0]) > len(answer_to(THEIRS)[0])
    assert answer_to(THEIRS) == answer_to(NOWHERE)


@pytest.mark.thorough
@pytest.mark.parametrize("name", PAGES)
def test_a_word_of_another_team_takes_as_long_as_one_that_no_team_has(team, ask_for, name):
    assert has_no_gap(lambda: ask_for(name, team.slug, q=THEIRS), lambda: ask_for(name, team.slug, q=NOWHERE))


@pytest.mark.thorough
@pytest.mark.parametrize("name", OBJECTS)
def test_another_teams_object_takes_as_long_as_one_that_does_not_exist(ask_for, name):
    dub = make_dub(make_run(make_team()), ["Hello"] * 500, video_url="https://x.example/v.mp4")
    pk = dub.run_id if name in ("runs-detail", "runs-history") else dub.pk
    more = ["srt"] if name == "runs-export-dub" else []
    assert ask_for(name, pk, *more) == ask_for(name, 999_999, *more)
    assert has_no_gap(lambda: ask_for(name, pk, *more), lambda: ask_for(name, 999_999, *more))


@pytest.mark.thorough
def test_a_gap_is_noticed(team, ask_for):
    """The measurement above can fail: a page that is made takes longer than one that is refused."""
    run = make_dub(make_run(team), ["Hello"]).run
    assert gap_between(lambda: ask_for("runs-detail", run.pk), lambda: ask_for("runs-detail", 999_999)) > GAP
