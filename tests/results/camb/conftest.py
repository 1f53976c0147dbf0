"""A stand-in CAMB.AI over real HTTP, and a client for it."""

from collections.abc import Iterator

import pytest

from demo.server import StandIn
from results.camb import Client
from tests.results.camb.cases import KEY, make_client


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn(keys=[KEY]) as stand_in:
        stand_in.runs = {n: {"audio_url": f"https://cdn.example/{n}.mp3"} for n in range(1, 8)}
        yield stand_in


@pytest.fixture
def client(stand_in: StandIn) -> Iterator[Client]:
    with make_client(stand_in) as client:
        yield client
