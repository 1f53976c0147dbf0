"""Fixtures for the refresh engine: its clock, its team with a key, and a worker that runs what was enqueued."""

from datetime import timedelta

import pytest
from django.utils import timezone

from results import camb as camb_client
from results import clock as shared_clock
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
    monkeypatch.setattr(shared_clock, "now", lambda: now)
    return put


@pytest.fixture
def worker(enqueued):
    """Run enqueued tasks, oldest first, until none is left; returns how many tasks that took."""

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
    """Enqueue what is due, as beat does, and run tasks until none is left."""

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
