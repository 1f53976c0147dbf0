"""Failure reasons in plain words."""

import pytest

from results.camb.reasons import REASONS, explain


@pytest.mark.parametrize("reason", [*REASONS, "no such reason"])
def test_every_reason_is_explained_in_plain_words(reason: str) -> None:
    assert explain(reason.lower()) == REASONS.get(
        reason, "CAMB.AI gave the reason “no such reason”. Look the run up in CAMB.AI, or ask its support."
    )
