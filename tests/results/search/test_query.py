"""Parsing of typed searches."""

from datetime import UTC, date, datetime

import pytest
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from results.search.analyzer import Phrase
from results.search.query import MAX_CHARACTERS, MAX_PHRASE_TERMS, MAX_TERMS, Query, parse, periods

TOO_LONG = "This search is too long; only its beginning was searched for."
NOTHING = "There is no letter, digit or emoji in this to search for."


def word(*terms: str) -> Phrase:
    return Phrase(terms)


def start(*terms: str) -> Phrase:
    return Phrase(terms, is_prefix=True)


@pytest.mark.parametrize(
    ("typed", "groups"),
    [
        ("", []),
        ("  ", []),
        ("Kitchen", [[start("kitchen")]]),
        ("kitchen ", [[word("kitchen")]]),
        ("big kit", [[word("big")], [start("kit")]]),
        ("big k", [[word("big")], [word("k")]]),
        ("kit* big ", [[start("kit")], [word("big")]]),
        ('"big kitchen"', [[word("big", "kitchen")]]),
        ("“big kitchen”", [[word("big", "kitchen")]]),
        ('"big kit', [[start("big", "kit")]]),
        ('"big kit*" ', [[start("big", "kit")]]),
        ('so "big kitchen" ', [[word("so")], [word("big", "kitchen")]]),
        ('so"big kitchen"', [[word("so")], [word("big", "kitchen")]]),
        ("e-mail ", [[word("e", "mail"), word("email")]]),
        ("big OR small ", [[word("big"), word("small")]]),
        ("big | small ", [[word("big"), word("small")]]),
        ("a OR b OR c d ", [[word("a"), word("b"), word("c")], [word("d")]]),
        ("salt AND pepper ", [[word("salt")], [word("pepper")]]),
        ("big OR ", [[word("big")]]),
        ("OR ", [[word("or")]]),
        ("big or small ", [[word("big")], [word("or")], [word("small")]]),
        ("北京", [[word("北京")]]),
        ("学", [[start("学")]]),
        ("北京大学 学", [[word("北京", "京大", "大学")], [start("学")]]),
        ('צה"ל ', [[word("צה", "ל"), word("צהל")]]),
        ("12:30 ", [[word("12", "30")]]),
        ("https://example.org ", [[word("https", "example", "org"), word("https", "exampleorg")]]),
        ('"the u.s.a."', [[word("the", "u", "s", "a"), word("the", "usa")]]),
        ('"in 2500 ways"', [[word("in", "2500", "ways"), word("in", "2", "500", "ways")]]),
        ('"frau möller"', [[word("frau", "moller"), word("frau", "moeller")]]),
        ('"frau moeller"', [[word("frau", "moeller"), word("frau", "moller")]]),
        ("データを", [[word("でー", "ーた", "たを"), word("でー", "ーた", "たー", "ーを")]]),
        ("データーを", [[word("でー", "ーた", "たー", "ーを"), word("でー", "ーた", "たを")]]),
        ('"צה"ל אמר" ', [[word("צה", "ל", "אמר"), word("צהל", "אמר")]]),
        ('lang:"simplified chinese"', [[word("_lang_zhhans"), word("_lang_zhcn"), word("_lang_zhsg")]]),
        ("tags:new ", [[word("tags", "new")]]),
        ("speaker:Anna ", [[word("_speaker_anna")]]),
        ("speaker:an", [[start("_speaker_an")]]),
        ('Speaker:"Anna Maria"', [[word("_speaker_anna", "_speaker_maria")]]),
        ("speaker: ", [[word("speaker")]]),
        ("lang:pt-BR", [[word("_lang_ptbr")]]),
        ("lang:deutsch", [[word("_lang_de")]]),
        ("lang:日本", [[word("_lang_ja")]]),
        ("lang:norwegian", [[word("_lang_no"), word("_lang_nb"), word("_lang_nn")]]),
        ("lang:ja OR lang:zh", [[word("_lang_ja"), word("_lang_zh")]]),
        ("a'b OR * ", [[word("a", "b"), word("ab")]]),
    ],
)
def test_words_phrases_and_operators_are_parsed(typed, groups):
    assert parse(typed) == Query(tuple(tuple(group) for group in groups))


@pytest.mark.parametrize(
    ("typed", "groups", "excluded"),
    [
        ("big -kit", [[word("big")]], [word("kit")]),
        ('big -"my kitchen"', [[word("big")]], [word("my", "kitchen")]),
        ("-e-mail ", [], [word("e", "mail"), word("email")]),
        ("big -speaker:anna -lang:ja", [[word("big")]], [word("_speaker_anna"), word("_lang_ja")]),
        ("big -kit*", [[word("big")]], [start("kit")]),
        ("big - small ", [[word("big")], [word("small")]], []),
    ],
)
def test_a_minus_excludes_words_and_phrases(typed, groups, excluded):
    assert parse(typed) == Query(tuple(tuple(group) for group in groups), tuple(excluded))


@pytest.mark.parametrize(
    ("typed", "runs"),
    [
        ("run:1344", Q(camb_run_id=1344)),
        ("run:#1344", Q(camb_run_id=1344)),
        ("run:1344 OR run:7", Q(camb_run_id=1344) | Q(camb_run_id=7)),
        ("-run:1344", ~Q(camb_run_id=1344)),
        ("status:ready", Q(status__in=["ready"])),
        ("status:p", Q(status__in=["partly"])),
        ('status:"Not found"', Q(status__in=["not_found"])),
        ("before:2026-05-31", Q(created_at__lt=datetime(2026, 5, 31, tzinfo=UTC))),
        ("after:2026-05", Q(created_at__gte=datetime(2026, 5, 1, tzinfo=UTC))),
        ("after:2026", Q(created_at__gte=datetime(2026, 1, 1, tzinfo=UTC))),
    ],
)
def test_fields_of_the_run_are_parsed(typed, runs):
    assert parse(typed) == Query(runs=Q(runs))


def test_fields_of_the_run_are_combined_with_words():
    assert parse("big status:ready run:7") == Query(
        groups=((word("big"),),), runs=Q(Q(status__in=["ready"]), Q(camb_run_id=7))
    )


@pytest.mark.parametrize(
    ("typed", "groups", "hint"),
    [
        ("run:abc ", [[word("run", "abc")]], "run: takes a run id, such as 1344."),
        ("run:" + "9" * 30 + " ", [[word("run", "9" * 30)]], "run: takes a run id, such as 1344."),
        ("after:may ", [[word("after", "may")]], "after: takes a date, such as 2026-05-31."),
        (
            "before:2026-13 ",
            [[word("before", "2026", "13"), word("before", "202613")]],
            "before: takes a date, such as 2026-05-31.",
        ),
        (
            "status:odd ",
            [[word("status", "odd")]],
            "status: takes one of New, Waiting, Ready, Partly ready, Failed, Not found.",
        ),
        (
            "lang:klingonish ",
            [[word("_lang_klingonish")]],
            "Dubroom knows no language “klingonish”. Type its name or its tag, such as Japanese or pt-BR.",
        ),
        (
            "lang:大国 ",
            [[word("lang", "大国")]],
            "Dubroom knows no language “大国”. Type its name or its tag, such as Japanese or pt-BR.",
        ),
        ("lang:jap", [[word("_lang_jap")]], ""),
        ("lang:9999", [[word("_lang_9999")]], ""),
        ("a* ", [[word("a")]], "Type at least two letters before the *."),
        ("学* ", [[start("学")]], ""),
        ("?!", [], NOTHING),
        ('"', [], NOTHING),
        ("--", [], NOTHING),
        ("| |", [], NOTHING),
        ("\0", [], NOTHING),
        ("big ?! ", [[word("big")]], ""),
    ],
)
def test_invalid_fields_and_prefixes_are_searched_for_literally_with_a_hint(typed, groups, hint):
    assert parse(typed) == Query(tuple(tuple(group) for group in groups), hint=hint)


def test_or_between_a_word_and_a_field_of_the_run_returns_a_hint():
    assert parse("big OR run:7") == Query(
        groups=((word("big"),),),
        runs=Q(Q(camb_run_id=7)),
        hint="OR joins two words or two filters, not a word and a filter.",
    )


@pytest.mark.parametrize("typed", ["kitchen " * 1300, "學" * 10_000, '"' * 10_000, "-a " * 4000, "a-b " * 3000])
def test_a_huge_search_is_cut(typed):
    query = parse(typed)
    clauses = [*query.groups, *((phrase,) for phrase in query.excluded)]
    found = [phrase for clause in clauses for phrase in clause]
    assert query.hint == TOO_LONG
    assert sum(max(len(phrase.terms) for phrase in clause) for clause in clauses) <= MAX_TERMS
    assert all(len(phrase.terms) <= MAX_PHRASE_TERMS for phrase in found)


pieces = st.one_of(
    st.sampled_from(
        ['"', "-", "*", ":", " ", "OR", "|", "(", ")", "NOT", "NEAR", "'", "\\", "%", ";", "--", "\0", "{", "^"]
    ),
    st.sampled_from(["speaker:", "lang:", "run:", "title:", "status:", "before:", "after:", "tag:"]),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=5),
)


@given(st.lists(pieces, max_size=30).map("".join))
def test_any_typed_text_is_parsed(typed):
    query = parse(typed)
    assert query or query.hint or not typed.strip()
    assert len(typed) <= MAX_CHARACTERS
    assert all(phrase.terms for group in query.groups for phrase in group)


@pytest.mark.parametrize(
    ("today", "names"),
    [
        (
            date(2026, 11, 25),
            {
                "after:2026-11-23": "This week",
                "after:2026-11-01": "This month",
                "after:2026-01-01": "This year",
                "before:2026-01-01": "Earlier",
            },
        ),
        (date(2024, 1, 1), {"after:2024-01-01": "This year", "before:2024-01-01": "Earlier"}),
    ],
)
def test_periods_begin_with_the_week_the_month_and_the_year(today, names):
    assert periods(today) == names
