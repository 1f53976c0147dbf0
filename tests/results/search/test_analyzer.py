"""The terms of any text, and the marks of a query in it."""

import re
import unicodedata
from hashlib import sha256

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from results.search import clusters, marks
from results.search.analyzer import (
    ANALYZER_VERSION,
    MAX_TERM,
    MAX_TEXT,
    Phrase,
    prepare,
    terms,
)
from results.search.expansion import phrases
from results.search.marks import mark
from tests.results.search.cases import CASES

ALPHABETS = {
    "han": "北京大学图书馆看红楼梦圖書時〇",
    "kana": "あいうがぱんっょーアイウガパンッョヴ",
    "thai": "กขคงจนมยรวสหอฉเแโใไะาำิีึืุู่้๊๋์็ๆ",
    "lao": "ກຂຄງຈນມຢຣວສຫອເແໂໃໄະາຳິີຶືຸູ່້໊໋໌ົ",
    "khmer": "កខគងចនមយរវសហអេែាិីឹឺុូួំះ្៉",
    "burmese": "ကခဂငစနမယရဝသဟအေါာိီုူဲံ့း္်ျြွှ",
    "hangul": "가나다라마바사아자차카타파하학교에서한국어를집",
}
SPACED = "abcéßıİøǅàΑΆΣςёйʼأإةكىيابוהבשםןकिंीज़্তোநொა0１٣"
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
word = st.text(SPACED, min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "words", "extras"),
    [
        ("", [], []),
        ("Hello, World! 42", ["hello", "world", "42"], []),
        ("it's e-mail", ["it", "s", "e", "mail"], ["its", "email"]),
        ("1,000 a,b x,1", ["1", "000", "a", "b", "x", "1"], ["1000"]),
        ("wait--what... 'quoted' -x-", ["wait", "what", "quoted", "x"], []),
        ("é-é", ["e", "e"], ["ee"]),
        ("北京大学", ["北京", "京大", "大学", "学"], []),
        ("学", ["学"], []),
        ("3D프린터", ["3d", "프린", "린터", "터"], []),
        ("No7 no.8 piano9", ["no", "7", "no", "8", "piano9"], ["no8"]),
        ("№5", ["no", "5"], []),
        ("3½ 10² m²", ["3", "1", "2", "10", "2", "m2"], []),
        ("C++17", ["c", "17"], ["cplusplus"]),
        ("للغة", ["للغه"], ["الغه", "غه", "لغه", "اللغه"]),
        ("היד", ["היד"], ["יד"]),
        ("לעץ", ["לעצ"], ["עצ"]),
        ("לבן", ["לבנ"], []),
        ("שבבית", ["שבבית"], ["בבית", "בית"]),
        ("كلب", ["كلب"], []),
        ("كلبـ5", ["كلب", "5"], ["كلب5"]),
        ("والكتاب", ["والكتاب"], ["الكتاب", "كتاب"]),
        ("بالكتاب", ["بالكتاب"], ["الكتاب", "كتاب"]),
        ("ولد", ["ولد"], []),
        ("והבית", ["והבית"], ["הבית", "בית"]),
        ("🎉🎉", ["🎉", "🎉"], []),
    ],
)
def test_a_text_has_these_terms(text, words, extras):
    assert terms(text) == (words, extras)


def test_terms_change_only_with_the_analyzer_version():
    """Entries with other terms could not be deleted: raise the version, and add a migration that rebuilds."""
    made = repr([terms(case.text) for case in CASES])
    assert {ANALYZER_VERSION: sha256(made.encode()).hexdigest()[:16]} == {5: "afd0f607b8de1bc9"}


def test_a_long_word_is_cut_and_still_found_as_a_whole():
    long_word = "abcdefghij" * 30
    assert max(map(len, terms(long_word).words)) == MAX_TERM
    assert terms("é" + long_word).words == terms("e" + long_word).words
    assert mark(f"so {long_word} it is", phrases(long_word)) == [(3, 303)]
    assert mark(f"so {long_word} it is", phrases(long_word[:-1], is_prefix=True)) == [(3, 302)]


@pytest.mark.parametrize(
    "text", ["a " * 500_000, "學" * 1_000_000, "ﷺ" * 1_000_000, "a-" * 500_000, "\u0301" * 1_000_000]
)
def test_a_huge_text_has_a_bounded_number_of_terms(text):
    words, extras = terms(text)
    assert len(words) <= MAX_TEXT
    assert sum(len(term.encode()) for term in (*words, *extras)) < 2**20
    assert len(mark(text, phrases("a 學"))) <= MAX_TEXT


def test_a_single_letter_is_no_prefix_but_a_single_character_is():
    assert phrases("a", is_prefix=True) == (Phrase(("a",)),)
    assert phrases("ab", is_prefix=True) == (Phrase(("ab",), is_prefix=True),)
    assert phrases("学") == (Phrase(("学",), is_prefix=True),)
    assert phrases("大学", is_prefix=True) == (Phrase(("大学",)),)
    assert phrases("?!") == ()


@given(any_text)
def test_every_text_is_analyzed_and_marks_cut_no_character_from_its_accents(text):
    words, extras = terms(text)
    assert all(term and len(term) <= MAX_TERM and "_" not in term for term in (*words, *extras))
    edge = 0
    for start, end in mark(text, phrases(text)):
        assert edge <= start < end <= len(text)
        assert end == len(text) or not unicodedata.combining(text[end])
        edge = end + 1


@example("Ä᬴Ö")
@example("0²Ü")
@given(any_text)
def test_every_term_of_a_text_is_marked_in_it(text):
    """Marking folds character by character and indexing folds the text at once; both give the same."""
    words, extras = terms(text)
    for term in (*words, *extras):
        assert mark(text, [Phrase((term,))]), term


@given(st.text(SPACED + "0123²½١  öåäيؤ+#Cno№ـ", max_size=40) | any_text)
def test_words_are_marked_alone_as_in_their_line(text):
    """Marking looks at one word at a time where it can, and remembers it; the whole text has the same marks."""
    # A mark after a space belongs to the space: the whole text marks both.
    text = re.sub(f" +(?={clusters._NEVER_ALONE.pattern})", "", text)
    words, extras = terms(text)
    for term in (*words, *extras):
        for phrase in (Phrase((term,)), Phrase((term[:2],), is_prefix=True)):
            assert mark(text, [phrase]) == list(marks._mark(text, (phrase,)))


@given(
    st.text("abno17 x'.-_@&\"#+,C", max_size=30),
    st.lists(st.tuples(st.text("abno17x", min_size=1, max_size=4), st.booleans()), min_size=1, max_size=3),
)
def test_words_of_ascii_lines_are_marked_as_the_analyzer_reads_them(text, typed):
    found = tuple(Phrase((term,), is_prefix) for term, is_prefix in typed)
    assert mark(text, found) == list(marks._mark(text, found))


@given(
    st.text("のこ日本語가각กข ー゙あﾊﾟé🎉a、", max_size=30),
    st.text("のこ日本語가각กขー", min_size=1, max_size=4),
    st.booleans(),
)
def test_letters_in_a_row_are_marked_where_their_bigrams_stand(text, typed, is_prefix):
    # A phrase that can stand nowhere makes `mark` look at every token.
    found = phrases(typed, is_prefix=is_prefix)
    assert mark(text, found) == mark(text, [*found, Phrase(("no", "where"))])


@given(st.text(SPACED + "北京กี่한ᆨ❶🎉→no7№½² '-.,_@&\"\u05b0\u0651\u200c", max_size=40) | any_text)
def test_indexing_and_querying_split_a_text_into_the_same_words(text):
    """Indexing splits a text without positions and a query with them; both give the same words."""
    words = terms(text).words
    # A query takes a single character at the end as the start of a bigram, and leaves it out after a bigram.
    found = [list(phrase.terms) for phrase in phrases(text)[:1]]
    # A word that a sign is part of is only found as such.
    assert found in ([words], [words[:-1]], []) or found[0][0] in terms(text).extras
    assert bool(words) == bool(phrases(text))


def in_usual_spelling(text: str) -> str:
    """Return the text with the signs of each syllable in order, half of which finds a part of it."""
    return prepare(unicodedata.normalize("NFKC", text)).replace("\u200d", "")


def test_signs_that_an_earlier_rule_has_joined_are_in_order_too():
    assert terms("ក\u17c1\u17b6\u17b6") == terms("ក\u17c4\u17b6")


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
@given(data=st.data())
def test_any_two_neighbouring_characters_find_their_text(alphabet, data):
    text = in_usual_spelling(data.draw(st.text(alphabet, min_size=2, max_size=20)))
    assume(len(text) > 1 and in_usual_spelling(text) == text)
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 2, len(text)))
    [(first, last)] = mark(text, phrases(text[start:end]))[:1]
    assert first <= start
    assert last > first


@given(st.lists(word, min_size=1, max_size=6), st.data())
def test_any_words_side_by_side_find_their_text(words, data):
    text = " ".join(words)
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    searched = " ".join(words[start:end])
    assert not terms(searched).words or mark(text, phrases(searched))


SWAPPED_TO_OTHER_LETTERS = {"ß", "ǅ", "İ"}


@given(st.text(SPACED + "".join(ALPHABETS.values()) + " '-\u0301\u0308\u3099", max_size=30))
def test_all_unicode_forms_of_a_text_have_the_same_terms(text):
    composed = terms(unicodedata.normalize("NFC", text))
    assert terms(unicodedata.normalize("NFD", text)) == composed
    assert terms(unicodedata.normalize("NFKC", text)) == composed
    assert terms(text.swapcase()) == composed or not SWAPPED_TO_OTHER_LETTERS.isdisjoint(text)
