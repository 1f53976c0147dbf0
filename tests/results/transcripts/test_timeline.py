"""The overview of a dub: blocks of speech, starts of lines, and the outline of the waveform."""

from hypothesis import given
from hypothesis import strategies as st

from results.transcripts import timeline
from results.transcripts.timeline import SpeechBlock
from tests.results.exports.cases import make_cue, steady


def cues(*spoken):
    return [make_cue("x", 1, start, end, speaker) for speaker, start, end in spoken]


def test_blocks_and_ticks_show_the_speech_of_each_speaker():
    lines = cues(("Anna", 0, 1000), ("Ben", 1000, 3000), ("Anna", 5000, 10_000))
    assert timeline.blocks(lines, 10_000, 10) == [
        SpeechBlock("Anna", 0, 1),
        SpeechBlock("Ben", 1, 3),
        SpeechBlock("Anna", 5, 10),
    ]
    assert timeline.ticks(lines, 10_000, 10) == [0, 1, 5]


def test_adjacent_lines_of_one_speaker_are_one_block():
    lines = cues(("Anna", 0, 1000), ("Anna", 1000, 2000), ("Anna", 4000, 5000))
    assert timeline.blocks(lines, 10_000, 10) == [SpeechBlock("Anna", 0, 2), SpeechBlock("Anna", 4, 5)]


def test_speaker_that_begins_first_covers_the_others():
    lines = cues(("Anna", 0, 5000), ("Ben", 1000, 2000), ("Cem", 4000, 7000))
    assert timeline.blocks(lines, 10_000, 10) == [SpeechBlock("Anna", 0, 5), SpeechBlock("Cem", 5, 7)]


def test_seen_from_afar_each_turn_belongs_to_whom_speaks_most_in_it():
    lines = [
        SpeechBlock("Anna", 0, 3),
        SpeechBlock("Ben", 3, 4),
        SpeechBlock("Anna", 5, 8),
        SpeechBlock("Ben", 17, 18),
    ]
    assert timeline.turns(lines, 4) == [SpeechBlock("Anna", 0, 8), SpeechBlock("Ben", 16, 20)]


def test_line_without_length_or_out_of_bounds_has_a_column():
    assert timeline.blocks(cues(("Anna", 3000, 3000)), 10_000, 10) == [SpeechBlock("Anna", 3, 4)]
    assert timeline.blocks(cues(("Anna", -9, 99_000)), 10_000, 10) == [SpeechBlock("Anna", 0, 10)]
    assert timeline.ticks(cues(("Anna", -9, 0), ("Ben", 99_000, 99_001)), 10_000, 10) == [0, 9]
    assert timeline.blocks(cues(("Anna", 0, 0)), 0, 10) == [SpeechBlock("Anna", 0, 1)]


def test_column_of_the_waveform_is_as_high_as_its_loudest_part():
    assert timeline.waveform_path(bytes([0, 255, 51, 0, 0, 0]), 3, 10) == "M0 10V0h1V8h1V10h1V10z"


times = st.integers(-1000, 60_000)


@steady
@given(st.lists(st.tuples(st.sampled_from(["Anna", "Ben", ""]), times, times), max_size=60), st.integers(0, 50_000))
def test_column_holds_at_most_one_item(spoken, length_ms):
    lines = cues(*sorted(spoken, key=lambda cue: cue[1]))
    blocks = timeline.blocks(lines, length_ms, 20)
    edges = [edge for block in blocks for edge in (block.start, block.end)]
    assert edges == sorted(edges)
    assert all(0 <= block.start < block.end <= 20 for block in blocks)
    assert bool(blocks) == bool(lines)
    ticks = timeline.ticks(lines, length_ms, 20)
    assert ticks == sorted(set(ticks))
    assert set(ticks) <= set(range(20))
