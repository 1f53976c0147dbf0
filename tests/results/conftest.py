"""A stand-in CAMB.AI over real HTTP, and a bell that is heard at once or only noted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from results import camb as camb_client
from results import tasks
from results.refresh import ask
from tests import factories


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set: `clock(seconds)` puts it that much forward, or back."""
    now = timezone.now()

    def put(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    monkeypatch.setattr(timezone, "now", lambda: now)
    return put


@pytest.fixture
def worker(enqueued):
    """Do what was rung, oldest first, until all is quiet; returns how many tasks that took."""

    def work() -> int:
        done = 0
        while enqueued:
            name, *args = enqueued.pop(0)
            getattr(tasks, name)(*args)
            done += 1
        return done

    return work


@pytest.fixture
def make_key():
    return factories.make_key


@pytest.fixture
def team(make_key):
    """A team with a key that the stand-in accepts."""
    team = factories.make_team()
    make_key(team)
    return team


@pytest.fixture
def sweep(worker):
    """Ring as beat does, and work until all is quiet."""

    def sweep() -> None:
        ask.enqueue_due()
        worker()

    return sweep


@pytest.fixture
def during_the_call(monkeypatch):
    """Let something happen between CAMB.AI's answer and its being stored."""

    def happen(what) -> None:
        fetch = camb_client.Client.fetch

        def fetch_and_let_it_happen(*args):
            answers = fetch(*args)
            what()
            return answers

        monkeypatch.setattr(camb_client.Client, "fetch", fetch_and_let_it_happen)

    return happen
