"""The guessed language of a dub, and the lines that are in another one."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from results.transcripts import language_guess
from results.transcripts.language_guess import are_close, foreign_stretches, guess_language, reads_otherwise
from results.transcripts.language_marks import TRUSTED
from results.transcripts.languages import name

TEXTS = json.loads((Path(__file__).parents[3] / "benchmarks" / "languages.json").read_text(encoding="utf-8"))
EVERY = [
    pytest.param(tag, lines, id=f"{tag}{at}") for tag, texts in TEXTS.items() for at, lines in enumerate(texts)
]
CLOSE_PAIRS = ["nb da", "nb sv", "nb nn", "hr sr", "hr bs", "id ms", "cs sk", "pt es", "pt gl", "es ca", "uk ru"]
CLOSE_PAIRS += ["uk be", "hi mr", "hi ne", "zh yue", "fa ar", "fa ur"]
ROMANISED = {
    "hi": [
        "Mujhe nahi pata tum kya bol rahe ho",
        "Kal subah hum log station jayenge",
        "Arre yaar itna gussa kyun kar rahe ho",
        "Mummy ne khana bana diya hai",
    ],
    "ru": [
        "Ya ne znayu gde on seychas",
        "Davay vstretimsya zavtra vecherom",
        "Pochemu ty ne pozvonil mne vchera",
        "Mama skazala chto uzhin gotov",
    ],
    "ja": [
        "Kinou wa doko ni itta no",
        "Watashi wa eki de matteimashita",
        "Ashita no asa hayaku okinakereba naranai",
        "Isshoni eiga wo mi ni ikimashou",
    ],
}
WORDLESS = {
    "nothing": [],
    "empty lines": ["", "  "] * 10,
    "music": ["♪ I will always love you, my darling, until the end ♪", "♪♪♪"] * 5,
    "sounds": ["[door slams]", "[applause and loud laughter]"] * 9,
    "numbers": ["1, 2, 3, 4.", "10:30", "2026-05-31", "100 %"] * 5,
    "five words": ["Hello there my dear friend."],
    "OK": ["OK.", "Yes.", "No!"],
    "names": ["Maria! Giovanni!", "Anna Maria Rossi!", "Mister Smith, New York."] * 4,
    "gibberish": ["asdf qwer zxcv hjkl uiop bnmm tyui ghjk"] * 10,
    "syllables": ["la la la la la na na na"] * 10,
    "an address": ["anna.smith@example.com and https://www.example.org/path?of=this"] * 3,
    "one long word": ["a" * 100_000],
    "NUL": ["\0" * 50] * 5,
    "half of a pair": ["\ud800\udfff"] * 20,
}


@pytest.mark.parametrize(("tag", "lines"), EVERY)
def test_a_dub_of_ten_lines_is_guessed_and_reads_as_its_own_language(tag, lines):
    assert guess_language(lines).partition("-")[0] == tag
    assert reads_otherwise(tag, lines) == ""
    assert foreign_stretches(tag, lines) == []


def test_latin_serbian_is_told_from_cyrillic():
    cyrillic, latin, _ = TEXTS["sr"]
    assert (guess_language(cyrillic), guess_language(latin)) == ("sr", "sr-latn")


@pytest.mark.parametrize("tag", [*sorted(TRUSTED - {"sh"}), "sr-latn", "sw"])
def test_every_guess_has_a_name(tag):
    assert name(tag) != tag


@pytest.mark.parametrize("lines", WORDLESS.values(), ids=WORDLESS)
def test_lines_that_say_too_little_are_uncertain(lines):
    assert guess_language(lines) == ""
    assert reads_otherwise("ja", lines) == ""
    assert foreign_stretches("ja", lines) == foreign_stretches("es", lines) == []


def test_half_and_half_is_uncertain():
    assert guess_language([*TEXTS["en"][0], *TEXTS["zh"][0] * 3]) == ""
    assert guess_language([*TEXTS["en"][0], *TEXTS["hu"][0], *TEXTS["tr"][0]]) == ""


@pytest.mark.parametrize(("tag", "lines"), ROMANISED.items(), ids=ROMANISED)
def test_romanised_text_is_neither_guessed_nor_an_alarm(tag, lines):
    assert guess_language(lines) == ""
    assert reads_otherwise(tag, lines) == ""
    assert foreign_stretches(tag, lines) == []


def test_capitals_read_as_small_letters():
    lines = [line.upper() for line in TEXTS["de"][0]]
    assert guess_language(lines) == "de"
    assert foreign_stretches("de", lines) == []
    assert foreign_stretches("fr", lines) == [(1, 10, "de")]


def test_strange_characters_among_words_do_no_harm():
    lines = ["\0" + line + "\ud800" for line in TEXTS["de"][0]]
    assert guess_language(lines) == reads_otherwise("en", lines) == "de"


@pytest.mark.parametrize("pair", CLOSE_PAIRS)
def test_close_languages_never_contradict_each_other(pair):
    one, other = pair.split()
    assert are_close(one, other)
    assert are_close(other, one)
    for said, read in ((one, other), (other, one)):
        for lines in TEXTS[read]:
            assert reads_otherwise(said, lines) == ""
            assert foreign_stretches(said, [*TEXTS[said][0], *lines]) == []


@pytest.mark.parametrize(
    "pair", ["pt-br pt-pt", "zh-hans zh-hant", "no nb", "sr-latn sr", "fil tl", "es-419 es-es", "he iw"]
)
def test_variants_of_a_language_are_the_same(pair):
    assert are_close(*pair.split())


@pytest.mark.parametrize("pair", ["en de", "ja zh", "ko ja", "fr es", "fi sv", "ru bg", "hi bn", "de nl", "hu ro"])
def test_distant_languages_are_not_close(pair):
    assert not are_close(*pair.split())


@pytest.mark.parametrize("tag", ["", "112", "xx-unknown", "not a tag"])
def test_nothing_contradicts_an_unknown_tag(tag):
    assert reads_otherwise(tag, TEXTS["en"][0]) == ""
    assert foreign_stretches(tag, TEXTS["en"][0]) == []


@pytest.mark.parametrize(
    ("said", "read"),
    [("ja-jp", "zh"), ("zh-cn", "ja"), ("es-mx", "en"), ("en-us", "es"), ("ru", "en"), ("ko", "th")],
)
def test_a_dub_in_another_language_than_its_tag_is_found(said, read):
    for lines in TEXTS[read]:
        assert reads_otherwise(said, lines) == read
        [(first, last, language)] = foreign_stretches(said, lines)
        assert (language, last) == (read, len(lines))
        assert first <= 2


@pytest.mark.parametrize(
    ("home", "left"), [("ja", "en"), ("es", "en"), ("en", "zh"), ("de", "fr"), ("hi", "en"), ("sw", "en")]
)
@pytest.mark.parametrize("length", [3, 6])
def test_a_stretch_in_the_source_language_is_found_where_it_is(home, left, length):
    lines = [*TEXTS[home][0][:5], *TEXTS[left][0][2 : 2 + length], *TEXTS[home][0][5:]]
    assert foreign_stretches(home, lines) == [(6, 5 + length, left)]
    assert reads_otherwise(home, lines) == ""


def test_two_lines_are_no_stretch():
    lines = [*TEXTS["ja"][0][:5], *TEXTS["en"][0][2:4], *TEXTS["ja"][0][5:]]
    assert foreign_stretches("ja", lines) == []


def test_music_may_lie_within_a_stretch_but_does_not_end_it():
    english = TEXTS["en"][1]
    lines = [*TEXTS["fr"][0], "♪", *english[:2], "♪ la ♪", *english[2:5], "♪", *TEXTS["fr"][1]]
    assert foreign_stretches("fr", lines) == [(12, 17, "en")]


def test_single_foreign_words_and_names_are_no_stretch():
    spanish = [
        "Vamos al shopping con mi manager",
        "Hay un meeting online el viernes",
        "Es un software muy cool, ¿no?",
    ]
    assert foreign_stretches("es", spanish * 3) == []
    assert foreign_stretches("ja", ["John Smith!", "New York City.", "Microsoft Windows", "OK, OK!"] * 3) == []


def test_japanese_lines_without_kana_are_no_chinese():
    assert (
        foreign_stretches("ja", ["第一章", "東京駅前", "緊急事態発生", "本日休業", "了解", "作戦開始、全員退避"])
        == []
    )


def test_a_long_transcript_costs_no_more_to_guess_than_its_sample():
    lines = [*TEXTS["nb"][0], *TEXTS["nb"][1], *TEXTS["nb"][2][:9]] * 700
    guess_language(lines[:10])
    began = time.thread_time()
    assert guess_language(lines) == "nb"
    assert time.thread_time() - began < 1


@pytest.mark.parametrize("line", ["Where were you? " * 30, "<" * 400, "[" * 400, "@" * 400, "ﷺ" * 400, "字" * 400])
def test_stretches_are_found_in_linear_time(line):
    began = time.thread_time()
    foreign_stretches("es", [line] * 2000)
    assert time.thread_time() - began < 5


def test_threads_load_the_model_once():
    language_guess._loaded.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        guesses = set(pool.map(guess_language, [TEXTS["fi"][0]] * 32))
    assert guesses == {"fi"}
    assert language_guess._loaded.cache_info().misses == 1
