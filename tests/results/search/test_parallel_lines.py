"""Lines at the same moment in other dubs of a source, and the search that lands in another language."""

import pytest
from django.db import connection

from results.models import Cue, Dub, Run, Source
from results.runs.archive import archive_runs
from results.search import parallel_lines as module
from results.search import service
from results.search.find import count_in_dub
from results.search.parallel_lines import parallel_lines
from results.search.service import iter_hits, search
from tests.factories import make_numbered_runs, make_ready_run, make_run, make_team
from tests.results.search.test_search import make_found_dub

pytestmark = pytest.mark.django_db


def in_source(*runs: Run) -> None:
    source = Source.objects.create(team=runs[0].team)
    for run in runs:
        run.source = source
        run.save()


def parallel_texts(hits) -> list[list[tuple[str, str]]]:
    parallel = parallel_lines(hit.cue for hit in hits)
    return [[(line.language, line.text) for line in parallel.get(hit.cue.pk, [])] for hit in hits]


def landed(source_team, typed: str) -> list[tuple[str, str]]:
    """Return the found lines with the lines for which they stand."""
    return [(hit.cue.text, hit.said.cue.text) for hit in search(source_team.pk, typed).hits if hit.said]


# --- Beside a hit --------------------------------------------------------------------------------------------


def test_parallel_lines_come_from_the_runs_other_dubs(django_assert_num_queries):
    run = make_run()
    make_found_dub("one", "two", "three", run=run)
    make_found_dub("eins", "zwei", "drei", run=run, language="de")
    make_found_dub("un", "deux", "trois", run=run, language="fr")
    make_found_dub("other", "two", run=make_run(run.team), language="it")
    hits = search(run.team_id, "two").hits
    with django_assert_num_queries(1):
        assert parallel_texts(hits) == [[], [("de", "zwei"), ("fr", "deux")]]


def test_parallel_lines_come_from_the_dubs_of_companions_too(django_assert_num_queries):
    run, companion = make_run(), make_run()
    companion.team = run.team
    in_source(run, companion)
    make_found_dub("one", "two", "three", run=run)
    make_found_dub("eins", "zwei", "drei", run=companion, language="de")
    make_found_dub("un", "deux", "trois", run=run, language="fr")
    hits = search(run.team_id, "two").hits
    with django_assert_num_queries(3):
        assert parallel_texts(hits) == [[("fr", "deux"), ("de", "zwei")]]
    archive_runs(run.team, [companion.pk])
    assert parallel_texts(hits) == [[("fr", "deux")]]


def test_the_dubs_of_a_big_source_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_COMPANION_DUBS", 2)
    team = make_team()
    runs = [make_run(team) for _ in range(5)]
    in_source(*runs)
    for number, run in enumerate(runs):
        make_found_dub("word" if number == 4 else f"line {number}", run=run, language=f"a{number}")
    assert parallel_texts(search(team.pk, "word").hits) == [[("a0", "line 0"), ("a1", "line 1")]]


def test_all_parallel_lines_of_a_long_line_are_returned():
    run = make_run()
    dub = make_found_dub("a long line", run=run)
    dub.cues.update(end_ms=4000)
    make_found_dub("eine", "lange", "dann", run=run, language="de")
    assert parallel_texts(search(run.team_id, "long").hits) == [[("de", "eine"), ("de", "lange")]]


def test_a_parallel_line_is_found_where_one_language_has_many_more_lines():
    run = make_run()
    make_found_dub(*["x"] * 60, "now", run=run)
    other = make_found_dub("jetzt", run=run, language="de")
    other.cues.update(start_ms=120_000, end_ms=122_000)
    assert parallel_texts(search(run.team_id, "now").hits) == [[("de", "jetzt")]]


def test_no_hits_have_no_parallel_lines():
    assert parallel_lines([]) == {}


# --- in:ja kitchen -------------------------------------------------------------------------------------------


@pytest.fixture
def source_team():
    """A team with a source of two runs in English and Japanese, and a run in both languages."""
    team = make_team()
    english, japanese, both, alone = (make_ready_run(team, title=name) for name in ("en", "ja", "both", "alone"))
    in_source(english, japanese)
    make_found_dub("hello", "the kitchen is big", "bye", run=english)
    make_found_dub("こんにちは", "台所は広い", "さようなら", run=japanese, language="ja-jp")
    make_found_dub("a kitchen of our own", run=both)
    make_found_dub("私たちの台所", run=both, language="ja")
    make_found_dub("no kitchen in Japanese here", run=alone)
    return team


@pytest.mark.parametrize("target", ["ja", "japanese", "Japanese", "日本語", "JA"])
def test_a_search_lands_in_another_language_over_runs(source_team, target):
    assert landed(source_team, f"in:{target} kitchen") == [
        ("私たちの台所", "a kitchen of our own"),
        ("台所は広い", "the kitchen is big"),
    ]


def test_the_words_are_marked_where_they_were_said(source_team):
    page = search(source_team.pk, "in:ja kitchen is")
    [hit] = page.hits
    assert (hit.cue.run.title, hit.marks, hit.said.cue.run.title) == ("ja", [], "en")
    assert [hit.said.cue.text[slice(*span)] for span in hit.said.marks] == ["kitchen", "is"]
    assert page.count == 1


def test_words_said_in_the_target_language_itself_are_not_meant(source_team):
    assert landed(source_team, "in:ja 台所") == []
    assert landed(source_team, "in:en 台所") == [
        ("a kitchen of our own", "私たちの台所"),
        ("the kitchen is big", "台所は広い"),
    ]


def test_the_runs_of_a_target_are_asked_for_by_plain_sql(source_team, monkeypatch):
    monkeypatch.setattr(Run.objects, "current", None)
    assert len(landed(source_team, "in:ja kitchen")) == 2


def test_other_filters_hold_for_the_line_that_was_said(source_team):
    assert landed(source_team, "in:ja kitchen title:both") == [("私たちの台所", "a kitchen of our own")]
    assert landed(source_team, "in:ja kitchen -own") == [("台所は広い", "the kitchen is big")]
    assert landed(source_team, "in:fr kitchen") == []


def test_archived_runs_are_no_target(source_team):
    archive_runs(source_team, Run.objects.filter(title="ja").pks())
    assert landed(source_team, "in:ja kitchen") == [("私たちの台所", "a kitchen of our own")]


def test_no_search_lands_in_another_team(source_team):
    stranger = make_team()
    run = make_ready_run(stranger)
    make_found_dub("kitchen", run=run)
    make_found_dub("台所", run=run, language="ja")
    assert landed(stranger, "in:ja kitchen") == [("台所", "kitchen")]
    assert len(landed(source_team, "in:ja kitchen")) == 2


def test_all_hits_land_too(source_team):
    assert [hit.cue.text for hit in iter_hits(source_team.pk, "in:ja kitchen")] == ["私たちの台所", "台所は広い"]


def test_a_saved_search_tells_of_either_dub_of_the_moment(source_team):
    dubs = {run.title: list(run.dubs.order_by("pk")) for run in Run.objects.filter(team=source_team)}
    assert count_in_dub(dubs["ja"][0], "in:ja kitchen") == 1
    assert count_in_dub(dubs["en"][0], "in:ja kitchen") == 1
    assert count_in_dub(dubs["alone"][0], "in:ja kitchen") == 0


def test_a_target_without_words_or_of_no_language_says_so(source_team):
    assert search(source_team.pk, "in:ja").hint == "in: takes words as well, such as in:ja kitchen."
    assert "Dubroom knows no language “klingonish”" in search(source_team.pk, "in:klingonish kitchen").hint


# --- The plan of PostgreSQL ----------------------------------------------------------------------------------


def store_many_lines(runs: list[Run], lines_per_dub: int) -> None:
    """Store dubs in three languages of each of these runs, with so many lines, and have PostgreSQL count them."""
    Dub.objects.bulk_create(
        Dub(team=run.team, run=run, language=tag, media_fetched_at=run.created_at, cue_count=lines_per_dub)
        for run in runs
        for tag in ("en", "de", "fr")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into results_cue"
            " (team_id, run_id, dub_id, position, start_ms, end_ms, speaker, original_speaker, text)"
            " select team_id, run_id, id, number, number * 3000, number * 3000 + 2500, 'Anna', '', 'a line'"
            " from results_dub, generate_series(1, %s) as number",
            [lines_per_dub],
        )
        for table in ("cue", "dub", "run"):
            cursor.execute(f"analyze results_{table}")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite chooses its plan by other rules")
@pytest.mark.parametrize("is_source", [False, True], ids=["of the run", "of companions"])
def test_postgresql_reads_the_lines_of_other_dubs_by_an_index(is_source):
    """The planner cannot tell how few lines stand near a position, and once read every line of the database."""
    team = make_team()
    runs = make_numbered_runs(team, 80)
    if is_source:
        for first in range(0, len(runs), 4):
            in_source(*runs[first : first + 4])
    store_many_lines(runs, 150)
    in_english = Cue.objects.filter(dub__language="en", position__range=(40, 41)).order_by("-pk")
    newest = in_english.values_list("pk", flat=True)[:50]
    found = service._cues(team.pk, list(newest))
    plans: list[str] = []

    def explain(execute, sql, params, many, context):
        if "near as" in sql:
            execute(f"explain {sql}", params, many, context)
            plans.append("\n".join(line for (line,) in context["cursor"].fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        assert len(parallel_lines(found)) == len(found) == 50
    assert len(plans) == 1 + is_source
    assert [plan for plan in plans if "Seq Scan on results_cue" in plan] == []
