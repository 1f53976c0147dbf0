"""Tests that the stand-in keeps CAMB.AI's published contract for the bulk call, for generated requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
import yaml
from hypothesis import seed, settings
from schemathesis import Case

from demo.server import StandIn
from tests.factories import ready

CONTRACT = yaml.safe_load(Path(__file__).with_name("openapi.yaml").read_text())
# The published contract omits two answers: the one to a wrong key (other pages of the service document it), and
# FastAPI's answer to a body that is not text.
CONTRACT["paths"]["/dubbing-results"]["post"]["responses"] |= {
    "400": {"description": ""},
    "401": {"description": ""},
}
contract = schemathesis.openapi.from_dict(CONTRACT)
contract.config.generation.update(with_security_parameters=False)


@pytest.fixture(scope="module")
def generous_camb() -> Iterator[StandIn]:
    """A stand-in where every run is ready.

    Its scope is the module, because Hypothesis refuses fixtures with the scope of a function.
    """
    with StandIn() as stand_in:
        stand_in.runs.clear()
        stand_in.unknown = ready()
        yield stand_in


@contract.parametrize()
@seed(1)
@settings(max_examples=10, database=None)
def test_every_request_is_answered_as_published(generous_camb: StandIn, case: Case) -> None:
    case.call_and_validate(base_url=generous_camb.base_url, headers={"x-api-key": "demo-key"})
