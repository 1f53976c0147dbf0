"""The page of a run's source, and joining runs from the list."""

import re

import pytest
from django.urls import reverse

from results.models import Run, Source
from results.runs.sources import join_runs
from tests.dashboard.page_helpers import text_of
from tests.factories import make_ready_run, make_runs, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def sources() -> list[set[int]]:
    return [set(source.runs.values_list("pk", flat=True)) for source in Source.objects.order_by("pk")]


def test_a_run_is_found_by_title_or_id_and_joined(client, team, reader):
    run, other = make_ready_run(team, title="Pilot"), make_ready_run(team, title="Pilot_fr", camb_run_id=778899)
    make_ready_run(make_team(), title="Pilot_fr of others")
    address = reverse("runs-source", args=[run.pk])
    for typed in ("_fr", "7788"):
        found = client.get(address, {"q": typed}).content.decode()
        assert re.findall(r'name="run" value="(\d+)"', found) == [str(other.pk)]
    answer = client.post(address, {"run": other.pk})
    assert (answer.status_code, answer.headers["Location"]) == (302, address)
    assert sources() == [{run.pk, other.pk}]
    assert f'value="{other.pk}"' not in client.get(address, {"q": "_fr"}).content.decode().partition("find-run")[2]


def test_a_run_of_another_team_is_not_joined(client, team, reader):
    run, foreign = make_ready_run(team), make_ready_run(make_team())
    assert client.post(reverse("runs-source", args=[run.pk]), {"run": foreign.pk}).status_code == 422
    assert sources() == []


def test_a_suggested_run_is_offered_on_the_page(client, team, reader):
    run, other, _stranger = make_runs(team, 3, title="Pilot")
    Run.objects.filter(pk__in=[run.pk, other.pk]).update(suggestion=other.pk)
    page = client.get(reverse("runs-source", args=[run.pk])).content.decode()
    assert re.findall(r'name="run" value="(\d+)"', page) == [str(other.pk)]


def test_a_run_of_the_source_is_taken_apart_and_no_other(client, team, reader):
    run, other, third, stranger = make_runs(team, 4)
    join_runs(team, [run.pk, other.pk, third.pk])
    address = reverse("runs-source-apart", args=[run.pk])
    assert client.post(address, {"run": stranger.pk}).status_code == 404
    client.post(address, {"run": other.pk})
    assert sources() == [{run.pk, third.pk}]
    client.post(address)
    assert sources() == []


def test_a_source_is_renamed(client, team, reader):
    run, other = make_runs(team, 2, title="Pilot")
    join_runs(team, [run.pk, other.pk])
    client.post(reverse("runs-source-title", args=[run.pk]), {"title": "The <b>pilot"})
    assert Source.objects.get().title == "The <b>pilot"
    assert "The &lt;b&gt;pilot" in client.get(reverse("runs-source", args=[run.pk])).content.decode()
    answer = client.post(reverse("runs-source-title", args=[run.pk]), {"title": "x" * 201}, follow=True)
    assert "A title has at most 200 characters." in text_of(answer)


def test_selected_runs_become_one_source(client, team, reader):
    one, two, three = make_runs(team, 3)
    foreign = make_ready_run(make_team())
    address = reverse("runs-bulk-join", args=[team.slug])
    answer = client.post(address, {"pk": [one.pk, two.pk, foreign.pk]}, follow=True)
    assert "2 runs are one source now." in text_of(answer)
    assert sources() == [{one.pk, two.pk}]
    assert "Select two runs or more" in text_of(client.post(address, {"pk": [three.pk]}, follow=True))
