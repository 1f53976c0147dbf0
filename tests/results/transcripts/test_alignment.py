"""Alignment of two dubs, in pairs and in rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.transcripts.alignment import align, align_in_rows
from tests.results.exports.cases import cues, make_cue, steady


def dub(*times):
    return [make_cue("x", position, start, end) for position, (start, end) in enumerate(times, start=1)]


def aligned_rows(one, two):
    """Return the positions of both dubs' lines in each row."""
    return [
        ([cue.position for cue in row.cues], [cue.position for cue in row.others])
        for row in align_in_rows(dub(*one), dub(*two))
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
            [(0, 9), (50, 59)],
            [(20, 29), (50, 59)],
            [([1], []), ([], [1]), ([2], [2])],
            id="without a counterpart in between",
        ),
        pytest.param(
            [(0, 9), (9, 30)], [(0, 10)], [([1], [1]), ([2], [])], id="a short overlap makes no counterpart"
        ),
    ],
)
def test_lines_that_say_the_same_share_a_row(one, two, rows):
    assert aligned_rows(one, two) == rows


times = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), max_size=20).map(
    lambda spans: sorted((start, start + length) for start, length in spans)
)


@steady
@given(times, times)
def test_every_line_is_in_one_row_and_rows_are_in_time_order(one, two):
    rows = align_in_rows(dub(*one), dub(*two))
    assert sorted(cue.position for row in rows for cue in row.cues) == list(range(1, len(one) + 1))
    assert sorted(cue.position for row in rows for cue in row.others) == list(range(1, len(two) + 1))
    assert all(row.cues or row.others for row in rows)
    starts = [row.start_ms for row in rows]
    assert starts == sorted(starts)


@steady
@given(times)
def test_dub_without_overlaps_is_aligned_with_itself_line_by_line(spans):
    separate = sorted({(start * 100, start * 100 + 50) for start, _ in spans})
    assert aligned_rows(separate, separate) == [([n], [n]) for n in range(1, len(separate) + 1)]


def make_cues(*spans: tuple[int, int], letter: str):
    return [make_cue(f"{letter}{n}", n, *span) for n, span in enumerate(spans, start=1)]


def aligned_texts(first, second) -> list[tuple[str, str]]:
    return [(pair.text, pair.other_text) for pair in align(first, second)]


def test_cue_is_paired_with_the_cue_of_longest_overlap():
    first = make_cues((0, 1000), (1000, 2000), (2000, 3000), letter="a")
    second = make_cues((100, 900), (900, 1900), (2100, 2500), (2500, 2900), letter="b")
    assert aligned_texts(first, second) == [("a1", "b1"), ("a2", "b2"), ("a3", "b3\nb4")]


def test_cue_without_overlap_stands_alone_in_time_order():
    first = make_cues((0, 1000), (5000, 6000), letter="a")
    second = make_cues((1000, 2000), (3000, 4000), (9000, 9500), letter="b")
    assert aligned_texts(first, second) == [("a1", ""), ("", "b1"), ("", "b2"), ("a2", ""), ("", "b3")]


def test_pair_has_the_times_and_speaker_of_its_leading_cue():
    first = [make_cue("a", 1, 0, 1000, "Anna")]
    second = [make_cue("b", 1, 100, 1500, "Ana"), make_cue("c", 2, 8000, 8000, "Ben")]
    assert [(pair.span, pair.speaker) for pair in align(first, second)] == [
        ((0, 1000), "Anna"),
        ((8000, 8001), "Ben"),
    ]


def test_cues_beside_an_empty_dub_stand_alone():
    assert aligned_texts([], make_cues((0, 1), letter="b")) == [("", "b1")]
    assert aligned_texts(make_cues((0, 1), letter="a"), []) == [("a1", "")]


@steady
@given(cues, cues)
def test_every_cue_is_in_exactly_one_pair_in_order(first, second):
    pairs = align(first, second)
    assert [cue for pair in pairs for cue in pair.cues] == first
    assert sorted(cue.position for pair in pairs for cue in pair.others) == [cue.position for cue in second]
    starts = [pair.span[0] for pair in pairs]
    assert starts == sorted(starts)
