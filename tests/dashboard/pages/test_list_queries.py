"""The compiled queries of a list find for every team, person and page what the queries themselves find."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from dashboard.pages.list_queries import count_guesses, count_new, read_list_page
from dashboard.pages.run_query import RunListQuery, read_page
from results.models import MediaCopy, Run
from results.runs.listed import next_due_at, read_key, read_listed, read_runs, read_versions
from results.tags import add_tags
from tests.factories import make_dub, make_key, make_run, make_source, make_team, make_user

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
LARGEST = 10**18 - 1


def wanted_by(text: str) -> RunListQuery:
    return RunListQuery.read(QueryDict(text))


@pytest.fixture
def teams():
    """Two teams with the same runs, so that what belongs to the other team is as likely to be found."""
    adder = make_user(name="Ada")
    teams = [make_team(), make_team()]
    for team in teams:
        make_source(team, "fr-fr", "de-de")
        for number, status in enumerate((*Run.Status.values, "ready", "waiting")):
            run = make_run(
                team,
                camb_run_id=10_000_000 + number,
                title=f"Pilot {number % 3}",
                status=status,
                created_at=NOON + timedelta(hours=7 * number),
                checked_at=NOON if number % 2 else None,
                added_by=adder if number % 3 else None,
                languages=["es", "pt-BR"] if number % 2 else [],
                guessed_languages=["es"] if number % 4 == 1 else None,
                language_mismatches=[["es", "pt", 3]] if number % 4 == 1 else None,
                check_count=number % 2,
                version=number,
                archived_at=NOON if number == 6 else None,
            )
            add_tags(team, {run.pk: ["Launch", "a b"][: number % 3]})
        dub = make_dub(run, language="es")
        MediaCopy.objects.create(team=team, dub=dub, kind="video", state="kept", name=f"copy of {team.pk}")
    return teams


LISTS = [
    "", "status=ready", "status=archived", "order=oldest", "order=-title", "order=checked", "by=source",
    "by=source&status=ready", "q=pilot+1", "q=%2310", "q=%00", "tag=launch&tag=a+b", "lang=es", "lang=-none",
    "lang=-guessed", "lang=-otherwise", "since=2026-06-01&until=2026-06-01", "copies=kept", "copies=none",
    "checks=open", f"who={LARGEST}", f"events=1-{LARGEST}-ready", f"after={LARGEST}", f"order=id&after={LARGEST}",
]  # fmt: skip


@pytest.mark.parametrize("query", LISTS)
def test_each_team_finds_its_own_runs_by_each_list(query, teams):
    wanted = wanted_by(query)
    for team in (*teams, teams[0]):
        runs = Run.objects.filter(team=team)
        assert read_list_page(team.pk, wanted).runs == read_page(runs, wanted, read_runs).runs
        guesses = wanted.matching(runs.exclude(guessed_languages=None)).count()
        assert count_guesses(team.pk, wanted) == guesses


@pytest.mark.parametrize("query", ["", "order=oldest", "by=source", "status=ready", "q=pilot"])
def test_pages_before_and_after_a_run_are_those_of_the_team(query, teams):
    for team in teams:
        runs = Run.objects.filter(team=team)
        pks = sorted(runs.pks())
        for place in (f"after={pks[4]}", f"before={pks[4]}"):
            wanted = wanted_by(f"{query}&{place}")
            for size in (2, 50):
                page = read_list_page(team.pk, wanted, size)
                assert page == read_page(runs, wanted, read_runs, size)


@pytest.mark.parametrize("query", ["", "order=oldest", "status=ready", "by=source", "q=pilot"])
def test_new_runs_are_those_of_the_team_that_the_page_does_not_show(query, teams):
    wanted = wanted_by(query)
    for team in (*teams, teams[0]):
        runs = Run.objects.filter(team=team)
        for since in (0, 3):
            came = sorted(wanted.with_row(runs).filter(version__gt=since).pks())
            for shown in ([], came[:2], came):
                assert count_new(team.pk, wanted, shown, since) == len(came) - len(shown)
    assert count_new(teams[0].pk, wanted_by("order=title"), [], 0) == 0


def test_days_begin_at_midnight_of_who_looks(teams):
    wanted = wanted_by("since=2026-06-01&until=2026-06-01")
    found = {}
    for zone in ("UTC", "Asia/Tokyo", "UTC"):
        with timezone.override(zone):
            found[zone] = {run.created_at.hour for run in read_list_page(teams[0].pk, wanted).runs}
    assert found == {"UTC": {2, 9, 16, 23}, "Asia/Tokyo": {19, 2, 9}}


def test_a_listed_run_has_the_values_of_the_run(teams):
    for run in Run.objects.filter(team=teams[0]).select_related("added_by"):
        [read] = read_listed([run.pk])
        for name in (
            "camb_run_id",
            "title",
            "status",
            "checked_at",
            "due_at",
            "created_at",
            "archived_at",
            "version",
        ):
            assert getattr(read, name) == getattr(run, name)
        assert read.added_by == str(run.added_by or "")
        assert read.languages == tuple(run.languages)
        assert read.language_mismatches == tuple(map(tuple, run.language_mismatches or ()))
        assert read.tag_names == tuple(run.tag_names)
    assert read_listed([LARGEST]) == []


def test_a_page_knows_the_versions_of_the_teams_own_runs_alone(teams):
    team, other = teams
    run, removed = Run.objects.filter(team=team).order_by("-pk")[:2]
    Run.objects.filter(pk=removed.pk).update(removed_at=NOON, archived_at=NOON)
    shown = [run.pk, removed.pk, other.runs.first().pk, LARGEST]
    assert read_versions(team.pk, shown) == {run.pk: run.version}
    assert read_versions(team.pk, []) == {}


def test_a_list_reads_its_own_teams_key_and_first_due_time(teams):
    team, other = teams
    make_key(team, state="refused", message="No.", retry_at=NOON)
    key = read_key(team.pk)
    assert key is not None
    assert (key.is_in_trouble, key.message, key.retry_at) == (True, "No.", NOON)
    assert read_key(other.pk) is None
    Run.objects.filter(team=team).update(due_at=None)
    first, second = Run.objects.filter(team=other).order_by("pk")[:2]
    Run.objects.filter(team=other).update(due_at=None)
    for run, due_at in ((first, NOON), (second, NOON - timedelta(hours=1))):
        Run.objects.filter(pk=run.pk).update(due_at=due_at)
    assert (next_due_at(team.pk), next_due_at(other.pk)) == (None, NOON - timedelta(hours=1))
