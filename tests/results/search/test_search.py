"""The search service and the index, on the database that the suite runs on."""

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from results import tags
from results.dubs import speakers
from results.models import Cue, Dub, Run
from results.search import index, indexing, postgres, service, sqlite
from results.search.analyzer import terms
from results.search.find import find_in_dub
from results.search.service import search
from tests.factories import make_dub, make_run, make_searchable_dub, make_team
from tests.results.search.cases import CASES
from tests.results.search.test_analyzer import ALPHABETS, SPACED, in_usual_spelling

pytestmark = pytest.mark.django_db
many_examples = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def make_found_dub(*lines, run=None, **fields):
    return make_searchable_dub(run, lines, **fields)


def found(team, typed, **options):
    """Return the texts of the hits, newest first."""
    return [hit.cue.text for hit in search(team.pk, typed, **options).hits]


def marked(hit):
    return [hit.cue.text[start:end] for start, end in hit.marks]


# --- Relevance and recall ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.script)
def test_each_script_is_found_and_marked(case):
    # Characters that no database stores are removed before a cue is saved.
    text = case.text.replace("\0", " ").replace("\ud800", " ")
    team = make_found_dub(text, "xyz").team
    pages = {query: search(team.pk, query) for query in case.found}
    assert {query: [marked(hit) for hit in page.hits] for query, page in pages.items()} == {
        query: [marks] for query, marks in case.found.items()
    }
    assert {query: found(team, query) for query in case.missed} == {query: [] for query in case.missed}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_any_two_neighbouring_characters_find_their_line(alphabet):
    team = make_team()
    run = make_run(team)

    @settings(many_examples, max_examples=15)
    @given(st.text(alphabet, min_size=2, max_size=12))
    def check(text):
        text = in_usual_spelling(text)
        with transaction.atomic():
            make_found_dub(text, run=run)
            for start in range(len(text) - 1):
                [hit] = search(team.pk, text[start : start + 2]).hits
                assert hit.marks
            transaction.set_rollback(True)

    check()


def test_any_word_of_a_line_finds_it():
    team = make_team()
    run = make_run(team)

    @many_examples
    @given(st.lists(st.text(SPACED, min_size=1, max_size=8), min_size=1, max_size=5))
    def check(words):
        with transaction.atomic():
            make_found_dub(" ".join(words), run=run)
            for word in words:
                if terms(word).words:
                    [hit] = search(team.pk, word).hits
                    assert hit.marks
            transaction.set_rollback(True)

    check()


def test_any_text_can_be_indexed_and_any_typed_text_searched_for():
    team = make_team()
    run = make_run(team)
    storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
    typed = st.text(st.one_of(st.sampled_from("\"*-: OR|()\\'{}^+&!<>%;"), st.characters(codec=None)), max_size=30)

    @many_examples
    @given(storable, typed)
    def check(text, typed):
        with transaction.atomic():
            dub = make_found_dub(text, run=run)
            search(team.pk, typed)
            search(team.pk, text)
            indexing.remove_cues(dub.cues.all())
            transaction.set_rollback(True)

    check()


def test_a_line_of_a_hundred_thousand_letters_is_found_by_its_last_words():
    numbers = " ".join(f"n{number}" for number in range(15_000))
    han = "".join(chr(0x4E00 + number * 7 % 20_000) + chr(0x4E00 + number) for number in range(15_000))
    team = make_found_dub(numbers, han).team
    assert len(numbers) < 100_000
    for typed in ("n14999 ", '"n14998 n14999"', "n0 n14999 "):
        assert found(team, typed) == [numbers], typed
    assert found(team, '"n14999 n14998"') == []
    assert (found(team, han[-2:]), found(team, han[-5:])) == ([han], [han])


def test_a_line_with_tens_of_thousands_of_words_can_be_indexed():
    text = "".join(chr(0x20000 + number) for number in range(40_000)) * 2
    assert len(make_found_dub(text).team.slug)
    text = " ".join(f"{number:x}-{number:x}" for number in range(11_000))
    make_found_dub(text)


# --- The query language --------------------------------------------------------------------------------------


@pytest.fixture
def kitchen():
    """A team with two runs: one English and Portuguese, the other Japanese."""
    team = make_team()
    trailer = make_run(team, title="The TRAILER, été", status=Run.Status.READY)
    make_found_dub("the big kitchen", "a small kitchen", "the big garden", run=trailer)
    make_found_dub("a cozinha grande", run=trailer, language="pt-br")
    teaser = make_run(team, title="Teaser")
    make_found_dub("大きい台所", run=teaser, language="ja-jp")
    tags.add_tags(team, {trailer.pk: ["Launch", "two words"], teaser.pk: ["more"]})
    other = make_run()
    tags.add_tags(other.team, {other.pk: ["secret"]})
    return team


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("kitchen", ["a small kitchen", "the big kitchen"]),
        ("kit*", ["a small kitchen", "the big kitchen"]),
        ("big kitchen", ["the big kitchen"]),
        ("kitchen big", ["the big kitchen"]),
        ('"kitchen big"', []),
        ('"the big"', ["the big garden", "the big kitchen"]),
        ('"big kit', ["the big kitchen"]),
        ("small OR garden", ["the big garden", "a small kitchen"]),
        ("small OR garden -the", ["a small kitchen"]),
        ('"big garden" OR 台所', ["大きい台所", "the big garden"]),
        ("kitchen -small", ["the big kitchen"]),
        ('-"the big"', ["大きい台所", "a cozinha grande", "a small kitchen"]),
        ("speaker:anna the", ["the big garden", "the big kitchen"]),
        ("speaker:ben", ["a small kitchen"]),
        ("speaker:be", ["a small kitchen"]),
        ("anna", []),
        ("speaker", []),
        ("lang:pt", ["a cozinha grande"]),
        ("lang:pt-br", ["a cozinha grande"]),
        ("lang:br", []),
        ("-lang:en -lang:pt", ["大きい台所"]),
        ("title:trailer big", ["the big garden", "the big kitchen"]),
        ("title:ÉTÉ garden", ["the big garden"]),
        ("title:garden", []),
        ("-title:trailer", ["大きい台所"]),
        ("status:ready garden", ["the big garden"]),
        ("status:failed", []),
        ("status:new OR status:ready garden", ["the big garden"]),
        ("tag:launch garden", ["the big garden"]),
        ('tag:"two WORDS" garden', ["the big garden"]),
        ("tag:launch tag:more", []),
        ("tag:more", ["大きい台所"]),
        ("tag:launch OR tag:more -lang:en -lang:pt", ["大きい台所"]),
        ("-tag:Launch", ["大きい台所"]),
        ("-tag:secret garden", ["the big garden"]),
        ("tag:secret", []),
        ("tag:lau garden", []),
        ("tag:\0\ud800 garden", []),
        ("after:2020 garden", ["the big garden"]),
        ("before:2020 garden", []),
        ("run:999999999 garden", []),
        ("", []),
    ],
)
def test_the_query_language_finds_these_lines(kitchen, typed, texts):
    assert found(kitchen, typed) == texts


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("kitchen s", ["a small kitchen", "the big kitchen"]),
        ("kitchen a", ["a small kitchen"]),
        ("kitchen s ", []),
        ("kitchen OR s", ["a small kitchen", "the big kitchen"]),
        ("lang:pt g", ["a cozinha grande"]),
        ('kitchen "s"', []),
        ("kitchen -s", ["a small kitchen", "the big kitchen"]),
        ("s", []),
    ],
)
def test_hits_stay_when_the_next_word_is_begun(kitchen, typed, texts):
    assert found(kitchen, typed) == texts
    assert sorted(line.text for dub in Dub.objects.all() for line in find_in_dub(dub, typed)) == sorted(texts)


def test_a_run_is_found_by_its_camb_ai_run_id(kitchen):
    number = Run.objects.get(title="Teaser").camb_run_id
    assert found(kitchen, f"run:{number}") == ["大きい台所"]
    assert found(kitchen, f"run:{number} kitchen") == []


def test_many_matching_runs_are_looked_up_instead_of_listed_as_terms(kitchen, monkeypatch):
    monkeypatch.setattr(index, "MAX_RUNS_AS_TERMS", 0)
    assert found(kitchen, "title:trailer big") == ["the big garden", "the big kitchen"]
    assert found(kitchen, "-title:trailer") == ["大きい台所"]
    assert found(kitchen, "status:failed") == []


@pytest.mark.parametrize(
    "typed",
    [
        *[
            '"',
            "'",
            "*",
            "%",
            "_",
            "\\",
            "OR",
            "-",
            "()",
            "a AND",
            "NEAR(a b)",
            "words:a",
            "a:*",
            "<->",
            "!a",
            "a & b |",
        ],
        *[
            "'; drop table results_search; --",
            "2f_kitchen",
            "\0",
            "kitchen\0",
            "\ud800",
            "\u202e",
            "🎉",
            "kitchen " * 1300,
        ],
        *[
            "運" * 10_000,
            "-" * 10_000,
            '"kitchen' * 1000,
            "title:\0",
            "title:[",
            "run:99999999999999999999",
            "(" * 1000,
        ],
    ],
)
def test_malformed_and_hostile_searches_return_a_page(kitchen, typed):
    page = search(kitchen.pk, typed)
    assert (len(page.hits), page.is_exact) == (page.count, True)


def test_a_page_carries_the_hint_of_its_search(kitchen):
    page = search(kitchen.pk, "?!")
    assert (page.hits, page.count, page.hint) == (
        [],
        0,
        "There is no letter, digit or emoji in this to search for.",
    )


# --- Isolation -----------------------------------------------------------------------------------------------


def test_a_team_finds_only_its_own_lines():
    ours = make_found_dub("the same words", "only ours")
    theirs = make_found_dub("the same words", "only theirs")
    for mine, other in ((ours, theirs), (theirs, ours)):
        page = search(mine.team_id, "same")
        assert ([hit.cue.dub for hit in page.hits], page.count) == ([mine], 1)
        assert search(mine.team_id, f"run:{other.run.camb_run_id}").count == 0
        assert search(mine.team_id, "-nothing").count == 2
    assert search(ours.team_id, "theirs").count == 0


def test_nothing_typed_reaches_another_team():
    ours, theirs = make_found_dub("our secret"), make_found_dub("their secret")
    [line] = index.read_lines(theirs.cues.all())
    prefix = index.make_entry(line).team
    for typed in (
        f"{prefix}secret",
        f'"{prefix}secret"',
        f"{prefix}*",
        f"x OR {prefix}secret",
        f"speaker:{prefix}*",
    ):
        assert found(ours.team, typed) == [], typed


def test_each_team_has_its_own_prefix_of_terms():
    one, other = make_found_dub("word"), make_found_dub("word")
    prefixes = {index.make_entry(line).team for line in index.read_lines(Cue.objects.filter(dub__in=[one, other]))}
    assert len(prefixes) == 2
    assert all(prefix.endswith("_") for prefix in prefixes)


# --- Freshness -----------------------------------------------------------------------------------------------


def test_removed_lines_are_gone_at_once():
    stays = make_found_dub("kitchen one", "kitchen two")
    gone = make_found_dub("kitchen three", run=make_run(stays.team))
    indexing.remove_cues(gone.cues.all())
    assert found(stays.team, "kitchen") == ["kitchen two", "kitchen one"]
    assert search(stays.team_id, "kitchen").count == 2


def test_removing_cues_that_are_not_indexed_does_no_harm():
    dub = make_found_dub("kitchen")
    never = make_dub(make_run(dub.team), ["kitchen"])
    indexing.remove_cues(never.cues.all())
    indexing.remove_cues(Cue.objects.none())
    assert found(dub.team, "kitchen") == ["kitchen"]
    indexing.remove_cues(dub.cues.all())
    indexing.remove_cues(dub.cues.all())
    assert found(dub.team, "kitchen") == []


def test_a_changed_dub_is_found_by_its_new_words_only():
    dub = make_found_dub("old words")
    with transaction.atomic():
        indexing.remove_cues(dub.cues.all())
        dub.cues.all().delete()
        dub.cues.create(team=dub.team, run=dub.run, position=1, start_ms=0, end_ms=1, text="new words")
        indexing.add_cues(dub.cues.all())
    assert [found(dub.team, typed) for typed in ("old", "new", "words")] == [[], ["new words"], ["new words"]]


def test_a_rebuilt_index_finds_what_is_stored():
    dub = make_found_dub("kitchen", "garden")
    stray = make_found_dub("kitchen", run=make_run(dub.team))
    stray.cues.all().delete()
    missing = make_dub(make_run(dub.team), ["kitchen sink"])
    steps: list[int] = []
    indexing.rebuild(steps.append)
    assert steps == [3]
    assert found(dub.team, "kitchen") == ["kitchen sink", "kitchen"]
    assert search(dub.team_id, "kitchen").count == 2
    indexing.remove_cues(missing.cues.all())
    assert found(dub.team, "kitchen") == ["kitchen"]


@pytest.mark.django_db(transaction=True)
def test_a_rebuild_runs_while_others_search_save_and_remove(monkeypatch):
    monkeypatch.setattr(indexing, "_BATCH", 2)
    dub = make_found_dub("kitchen one", "kitchen two", "kitchen three")
    run = dub.run

    def meanwhile(done):
        if done != 2:
            return
        assert len(found(run.team, "kitchen")) == 3
        gone = dub.cues.filter(position__in=(1, 3))
        indexing.remove_cues(gone)
        gone.delete()
        make_found_dub("kitchen four", run=run, language="fr")

    indexing.rebuild(meanwhile)
    assert found(run.team, "kitchen") == ["kitchen four", "kitchen two"]
    assert search(run.team_id, "kitchen").count == 2
    indexing.remove_cues(Cue.objects.all())
    assert found(run.team, "kitchen") == []


@pytest.mark.django_db(transaction=True)
def test_changes_during_a_rebuild_are_in_the_rebuilt_index(monkeypatch):
    monkeypatch.setattr(indexing, "_BATCH", 2)
    run = make_found_dub("kitchen one", "kitchen two", "kitchen three").run
    away, back = make_found_dub("kitchen four").run, make_dub(lines=["kitchen five", "kitchen six"]).run
    Run.objects.filter(pk=back.pk).update(archived_at=timezone.now(), is_indexed=False)

    def meanwhile(done):
        if done == 2:
            speakers.rename_speaker(run, "Anna", "Kim", everywhere=False)
            Run.objects.filter(pk=away.pk).update(archived_at=timezone.now())
        if done == 3:
            Run.objects.filter(pk=back.pk).update(archived_at=None)
        for changed in Run.objects.filter(pk__in=[away.pk, back.pk]):
            indexing.sync_run(changed)

    indexing.rebuild(meanwhile)
    assert found(run.team, "speaker:kim kitchen") == ["kitchen three", "kitchen one"]
    assert found(away.team, "kitchen") == []
    assert found(back.team, "kitchen") == ["kitchen six", "kitchen five"]
    indexing.remove_cues(Cue.objects.all())
    for team in (run.team, away.team, back.team):
        assert found(team, "kitchen") == []
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("insert into results_search (results_search) values ('integrity-check')")


class KilledError(BaseException):
    pass


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's index is rebuilt in place")
def test_a_killed_rebuild_drops_its_unfinished_table():
    dub = make_found_dub("kitchen")

    def killed(done):
        assert set(sqlite._tables()) == {"results_search", "results_search_new"}
        raise KilledError

    with pytest.raises(KilledError):
        indexing.rebuild(killed)
    assert (sqlite._tables(), found(dub.team, "kitchen")) == (["results_search"], ["kitchen"])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's index is rebuilt in place")
def test_the_unfinished_table_of_a_killed_rebuild_is_dropped_at_the_next_start():
    with connection.cursor() as cursor:
        cursor.execute("create table results_search_new (words)")
    indexing.drop_unfinished_rebuild()
    assert sqlite._tables() == ["results_search"]


# --- Pages and counts ----------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_overlap():
    dub = make_found_dub(*(f"kitchen {number}" for number in range(25)))
    make_found_dub("kitchen")
    pages = [search(dub.team_id, "kitchen", limit=10)]
    while before := pages[-1].next_before:
        pages.append(search(dub.team_id, "kitchen", before_id=before, limit=10))
    assert [len(page.hits) for page in pages] == [10, 10, 5]
    assert [(page.count, page.is_exact) for page in pages[:1]] == [(25, True)]
    assert not any(page.is_exact for page in pages[1:])
    ids = [hit.cue.pk for page in pages for hit in page.hits]
    assert ids == list(dub.cues.order_by("-pk").values_list("pk", flat=True))


def test_a_page_that_is_exactly_full_is_the_last():
    team = make_found_dub("kitchen", "kitchen").team
    assert search(team.pk, "kitchen", limit=2).next_before is None
    assert search(team.pk, "kitchen", limit=1).next_before is not None


@pytest.mark.parametrize(("lines", "count", "is_exact"), [(20, 20, True), (21, 20, False)])
def test_hits_are_counted_up_to_a_bound(lines, count, is_exact, monkeypatch):
    monkeypatch.setattr(service, "COUNT_UP_TO", 20)
    team = make_found_dub(*["kitchen"] * lines).team
    page = search(team.pk, "kitchen", limit=5)
    assert (len(page.hits), page.count, page.is_exact) == (5, count, is_exact)


def test_old_hits_behind_many_newer_lines_are_found(monkeypatch):
    monkeypatch.setattr(postgres, "FEW_LINES", 4)
    monkeypatch.setattr(postgres, "MANY_LINES", 12)
    lines = ["rare", *["often" if number % 3 else "seldom" for number in range(30)]]
    team = make_found_dub(*lines).team
    assert found(team, "rare") == ["rare"]
    for typed, total in (("often", 20), ("seldom", 10), ("rare", 1)):
        page = search(team.pk, typed, limit=3)
        assert (len(page.hits), page.count) == (min(3, total), total), typed


def test_a_page_needs_the_same_few_queries_however_many_hits(django_assert_num_queries):
    few = make_found_dub(*["kitchen"] * 3).team
    many = make_found_dub(*["kitchen"] * 30).team
    for team, limit in ((few, 2), (many, 20)):
        with django_assert_num_queries(4 if connection.vendor == "sqlite" else 6):
            for hit in search(team.pk, "kitchen", limit=limit).hits:
                assert (hit.cue.dub.language, hit.cue.run.team_id) == ("en-us", team.pk)
