"""How durations and sizes read in a sentence."""

from datetime import timedelta

import pytest

from dashboard.units import duration_in_words, size_in_words


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(hours=1), "an hour"),
        (timedelta(hours=2), "two hours"),
        (timedelta(days=1), "a day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=3), "three days"),
        (timedelta(days=7), "a week"),
        (timedelta(days=30), "30 days"),
        (timedelta(days=365), "a year"),
    ],
)
def test_a_duration_reads_as_in_a_sentence(duration, words):
    assert duration_in_words(duration) == words


@pytest.mark.parametrize(("size_bytes", "words"), [(2**20, "1 MB"), (3 * 2**19, "1.5 MB"), (20 * 2**20, "20 MB")])
def test_a_size_has_no_more_decimals_than_needed(size_bytes, words):
    assert size_in_words(size_bytes) == words
