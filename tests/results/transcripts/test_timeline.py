"""A dub seen from afar."""

from hypothesis import given
from hypothesis import strategies as st

from results.transcripts import timeline
from results.transcripts.timeline import SpeechBlock
from tests.results.exports.cases import make_cue, steady


def cues(*said):
    return [make_cue("x", 1, start, end, speaker) for speaker, start, end in said]


def test_who_speaks_when():
    said = cues(("Anna", 0, 1000), ("Ben", 1000, 3000), ("Anna", 5000, 10_000))
    assert timeline.blocks(said, 10_000, 10) == [
        SpeechBlock("Anna", 0, 1),
        SpeechBlock("Ben", 1, 3),
        SpeechBlock("Anna", 5, 10),
    ]
    assert timeline.ticks(said, 10_000, 10) == [0, 1, 5]


def test_lines_of_one_speaker_that_touch_are_one_block():
    said = cues(("Anna", 0, 1000), ("Anna", 1000, 2000), ("Anna", 4000, 5000))
    assert timeline.blocks(said, 10_000, 10) == [SpeechBlock("Anna", 0, 2), SpeechBlock("Anna", 4, 5)]


def test_who_speaks_first_covers_whoever_joins_in():
    said = cues(("Anna", 0, 5000), ("Ben", 1000, 2000), ("Cem", 4000, 7000))
    assert timeline.blocks(said, 10_000, 10) == [SpeechBlock("Anna", 0, 5), SpeechBlock("Cem", 5, 7)]


def test_a_line_without_length_or_out_of_bounds_is_still_inside():
    assert timeline.blocks(cues(("Anna", 3000, 3000)), 10_000, 10) == [SpeechBlock("Anna", 3, 4)]
    assert timeline.blocks(cues(("Anna", -9, 99_000)), 10_000, 10) == [SpeechBlock("Anna", 0, 10)]
    assert timeline.ticks(cues(("Anna", -9, 0), ("Ben", 99_000, 99_001)), 10_000, 10) == [0, 9]
    assert timeline.blocks(cues(("Anna", 0, 0)), 0, 10) == [SpeechBlock("Anna", 0, 1)]


def test_each_column_of_the_skyline_is_as_high_as_its_loudest_part():
    assert timeline.skyline(bytes([0, 255, 51, 0, 0, 0]), 3, 10) == "M0 10V0h1V8h1V10h1V10z"


moments = st.integers(-1000, 60_000)


@steady
@given(
    st.lists(st.tuples(st.sampled_from(["Anna", "Ben", ""]), moments, moments), max_size=60), st.integers(0, 50_000)
)
def test_there_is_at_most_one_thing_a_column(said, length_ms):
    lines = cues(*sorted(said, key=lambda cue: cue[1]))
    blocks = timeline.blocks(lines, length_ms, 20)
    edges = [edge for block in blocks for edge in (block.start, block.end)]
    assert edges == sorted(edges)
    assert all(0 <= block.start < block.end <= 20 for block in blocks)
    assert bool(blocks) == bool(lines)
    ticks = timeline.ticks(lines, length_ms, 20)
    assert ticks == sorted(set(ticks))
    assert set(ticks) <= set(range(20))
