"""Suggested sources: which runs look like dubs of one original, and what becomes of a suggestion."""

import random
from collections import defaultdict

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demo.samples import DEMO_TITLES
from demo.server import StandIn
from results.models import Run
from results.runs import source_suggestions
from results.runs.add import add_runs
from results.runs.source import join_runs, refuse_suggestion, take_apart
from results.runs.source_names import name_key, without_language
from results.runs.source_suggestions import suggest_pending
from tests.factories import make_key, make_run, make_team
from tests.results.runs.made_sources import jittered, make_decoys, make_groups, make_run_of, starts_of_original

NAMES = [
    "Harbour Lights (Spanish)", "Harbour Lights_es", "Harbour Lights [ES-419]", "Harbour Lights - Deutsch",
    "Harbour Lights 日本語版", "Harbour Lights（日本語版）", "Harbour Lights – Español (Latinoamérica)",
    "harbour_lights.es.mp4", "Harbour Lights PT-BR", "Harbour Lights EN->ES", "Harbour Lights dubbed in French",
    "Harbour Lights, version française", "Spanish - Harbour Lights", "[FR] Harbour Lights", "ES_Harbour Lights",
    "Harbour Lights हिन्दी", "Harbour Lights العربية", "Harbour Lights (zh-Hant-TW)", "Harbour Lights 한국어 더빙",
    "Harbour Lights tiếng Việt", "Harbour Lights ภาษาไทย", "Harbour Lights · Norsk",
    "Harbour Lights Português (Brasil)",
    "Harbour Lights (Русская версия)", "Harbour Lights 简体中文", "Harbour Lights in het Nederlands",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_language_is_taken_out_of_a_name_however_it_is_written(name):
    assert name_key(name) == "harbour lights"


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("As It Is", "As It Is"),
        ("Rocky II", "Rocky II"),
        ("Rocky VI", "Rocky VI"),
        ("Dr. No", "Dr. No"),
        ("Trailer 1 (German)", "Trailer 1"),
        ("港の灯（英語）", "港の灯"),
        ("港の灯英語吹替版", "港の灯"),
        ("S01E02_es_final", "S01E02_final"),
        ("Between the Tides, episode 3 (Spanish)", "Between the Tides, episode 3"),
        ("(Spanish)", ""),
        ("", ""),
    ],
)
def test_the_rest_of_a_name_stays_as_it_is_written(name, bare):
    assert without_language(name) == bare


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_enqueued(enqueued):
    """No worker runs here."""


def suggestions(team) -> list[set[int]]:
    groups = defaultdict[int, set[int]](set)
    for pk, number in Run.objects.filter(team=team, suggestion__isnull=False).values_list("pk", "suggestion"):
        groups[number].add(pk)
    return sorted(groups.values(), key=min)


def make_dubs(team, *titles: str, seed: int = 7) -> list[Run]:
    chance = random.Random(seed)
    starts = starts_of_original(chance, 120_000)
    return [make_run_of(team, title, jittered(chance, starts), 120_000) for title in titles]


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 40), *(pytest.param(seed, 100, marks=pytest.mark.thorough) for seed in (1, 2, 3))]
)
def test_of_many_made_runs_nearly_all_dubs_are_suggested_and_no_other_run(seed, count):
    team, chance = make_team(), random.Random(seed)
    groups = [{run.pk for run in group} for group in make_groups(team, chance, count)]
    make_decoys(team, chance, count)
    while Run.objects.uncompared().exists():  # on a busy machine this takes more than one turn
        suggest_pending()
    found = suggestions(team)
    assert [group for group in found if not any(group <= right for right in groups)] == []
    assert sum(map(len, found)) >= 0.95 * sum(map(len, groups))


def test_no_runs_of_the_demo_are_suggested(settings, team, sweep):
    with StandIn() as stand_in:
        settings.CAMB_BASE_URL = stand_in.base_url
        add_runs(team, list(DEMO_TITLES.items()), None)
        sweep()
    suggest_pending()
    assert Run.objects.filter(is_compared=True).count() >= 10
    assert suggestions(team) == []


def test_runs_of_two_teams_are_never_suggested_together():
    one, other = make_team(), make_team()
    make_dubs(one, "Pilot (French)")
    make_dubs(other, "Pilot (German)")
    suggest_pending()
    assert suggestions(one) + suggestions(other) == []


def test_a_run_joins_the_suggestion_of_earlier_ones_and_leaves_it_with_its_name():
    team = make_team()
    [french, german] = make_dubs(team, "Pilot (French)", "Pilot (German)")
    suggest_pending()
    [polish] = make_dubs(team, "Pilot_pl")
    suggest_pending()
    assert suggestions(team) == [{french.pk, german.pk, polish.pk}]
    for run in (french, german):
        Run.objects.filter(pk=run.pk).update(title=f"Other {run.pk}", is_compared=False)
    suggest_pending()
    assert suggestions(team) == []


def test_a_refused_suggestion_does_not_come_again():
    team = make_team()
    runs = make_dubs(team, "Pilot (French)", "Pilot (German)")
    suggest_pending()
    refuse_suggestion(team, [run.pk for run in runs])
    Run.objects.update(is_compared=False)
    suggest_pending()
    assert suggestions(team) == []


def test_a_joined_source_is_suggested_only_with_a_new_run():
    team = make_team()
    runs = make_dubs(team, "Pilot (French)", "Pilot (German)")
    join_runs(team, [run.pk for run in runs])
    suggest_pending()
    assert suggestions(team) == []
    [polish] = make_dubs(team, "Pilot_pl")
    suggest_pending()
    assert suggestions(team) == [{polish.pk, *(run.pk for run in runs)}]


def test_a_run_that_was_taken_apart_is_not_suggested_again():
    team = make_team()
    runs = make_dubs(team, "Pilot (French)", "Pilot (German)", "Pilot (Polish)")
    join_runs(team, [run.pk for run in runs])
    take_apart(Run.objects.get(pk=runs[0].pk))
    Run.objects.update(is_compared=False)
    suggest_pending()
    assert suggestions(team) == []


def test_a_run_without_a_title_or_lines_is_not_suggested():
    team = make_team()
    make_dubs(team, "", "")
    make_run(team, title="Pilot (French)", duration_ms=120_000)
    make_run(team, title="Pilot (German)", duration_ms=120_000)
    suggest_pending()
    assert suggestions(team) == []


def test_comparing_many_runs_takes_as_many_queries_as_few():
    counts = []
    for number in (2, 20):
        make_dubs(make_team(), *(f"Pilot ({language})" for language in ("French", "German") * (number // 2)))
        with CaptureQueriesContext(connection) as queries:
            suggest_pending()
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_refreshing_comes_before_a_backlog_of_comparisons(team, enqueued, monkeypatch):
    monkeypatch.setattr(source_suggestions, "_RUNS_PER_CHUNK", 2)
    make_key(team)
    make_dubs(team, "Pilot (French)", "Pilot (German)", "Pilot (Thai)")
    Run.objects.filter(team=team).update(due_at=None)
    due = make_run(team)
    suggest_pending()
    assert (Run.objects.uncompared().count(), enqueued) == (1, [])
    Run.objects.filter(pk=due.pk).update(due_at=None)
    suggest_pending()
    assert not Run.objects.uncompared().exists()


def test_what_a_turn_leaves_is_done_by_the_next(monkeypatch, enqueued):
    make_dubs(make_team(), "Pilot (French)", "Pilot (German)")
    monkeypatch.setattr(source_suggestions, "MAX_SECONDS", -1)
    suggest_pending()
    assert enqueued == [("suggest_sources",)]
    assert Run.objects.uncompared().count() == 2
