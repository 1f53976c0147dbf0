"""The stand-in CAMB.AI, and a clock for it that a test sets."""

from collections.abc import Iterator

import pytest

from demo.server import StandIn


class Clock:
    """A clock that stands still; `now` is in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stand_in(clock) -> Iterator[StandIn]:
    """The stand-in CAMB.AI with the runs of the demo."""
    with StandIn(clock=clock) as stand_in:
        yield stand_in
