"""Two dubs side by side: nothing is lost, and what is said at the same time stands together."""

from hypothesis import given

from results.exports.pairs import align
from tests.results.exports.cases import cues, make_cue, steady


def make_cues(*spans: tuple[int, int], letter: str):
    """Make a cue for each (start, end) in milliseconds, with the texts `<letter>1`, `<letter>2` and so on."""
    return [make_cue(f"{letter}{n}", n, *span) for n, span in enumerate(spans, start=1)]


def aligned(first, second) -> list[tuple[str, str]]:
    return [(pair.text, pair.other_text) for pair in align(first, second)]


def test_each_cue_goes_to_the_one_it_overlaps_most():
    first = make_cues((0, 1000), (1000, 2000), (2000, 3000), letter="a")
    second = make_cues((100, 900), (900, 1900), (2100, 2500), (2500, 2900), letter="b")
    assert aligned(first, second) == [("a1", "b1"), ("a2", "b2"), ("a3", "b3\nb4")]


def test_what_overlaps_nothing_stands_alone_in_its_place():
    first = make_cues((0, 1000), (5000, 6000), letter="a")
    second = make_cues((1000, 2000), (3000, 4000), (9000, 9500), letter="b")
    assert aligned(first, second) == [("a1", ""), ("", "b1"), ("", "b2"), ("a2", ""), ("", "b3")]


def test_a_pair_has_the_times_and_speaker_of_the_first():
    first = [make_cue("a", 1, 0, 1000, "Anna")]
    second = [make_cue("b", 1, 100, 1500, "Ana"), make_cue("c", 2, 8000, 8000, "Ben")]
    assert [(pair.span, pair.speaker) for pair in align(first, second)] == [
        ((0, 1000), "Anna"),
        ((8000, 8001), "Ben"),
    ]


def test_an_empty_dub_leaves_the_other_as_it_is():
    assert aligned([], make_cues((0, 1), letter="b")) == [("", "b1")]
    assert aligned(make_cues((0, 1), letter="a"), []) == [("a1", "")]


@steady
@given(cues, cues)
def test_every_cue_is_in_exactly_one_pair_in_order(first, second):
    pairs = align(first, second)
    assert [pair.cue for pair in pairs if pair.cue] == first
    assert sorted(cue.position for pair in pairs for cue in pair.others) == [cue.position for cue in second]
    starts = [pair.span[0] for pair in pairs]
    assert starts == sorted(starts)
