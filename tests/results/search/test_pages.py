"""The search service beyond plain hits: facets, best first, suggestions, parallel lines, all hits."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from results import tags
from results.models import Cue, Run, VocabularyWord
from results.search import indexing, service, vocabulary
from results.search.find import count_in_dub
from results.search.service import Facets, iter_hits, search
from results.transcripts import languages
from tests.factories import make_dub, make_ready_run, make_run, make_team
from tests.results.search.test_search import found, make_found_dub

pytestmark = pytest.mark.django_db


# --- Facets --------------------------------------------------------------------------------------------------


def facets(team, typed):
    return search(team.pk, typed, with_facets=True).facets


TODAY = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def wednesday(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


def test_facets_count_the_hits_by_language_speaker_and_status(wednesday):
    run = make_run(status=Run.Status.READY, created_at=TODAY)
    make_found_dub("word one", "word two", "word three", "none", run=run)
    make_found_dub("word", run=run, language="ja-jp")
    make_found_dub("word", run=make_run(run.team, status=Run.Status.PARTLY, created_at=TODAY), language="")
    make_found_dub("word of others")
    assert facets(run.team, "word") == Facets(
        of=5,
        is_all=True,
        runs=2,
        languages=[("en-us", 3), ("ja-jp", 1)],
        speakers=[("Anna", 4), ("Ben", 1)],
        statuses=[("ready", 4), ("partly", 1)],
        tags=[],
        dates=[("after:2026-11-23", 5), ("after:2026-11-01", 5), ("after:2026-01-01", 5), ("before:2026-01-01", 0)],
    )


def test_facets_count_the_hits_by_when_their_run_was_added(wednesday):
    team = make_team()
    for day in ((2026, 11, 25), (2026, 11, 23), (2026, 11, 22), (2026, 2, 1), (2025, 12, 31)):
        make_found_dub("word", run=make_run(team, created_at=datetime(*day, 12, tzinfo=UTC)))
    dates = [("after:2026-11-23", 2), ("after:2026-11-01", 3), ("after:2026-01-01", 4), ("before:2026-01-01", 1)]
    assert facets(team, "word").dates == dates
    assert [(typed, search(team.pk, f"{typed} word").count) for typed, _count in dates] == dates


def test_tags_are_counted_by_hits_and_only_the_teams_own():
    run, other = make_run(), make_run()
    make_found_dub("word one", "word two", run=run)
    make_found_dub("word", run=run, language="ja-jp")
    make_found_dub("word", run=make_run(run.team))
    make_found_dub("word", run=other)
    tags.add_tags(run.team, {run.pk: ["Launch", "two words"]})
    tags.add_tags(other.team, {other.pk: ["secret"]})
    assert facets(run.team, "word").tags == [("Launch", 3), ("two words", 3)]


def test_facets_count_only_a_sample_of_the_newest_hits(monkeypatch):
    monkeypatch.setattr(service, "SAMPLE_SIZE", 4)
    run = make_run()
    make_found_dub(*["word"] * 3, run=run, language="en")
    make_found_dub(*["word"] * 3, run=run, language="fr")
    counted = facets(run.team, "word")
    assert (counted.of, counted.is_all, counted.languages) == (4, False, [("fr", 3), ("en", 1)])


def test_facets_are_returned_only_on_request_and_with_hits():
    team = make_found_dub("word").team
    assert search(team.pk, "word").facets is None
    assert facets(team, "other") is None


def test_facets_take_the_same_queries_however_many_hits(django_assert_num_queries):
    few, many = make_found_dub(*["word"] * 6).team, make_found_dub(*["word"] * 60).team
    counts = []
    for team in (few, many):
        with django_assert_num_queries(20, exact=False) as queries:
            search(team.pk, "word", limit=5, with_facets=True)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Best first ----------------------------------------------------------------------------------------------


def test_best_first_prefers_words_side_by_side_then_whole_words_then_short_then_new_lines():
    lines = [
        "kitchens, big",
        "a kitchen that is big",
        "big old kitchen",
        "the very big kitchen here",
        "a big kitchen",
        "a big kitchen",
    ]
    dub = make_found_dub(*lines)
    page = search(dub.team_id, "big kitchen", best_first=True)
    assert [hit.cue.position for hit in page.hits] == [6, 5, 4, 3, 2, 1]


def test_best_first_prefers_words_spelled_as_typed():
    dub = make_found_dub("a resume", "a résumé", "one more resume")
    typed = {"résumé ": "a résumé", "resume ": "a resume"}
    found_first = {text: search(dub.team_id, text, best_first=True).hits[0].cue.text for text in typed}
    assert found_first == typed


def test_a_speaker_whom_no_line_has_is_named_as_unknown_with_those_there_are():
    dub = make_found_dub("kitchen", "garden", "kitchen")
    hint = "No line has this speaker. Speakers of the newest lines: “Anna”, “Ben”."
    assert search(dub.team_id, "speaker:zoe kitchen").hint == hint
    assert search(dub.team_id, "speaker:ben kitchen").hint == ""
    assert search(dub.team_id, "speaker:zoe OR speaker:anna kitchen").hint == ""
    assert search(make_team().pk, "speaker:zoe").hint == "No line has this speaker."


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("lang:fr kitchen", "No dub is in French. This team has: Spanish (Mexico), German."),
        ("in:fr kitchen", "No dub is in French. This team has: Spanish (Mexico), German."),
        ("lang:es garden", ""),
        (
            "lang:french OR lang:pt-br",
            "No dub is in French. No dub is in Portuguese (Brazil). This team has: Spanish (Mexico), German.",
        ),
        ("lang:klingonish", f"{languages.not_known('klingonish')} This team has: Spanish (Mexico), German."),
        ("lang:大国", f"{languages.not_known('大国')} This team has: Spanish (Mexico), German."),
    ],
)
def test_a_language_that_no_dub_is_in_is_named_with_those_there_are(typed, hint):
    team = make_team()
    for language in ("es-mx", "de", "es-mx", ""):
        make_found_dub("kitchen", run=make_ready_run(team), language=language)
    make_found_dub("kitchen", run=make_ready_run(team, archived_at=timezone.now()), language="it")
    assert search(team.pk, typed).hint == hint


def test_a_tag_that_no_run_has_is_named_with_those_there_are():
    team = make_team()
    for names in (["Épisode", "trailer"], ["trailer"], []):
        run = make_ready_run(team)
        tags.add_tags(team, {run.pk: names})
        make_found_dub("kitchen", run=run)
    assert (
        search(team.pk, "tag:xyz kitchen").hint == "No run has the tag “xyz”. This team has: “trailer”, “Épisode”."
    )
    assert search(team.pk, "tag:episode garden").hint == ""
    assert search(make_team().pk, "tag:xyz").hint == "No run has the tag “xyz”."


def test_a_team_without_dubs_has_no_language_to_name():
    make_found_dub("cuisine", language="fr")
    assert search(make_team().pk, "lang:fr").hint == "No dub is in French."


def test_best_first_pages_stay_as_they_were_when_lines_are_added(monkeypatch):
    run = make_run()
    make_found_dub(*(f"word {'and ' * number}" for number in range(7)), run=run)
    page = search(run.team_id, "word", best_first=True, limit=3)
    seen = [hit.cue.text.strip() for hit in page.hits]
    make_found_dub("word", run=run, language="fr")
    while page.next_before:
        page = search(
            run.team_id, "word", before_id=page.next_before, skip=page.next_skip, best_first=True, limit=3
        )
        seen += [hit.cue.text.strip() for hit in page.hits]
    assert seen == [f"word {'and ' * number}".strip() for number in range(7)]


def test_best_first_sorts_only_a_sample_of_the_newest_hits(monkeypatch):
    monkeypatch.setattr(service, "SAMPLE_SIZE", 3)
    team = make_found_dub("word", *["a longer word"] * 3).team
    page = search(team.pk, "word", best_first=True, limit=3)
    assert ([hit.cue.text for hit in page.hits], page.next_before) == (["a longer word"] * 3, None)
    assert (page.count, page.is_exact) == (4, True)


# --- Suggestions ---------------------------------------------------------------------------------------------


@pytest.fixture
def kitchen_team():
    """A team whose words can be suggested."""
    dub = make_found_dub("The big Kitchen garden", "a kitchen, la bibliothèque", "хороший день", "大きい台所")
    indexing.learn_words(dub)
    return dub.team


def suggestion(team, typed):
    return search(team.pk, typed).suggestion


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kitchne", "kitchen"),
        ("kitche", ""),
        ("ktichen", "kitchen"),
        ("kitcen", "kitchen"),
        ("kittchen", "kitchen"),
        ("mitchen", "kitchen"),
        ("kitchenn", "kitchen"),
        ("kkitchen", "kitchen"),
        ("kitxhxn", "kitchen"),
        ("Kitchne GADREN", "Kitchen garden"),
        ("big kitchne -day", "big kitchen -day"),
        ('"big kitchne"', '"big Kitchen"'),
        ("speaker:anna kitchne", "speaker:anna Kitchen"),
        ("biblioteque", "bibliothèque"),
        ("хароший", "хороший"),
        ("kitchen garden day", ""),
        ("gxrdxx", ""),
        ("big bag", ""),
        ("speaker:kitchne", ""),
        ("12345", ""),
        ("zzz", ""),
    ],
)
def test_a_similar_word_is_suggested_for_a_mistyped_one(kitchen_team, typed, meant):
    assert (found(kitchen_team, typed) == []) == (typed != "kitche")
    assert suggestion(kitchen_team, typed).casefold() == meant.casefold()
    assert not meant or found(kitchen_team, suggestion(kitchen_team, typed))


def test_a_word_is_suggested_in_its_most_frequent_spelling():
    dub = make_found_dub("Kitchen", "the kitchen", "a kitchen")
    indexing.learn_words(dub)
    assert suggestion(dub.team, "kitchne") == "kitchen"


def test_the_most_frequent_of_the_nearest_words_is_suggested():
    dub = make_found_dub("a kitten", "a mitten", "the mitten")
    indexing.learn_words(dub)
    assert suggestion(dub.team, "pitten") == "mitten"


def test_several_words_are_suggested_out_of_one_line():
    dub = make_found_dub("a kitten sleeps", "a mitten hangs", "the mitten", "no sleeping")
    indexing.learn_words(dub)
    assert suggestion(dub.team, "pitten sleepz") == "kitten sleeps"


def test_words_without_attached_letters_joined_words_and_speakers_are_suggested():
    dub = make_dub(lines=["והילדים בירושלים", "that wasn't naïve"])
    dub.cues.filter(position=2).update(speaker="José Lima")
    indexing.add_cues(dub.cues.all())
    indexing.learn_words(dub)
    assert suggestion(dub.team, "הילידם") == "הילדים"
    assert suggestion(dub.team, "wasnt naieve") == "wasnt naïve"
    assert suggestion(dub.team, "speaker:joze") == "speaker:José"


def test_a_field_without_a_value_is_not_replaced():
    dub = make_found_dub("Đà Nẵng")
    indexing.learn_words(dub)
    assert suggestion(dub.team, "lang:") == ""


def test_no_suggestion_comes_from_another_team():
    theirs, ours = make_found_dub("kitchen"), make_found_dub("garden")
    for dub in (theirs, ours):
        indexing.learn_words(dub)
    assert suggestion(ours.team, "kitchne") == ""
    assert suggestion(theirs.team, "kitchne") == "kitchen"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Nordlciht", "Nordlicht"),
        ("nordlict", "Nordlicht"),
        ("Nordlichz Folge", "Nordlicht Folge"),
        ("Nordlciht Flge", "Nordlicht Folge"),
        ("Nordlciht kitchen", ""),
        ("Nordlciht Teil", ""),
        ("Nordlciht -Folge", ""),
        ("Nordlicht", ""),
        ("Sternwrate", ""),
        ("Ктрна", ""),
    ],
)
def test_a_mistyped_word_of_a_title_is_corrected_where_no_line_has_one_like_it(kitchen_team, typed, meant):
    for number in range(1, 4):
        make_ready_run(kitchen_team, title=f"Nordlicht, Folge {number}")
    make_ready_run(kitchen_team, title="Teil 7")
    make_ready_run(kitchen_team, title="Sternwarte", archived_at=timezone.now())
    make_ready_run(make_team(), title="Sternwarte")
    assert suggestion(kitchen_team, typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("title:nordlihct", "title:Nordlicht"),
        ('title:"nordlihct folge" kitchen', 'title:"Nordlicht folge" kitchen'),
        ("title:nordlihct meadow", ""),
        ("title:qwertzuiop", ""),
        ("kitchen -title:nordlihct meadow", ""),
    ],
)
def test_a_mistyped_title_filter_is_corrected_where_that_finds_lines(typed, meant):
    run = make_ready_run(make_team(), title="Nordlicht Folge 1")
    make_found_dub("the kitchen", run=run)
    assert search(run.team_id, typed).suggestion == meant


def test_only_the_newest_titles_are_read(kitchen_team, monkeypatch):
    for title in ("Sternwarte", "Nordlicht"):
        make_ready_run(kitchen_team, title=title)
    assert (suggestion(kitchen_team, "Sternwrate"), suggestion(kitchen_team, "Nordlciht")) == (
        "Sternwarte",
        "Nordlicht",
    )
    monkeypatch.setattr(service, "_TITLES_READ", 1)
    assert (suggestion(kitchen_team, "Sternwrate"), suggestion(kitchen_team, "Nordlciht")) == ("", "Nordlicht")


@pytest.mark.parametrize("typed", ["Arcihv", "Acrhiv", "rAchiv", "Archvi", "Arhciv"])
def test_letters_swapped_anywhere_in_a_title_are_found(typed):
    run = make_ready_run(make_team(), title="Das Archiv")
    assert suggestion(run.team, typed) == "Archiv"


def test_a_word_that_is_gone_is_not_suggested(kitchen_team):
    indexing.remove_cues(Cue.objects.filter(team=kitchen_team))
    Cue.objects.filter(team=kitchen_team).delete()
    assert suggestion(kitchen_team, "kitchne") == ""


def test_a_deleted_team_takes_its_vocabulary_along(kitchen_team):
    assert VocabularyWord.objects.filter(team=kitchen_team).count() == 6
    kitchen_team.delete()
    assert not VocabularyWord.objects.exists()


def test_words_are_learned_once_and_again_by_a_rebuild(kitchen_team):
    words = set(VocabularyWord.objects.values_list("team", "word", "backwards"))
    assert {word for _team, word, _backwards in words} >= {"kitchen", "bibliotheque", "хороший"}
    indexing.learn_words(Cue.objects.filter(team=kitchen_team)[0].dub)
    assert set(VocabularyWord.objects.values_list("team", "word", "backwards")) == words
    VocabularyWord.objects.create(team=kitchen_team, word="stray", backwards="yarts")
    indexing.rebuild()
    assert set(VocabularyWord.objects.values_list("team", "word", "backwards")) == words


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("kitchen", "kitchen", 0),
        ("kitchen", "kitchne", 1),
        ("kitchen", "kichen", 1),
        ("kitchen", "kkitchen", 1),
        ("kitchen", "kitchan", 1),
        ("kitchen", "iktchne", 2),
        ("kitchen", "chicken", 3),
        ("kitchen", "kit", 3),
    ],
)
def test_the_edit_distance_is_counted_up_to_a_bound(one, other, distance):
    assert vocabulary._edit_distance(one, other, 2) == vocabulary._edit_distance(other, one, 2) == distance


# --- All hits ------------------------------------------------------------------------------------------------


def test_all_hits_are_returned_newest_first_in_batches(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(indexing, "_BATCH", 4)
    run = make_run(title="Trailer")
    make_found_dub(*(f"word {number}" for number in range(10)), run=run)
    make_found_dub("word of others")
    with django_assert_max_num_queries(30):
        cues = [(hit.cue.text, hit.cue.dub.language, hit.cue.run.title) for hit in iter_hits(run.team_id, "word")]
    assert cues == [(f"word {number}", "en-us", "Trailer") for number in reversed(range(10))]
    assert list(iter_hits(run.team_id, "")) == []
    assert list(iter_hits(run.team_id, "title:nothing")) == []


def test_the_hits_in_one_dub_are_counted():
    run = make_run()
    dub = make_found_dub("word one", "word two", "other", run=run)
    twin = make_found_dub("word", run=run, language="fr")
    make_found_dub("word", run=make_run(run.team))
    assert [count_in_dub(one, "word") for one in (dub, twin)] == [2, 1]
    assert [count_in_dub(dub, typed) for typed in ("title:nothing word", "", "missing")] == [0, 0, 0]
    assert count_in_dub(make_dub(make_run(make_team())), "word") == 0
