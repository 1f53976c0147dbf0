"""Review checks: reading speed, missing text or time, long lines, overlaps and gaps."""

import unicodedata

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from results.transcripts import reading_speed, review
from results.transcripts.review import Kind
from tests.results.exports.cases import make_cue, steady, texts


def kinds(*cues):
    return [[check.kind for check in checks] for checks in review.review_checks([make_cue(*cue) for cue in cues])]


def line(text, start_ms=0, end_ms=1000):
    return (text, 1, start_ms, end_ms)


# Each text has the most letters that can be read in a second; one more is too fast.
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("abcdefghij" * 2, 20),
        ("Ça été là, où ça?!!!", 20),
        ("Съешь же ещё мягких!", 20),
        ("مرحبا بالعالم يا ناس أه", 23),
        ("שלום עולם, מה שלומך?", 20),
        ("हिन्दी में कुछ बातें कीजिए आप न", 25),
        ("สวัสดีครับทุกคนวันนี้มานะจ้า", 20),
        ("안녕하세요 여러분 또 만나", 14),
        (unicodedata.normalize("NFD", "안녕하세요 여러분 또 만나"), 14),
        ("你好世界今天天气好不好", 11),
        ("今日は天気がい", 7),
        ("ｷｮｳﾊﾃﾝｷ", 7),
        ("ｶﾞｷﾞｸﾞｹﾞｺﾞﾊﾟﾋﾟ", 7),
    ],
)
def test_each_script_has_its_reading_speed(text, letters):
    assert (reading_speed.length(text), reading_speed.speed_for(text)) == (letters, letters)
    assert kinds(line(text)) == [[]]
    assert kinds(line(f"{text}a")) == [[Kind.FAST]]
    assert kinds(line(f"{text}a", 0, 2000)) == [[]]


@pytest.mark.parametrize(
    ("text", "letters"),
    [("", 0), ("  a \n\n b\t", 3), ("\u200fמרחב\u200f", 4), ("مَرْحَبًا", 5), ("e\u0301", 1), ("นี้", 1)],
)
def test_marks_and_spaces_in_a_row_do_not_count(text, letters):
    assert reading_speed.length(text) == letters


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("👍", 1),
        ("👍🏽", 1),
        ("👩‍👩‍👧‍👦", 1),
        ("🏳️‍🌈 ❤️", 3),
        ("🇩🇪🇫🇷", 2),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 1),
        ("1️⃣2️⃣", 2),
        ("👍👍", 2),
        ("♪ ♪", 3),
    ],
)
def test_emoji_made_of_several_counts_once(text, letters):
    assert reading_speed.length(text) == letters


@pytest.mark.parametrize(
    ("text", "letters"), [("각", 1), ("\u1112\u119e\u11ab", 1), ("ﾊﾟ", 1), ("ﾡ", 1), ("ガ", 1), ("か\u3099", 1)]
)
def test_syllable_counts_once_in_any_encoding(text, letters):
    assert reading_speed.length(text) == reading_speed.length(unicodedata.normalize("NFD", text)) == letters


def test_a_quoted_kana_makes_no_chinese_text_japanese():
    assert reading_speed.speed_for("他在日本用了一个の字写在招牌上面") == 11


@pytest.mark.parametrize("text", ["", " \n", "\u3000"])
def test_line_without_text_is_empty(text):
    assert kinds(line(text)) == [[Kind.EMPTY]]


@pytest.mark.parametrize("end_ms", [1000, 999, -5])
def test_line_that_ends_at_or_before_its_start_is_untimed(end_ms):
    assert kinds(line("Hello", 1000, end_ms)) == [[Kind.UNTIMED]]


def test_line_is_long_by_its_text_or_by_its_duration():
    assert kinds(line("a" * 140, 0, 7000)) == [[]]
    assert kinds(line("a" * 141, 0, 9000)) == [[Kind.LONG]]
    assert kinds(line("a" * 141, 0, 7000)) == [[Kind.FAST, Kind.LONG]]
    assert kinds(line("好" * 78, 0, 9000)) == [[Kind.LONG]]
    assert kinds(line("Hello", 0, 15_000)) == [[]]
    assert kinds(line("Hello", 0, 15_001)) == [[Kind.LONG]]


def test_overlap_is_longer_than_a_frame():
    assert kinds(line("one"), line("two", 960, 2000)) == [[], []]
    assert kinds(line("one"), line("two", 959, 2000)) == [[Kind.OVERLAP], []]


def test_gap_begins_when_all_speakers_are_silent():
    assert kinds(line("one"), line("two", 11_000, 12_000)) == [[], []]
    assert kinds(line("one"), line("two", 11_001, 12_000)) == [[Kind.GAP], []]
    assert kinds(line("one", 0, 14_000), line("two", 500, 1000), line("three", 12_000, 13_000)) == [
        [Kind.OVERLAP],
        [],
        [],
    ]


def test_check_names_its_amount_and_its_limit():
    fast, gap = review.review_checks([make_cue("a" * 52, 1, 0, 2000), make_cue("b", 2, 14_400, 16_000)])[0]
    assert (str(fast), str(gap)) == ("Fast: 26 characters/s, limit 20", "Gap: 12 s of silence after this line")
    overlap = review.review_checks([make_cue("a", 1, 0, 2000), make_cue("b", 2, 1500, 3000)])[0]
    assert [str(check) for check in overlap] == ["Overlap: 0.5 s into the next line"]
    long = [make_cue("a" * 141, 1, 0, 9000)], [make_cue("a", 1, 0, 18_000)]
    assert [str(check) for cues in long for check in review.review_checks(cues)[0]] == [
        "Long: 141 characters, limit 140",
        "Long: 18 s, limit 15 s",
    ]


times = st.integers(-5000, 100_000)


@steady
@given(st.lists(st.tuples(texts, times, times), max_size=12))
def test_every_cue_has_its_checks_for_any_text_and_times(spoken):
    cues = [make_cue(text, 1, start, end) for text, start, end in sorted(spoken, key=lambda cue: cue[1])]
    checks = review.review_checks(cues)
    assert len(checks) == len(cues)
    assert all(str(check) for of_cue in checks for check in of_cue)
    assert all(check.amount >= 0 for of_cue in checks for check in of_cue)


def test_what_a_check_says_is_in_the_language_of_who_reads():
    check = review.ReviewCheck(Kind.FOREIGN, language="fr")
    said = []
    for language in ("en", "de", "en"):
        with override(language):
            said.append(str(check).partition(": ")[2])
    assert said == ["French", "Französisch", "French"]
