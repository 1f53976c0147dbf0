"""Both engines find the same lines: those that a plain reading of the query finds, whatever is said and typed."""

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from results.models import Dub, Run
from results.search import index, indexing
from results.search.analyzer import Phrase
from results.search.find import find_in_dub
from results.search.index import IndexEntry
from results.search.query import Query, parse
from results.search.service import search
from tests.factories import make_dub, make_run, make_searchable_dub

pytestmark = pytest.mark.django_db

# Beginnings that joined words, words without their proclitics and plain words share, in several scripts.
SAID = (
    "a ab abc al all o'r or 3 31 312 2026 5 05 R&D e-mail email l'homme hom co-op "
    'بالعالم العالم عالم والعالم ال العربي והבית הבית בית ב מנכ"ל می\u200cخواهم '
    "北京 北 京 大学 かん ガン がっ 한국 국 กรุง รุง हिन्दी हि İstanbul straße кто-то"
)
WORDS = SAID.split()
SPEAKERS = ("Anna", "Anna Kim", "Al-Anna", "安娜", "ילדה", "")

text = st.lists(
    st.sampled_from(WORDS) | st.sampled_from((" ", " ", "-", ".", "/", "'", ", ")), min_size=1, max_size=12
).map("".join)


@st.composite
def typed(draw: st.DrawFn, texts: list[str]) -> str:
    """Draw a search made of pieces of the texts, which often begin and end inside a word."""
    clauses = []
    for _ in range(draw(st.integers(1, 3))):
        said = draw(st.sampled_from(texts))
        start, length = draw(st.integers(0, len(said) - 1)), draw(st.integers(1, 8))
        form = draw(st.sampled_from(("{}", '"{}"', '"{}', '"{}*"', "{}*")))
        before = draw(st.sampled_from(("", "", "", "-", "speaker:", "OR ")))
        clauses.append(before + form.format(said[start : start + length]))
    return " ".join(clauses) + draw(st.sampled_from(("", "", " ")))


def is_hit(entry: IndexEntry, query: Query) -> bool:
    """Return whether the query finds the line, read word for word."""
    found = all(any(has_phrase(entry, phrase) for phrase in group) for group in query.groups)
    return found and not any(has_phrase(entry, phrase) for phrase in query.excluded)


def has_phrase(entry: IndexEntry, phrase: Phrase) -> bool:
    size = len(phrase.terms)
    places = [entry.words[at : at + size] for at in range(len(entry.words) - size + 1)]
    if size == 1:
        places += [[extra] for extra in entry.extras]
    *before, last = phrase.terms
    return any(
        place[:-1] == before and (place[-1].startswith(last) if phrase.is_prefix else place[-1] == last)
        for place in places
    )


def test_random_searches_find_the_lines_that_a_plain_reading_finds():
    run = make_run()

    @settings(max_examples=60)
    @given(st.lists(st.tuples(text, st.sampled_from(SPEAKERS)), min_size=1, max_size=5), st.data())
    def check(lines, data):
        texts, speakers = zip(*lines, strict=True)
        with transaction.atomic():
            dub = make_dub(run, texts)
            for position, speaker in enumerate(speakers, start=1):
                dub.cues.filter(position=position).update(speaker=speaker)
            indexing.add_cues(dub.cues.all())
            ids = dict(dub.cues.values_list("position", "pk"))
            entries = [index.make_entry(line) for line in index.read_lines(dub.cues.order_by("-pk"))]
            for search_text in data.draw(st.lists(typed([*texts, *filter(None, speakers)]), max_size=10)):
                query = parse(search_text)
                if query.ends_in_letter and not any(is_hit(entry, query) for entry in entries):
                    query = query.without_letter()
                wanted = [entry.cue_id for entry in entries if query and is_hit(entry, query)]
                assert [hit.cue.pk for hit in search(run.team_id, search_text).hits] == wanted, search_text
                assert [ids[line.position] for line in find_in_dub(dub, search_text)] == wanted[::-1], search_text
                # As in a run that is archived, whose lines are not in the index.
                not_indexed = Dub(pk=dub.pk, team=run.team, run=Run(pk=run.pk, is_indexed=False))
                assert [ids[line.position] for line in find_in_dub(not_indexed, search_text)] == wanted[::-1], (
                    search_text
                )
            transaction.set_rollback(True)

    check()


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("\u200fمرحبا\u200e بالعالم \u202bالعربي\u202c", '"بالعالم ال'),
        ("On 2026-05-31 at 10:30 a.m., or 5/31/2026, or 31.05.2026", "5/31/2026"),
        ("On 2026-05-31 at 10:30 a.m., or 5/31/2026, or 31.05.2026", '"or 31 05 202'),
        ("a co-op, a cozy one", '"a co'),
    ],
)
def test_a_phrase_may_end_with_the_beginning_of_a_joined_word(text, typed):
    dub = make_searchable_dub(lines=[text])
    assert [hit.cue.text for hit in search(dub.team_id, typed).hits] == [text]
    assert search(dub.team_id, f'-"{typed.strip(chr(34))}*"').hits == []


def test_an_excluded_phrase_may_end_with_a_star():
    dub = make_searchable_dub(lines=["a bee, b-e", "a cat"])
    assert [hit.cue.text for hit in search(dub.team_id, '-"a be*"').hits] == ["a cat"]


def test_a_speaker_is_found_by_the_beginning_of_the_last_name():
    dub = make_dub(lines=["one", "two"])
    dub.cues.filter(position=1).update(speaker="Anna K-im Kimber")
    indexing.add_cues(dub.cues.all())
    assert [hit.cue.text for hit in search(dub.team_id, 'speaker:"anna k').hits] == ["one"]
