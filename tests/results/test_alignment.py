"""Two dubs, line beside line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results import alignment
from tests.results.exports.cases import make_cue, steady


def dub(*times):
    return [make_cue("x", position, start, end) for position, (start, end) in enumerate(times, start=1)]


def beside(one, two):
    """The positions of the lines in each row."""
    return [
        ([cue.position for cue in row.cues], [cue.position for cue in row.others])
        for row in alignment.rows(dub(*one), dub(*two))
    ]


@pytest.mark.parametrize(
    ("one", "two", "rows"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([(0, 9)], [], [([1], [])], id="only one"),
        pytest.param([], [(0, 9)], [([], [1])], id="only the other"),
        pytest.param([(0, 9), (10, 19)], [(1, 8), (11, 18)], [([1], [1]), ([2], [2])], id="line by line"),
        pytest.param([(0, 20)], [(0, 9), (10, 19)], [([1], [1, 2])], id="one becomes two"),
        pytest.param([(0, 9), (10, 19)], [(0, 20)], [([1, 2], [1])], id="two become one"),
        pytest.param(
            [(0, 12), (12, 20), (21, 30)], [(0, 3), (4, 20)], [([1, 2], [1, 2]), ([3], [])], id="two beside two"
        ),
        pytest.param(
            [(0, 10), (10, 20), (20, 30)],
            [(1, 11), (11, 21), (21, 31)],
            [([1], [1]), ([2], [2]), ([3], [3])],
            id="a little late",
        ),
        pytest.param(
            [(0, 30), (40, 60), (70, 90)],
            [(0, 25), (30, 45), (50, 68)],
            [([1], [1]), ([2], [2]), ([3], [3])],
            id="line by line, one language ahead",
        ),
        pytest.param(
            [(0, 9), (50, 59)], [(20, 29), (50, 59)], [([1], []), ([], [1]), ([2], [2])], id="alone in between"
        ),
        pytest.param([(0, 9), (9, 30)], [(0, 10)], [([1], [1]), ([2], [])], id="a touch is no counterpart"),
    ],
)
def test_what_is_said_together_stands_together(one, two, rows):
    assert beside(one, two) == rows


times = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), max_size=20).map(
    lambda spans: sorted((start, start + length) for start, length in spans)
)


@steady
@given(times, times)
def test_every_line_stands_in_one_row_and_rows_are_in_the_order_of_time(one, two):
    rows = alignment.rows(dub(*one), dub(*two))
    assert sorted(cue.position for row in rows for cue in row.cues) == list(range(1, len(one) + 1))
    assert sorted(cue.position for row in rows for cue in row.others) == list(range(1, len(two) + 1))
    assert all(row.cues or row.others for row in rows)
    starts = [row.start_ms for row in rows]
    assert starts == sorted(starts)


@steady
@given(times)
def test_a_dub_beside_itself_is_row_by_row_when_nobody_overlaps(spans):
    apart = [(start * 100, start * 100 + 50) for start, _ in dict.fromkeys(spans)]
    apart = sorted(dict.fromkeys(apart))
    assert beside(apart, apart) == [([n], [n]) for n in range(1, len(apart) + 1)]
