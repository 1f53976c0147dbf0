"""Suggested sources, and the table of languages with its CSV file."""

import csv
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.pages import language_table, suggestion_list
from results.models import Run, Source
from results.runs.archive import archive_runs
from tests.dashboard.page_helpers import text_of
from tests.factories import make_ready_run, make_run, make_source, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
AUDIO = "https://media.example/1.mp3"


def make_suggestion(team, *titles: str) -> list[Run]:
    runs = [make_ready_run(team, title=title, duration_ms=60_000) for title in titles]
    Run.objects.filter(pk__in=[run.pk for run in runs]).update(suggestion=runs[-1].pk)
    return runs


def sources() -> list[set[int]]:
    return [set(source.runs.values_list("pk", flat=True)) for source in Source.objects.order_by("pk")]


def post(client, team, name: str, **values):
    return client.post(reverse(f"source-{name}", args=[team.slug]), values, follow=True)


# --- Suggestions -------------------------------------------------------------------------------------


def test_each_suggestion_shows_its_runs_and_why(client, team, reader):
    make_suggestion(team, "Pilot (French)", "Pilot <b>(German)")
    make_suggestion(make_team(), "Foreign_fr", "Foreign_de")
    answer = client.get(reverse("source-suggestions", args=[team.slug]))
    text = text_of(answer)
    assert "Pilot (French)" in text
    assert "the lengths by 0.0% at most" in text
    assert "Pilot &lt;b&gt;(German)" in answer.content.decode()
    assert "Foreign" not in text


def test_a_suggestion_is_joined_without_the_runs_that_were_left_out(client, team, reader):
    one, two, three = make_suggestion(team, "Pilot_fr", "Pilot_de", "Pilot_es")
    post(client, team, "accept", suggestion=three.pk, run=[one.pk, three.pk])
    assert sources() == [{one.pk, three.pk}]
    assert Run.objects.get(pk=two.pk).is_apart is True
    assert Run.objects.exclude(suggestion=None).count() == 0


def test_only_runs_of_the_suggestion_are_joined(client, team, reader):
    one, two = make_suggestion(team, "Pilot_fr", "Pilot_de")
    stranger, foreign = make_ready_run(team), make_suggestion(make_team(), "a", "b")
    post(client, team, "accept", suggestion=two.pk, run=[one.pk, stranger.pk, foreign[0].pk])
    assert sources() == []
    post(client, team, "accept", suggestion=foreign[1].pk, run=[run.pk for run in foreign])
    assert sources() == []


def test_all_suggestions_of_the_team_are_joined_at_once(client, team, reader):
    groups = [make_suggestion(team, f"Part {n}_fr", f"Part {n}_de") for n in range(3)]
    make_suggestion(make_team(), "Foreign_fr", "Foreign_de")
    assert "3 sources were created." in text_of(post(client, team, "accept", all="1"))
    assert sources() == [{run.pk for run in runs} for runs in groups]


def test_a_refused_suggestion_is_gone(client, team, reader):
    runs = make_suggestion(team, "Pilot_fr", "Pilot_de")
    foreign = make_suggestion(make_team(), "Foreign_fr", "Foreign_de")
    post(client, team, "refuse", suggestion=runs[1].pk)
    post(client, team, "refuse", suggestion=foreign[1].pk)
    assert set(Run.objects.filter(is_apart=True).pks()) == {run.pk for run in runs}
    assert "Nothing here right now" in text_of(client.get(reverse("source-suggestions", args=[team.slug])))


def test_suggestions_have_pages_of_the_same_number_of_queries(client, team, reader, monkeypatch):
    make_suggestion(team, "Pilot_fr", "Pilot_de")
    address = reverse("source-suggestions", args=[team.slug])
    client.get(address)
    with CaptureQueriesContext(connection) as of_one:
        client.get(address)
    for number in range(10):
        make_suggestion(team, f"Part {number}_fr", f"Part {number}_de")
    with CaptureQueriesContext(connection) as of_many:
        client.get(address)
    assert len(of_one) == len(of_many)
    monkeypatch.setattr(suggestion_list, "PAGE_SIZE", 6)
    page = client.get(address).content.decode()
    [following] = re.findall(r'rel="next" href="([^"]+)"', page)
    names = re.findall(
        r'<h2 id="suggestion-\d+"><bdi>(.*?)</bdi>', page + client.get(address + following).content.decode()
    )
    assert names == [f"Part {number}" for number in reversed(range(10))] + ["Pilot"]


# --- The table of languages --------------------------------------------------------------------------


def table(client, team, query: str = "") -> list[str]:
    page = client.get(reverse("source-languages", args=[team.slug]) + query).content.decode()
    return re.findall(r'<th scope="row">.*?<bdi>(.*?)</bdi>', page)


def test_the_table_shows_which_sources_miss_which_language(client, team, reader):
    make_source(team, "fr-fr", "de-de", title="Whole")
    make_source(team, "fr-fr", title="Half")
    make_run(team, title="Nothing yet")
    make_source(make_team(), "pl-pl", title="Foreign")
    assert table(client, team) == ["Nothing yet", "Half (fr-fr)"]
    assert table(client, team, "?all=1") == ["Nothing yet", "Half (fr-fr)", "Whole"]
    assert table(client, team, "?missing=fr-fr") == ["Nothing yet"]
    assert table(client, team, "?missing=pl-pl") == ["Nothing yet", "Half (fr-fr)", "Whole"]


def test_an_archived_dub_is_missing(client, team, reader):
    runs = make_source(team, "fr-fr", "de-de", title="Whole")
    archive_runs(team, [runs[1].pk])
    assert table(client, team) == ["Whole"]
    assert table(client, team, "?missing=de-de") == ["Whole"]


def test_the_csv_file_has_all_pages_and_no_formulas(client, team, reader, monkeypatch):
    monkeypatch.setattr(language_table, "_EXPORT_SIZE", 2)
    make_source(team, "fr-fr", "de-de", title="Whole")
    runs = [make_source(team, "fr-fr", title=f"=Part {number}")[0] for number in range(5)]
    answer = client.get(reverse("source-languages-export", args=[team.slug]))
    rows = list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))
    assert rows[0] == ["source", "runs", "fr-fr", "de-de", "missing", "address"]
    assert rows[1:] == [
        [f"'=Part {number} (fr-fr)", "1", "ready", "", "de-de", f"http://testserver/runs/{runs[number].pk}/"]
        for number in reversed(range(5))
    ]


def test_the_table_takes_as_many_queries_for_thirty_sources_as_for_one(client, team, reader):
    make_source(team, "fr-fr", "de-de")
    make_source(team, "pl-pl")
    table(client, team)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            table(client, team)
        counts.append(len(queries))
        for number in range(28):
            make_source(team, "fr-fr", "de-de", title=f"Part {number}")
    assert counts[0] == counts[1]


def test_a_team_without_languages_is_told_so(client, team, reader):
    make_run(team)
    assert "No dub has a language yet" in text_of(client.get(reverse("source-languages", args=[team.slug])))


def test_a_language_without_a_region_stands_in_the_column_of_its_only_region(client, team, reader):
    make_source(team, "es-es", "fr-fr", title="Named")
    make_source(team, "es", "fr-fr", title="Guessed")
    make_source(team, "fr-fr", title="Missing")
    assert table(client, team, "?missing=es-es") == ["Missing (fr-fr)"]
    assert table(client, team) == ["Missing (fr-fr)"]


def test_a_language_without_a_region_has_a_column_beside_those_of_several_regions(client, team, reader):
    make_source(team, "es-es", "es-mx", title="Both")
    make_source(team, "es", "es-mx", title="Bare")
    assert table(client, team, "?missing=es") == ["Both"]
