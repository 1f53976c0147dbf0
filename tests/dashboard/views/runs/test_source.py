"""The page of a run's source, and joining runs from the list."""

import re

import pytest
from django.urls import reverse

from results.models import Run, Source
from results.runs.archive import archive_runs
from results.runs.source import join_runs
from tests.dashboard.page_helpers import run_page, text_of, text_of_html
from tests.factories import make_dub, make_member, make_ready_run, make_runs, make_source, make_team

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
    assert "2 runs are now one source." in text_of(answer)
    assert sources() == [{one.pk, two.pk}]
    assert "Select two runs or more" in text_of(client.post(address, {"pk": [three.pk]}, follow=True))


# --- The run's page over all runs of the source ------------------------------------------------------

AUDIO = "https://media.example/1.mp3"


def tabs(page: str) -> list[tuple[str, str]]:
    """Return the address and the name of each language tab."""
    nav = page.partition('<nav class="tabs" aria-label="Languages"')[2].partition("</nav>")[0]
    return re.findall(r'<a [^>]*?href="([^"]+)".*?<bdi>(.*?)</bdi>', nav, re.DOTALL)


def test_the_tabs_lead_to_all_dubs_of_the_source_in_the_same_order(client, team, reader):
    french, plain, german = make_source(team, "fr-fr", "", "de-de")
    make_dub(make_ready_run(team), ["uno"], "es-es", audio_url=AUDIO)
    make_dub(make_ready_run(make_team()), ["uno"], "it-it", audio_url=AUDIO)
    assert tabs(run_page(client, plain)) == [
        (f"/runs/{french.pk}/?dub=fr-fr&amp;play=audio", "French (France)"),
        ("?dub=&amp;play=audio", "No language"),
        (f"/runs/{german.pk}/?dub=de-de&amp;play=audio", "German (Germany)"),
    ]
    assert [name for _href, name in tabs(run_page(client, german))] == [
        "French (France)", "Pilot (plain)", "German (Germany)",
    ]  # fmt: skip


def test_an_archived_run_has_no_tab(client, team, reader):
    french, german = make_source(team, "fr-fr", "de-de")
    archive_runs(team, [german.pk])
    assert tabs(run_page(client, french)) == []


def test_two_dubs_of_a_source_are_exported_side_by_side(client, team, reader):
    french, german = make_source(team, "fr-fr", "de-de")
    stranger = make_dub(make_ready_run(team), ["uno"], "es-es")
    foreign = make_dub(make_ready_run(make_team()), ["uno"], "it-it")
    dub = french.dubs.get()

    def export(other):
        return client.get(reverse("runs-export-pair", args=[dub.pk, "csv", other.pk]))

    assert reverse("runs-export-pair", args=[dub.pk, "csv", german.dubs.get().pk]) in run_page(client, french)
    assert "la fr-fr,la de-de" in export(german.dubs.get()).content.decode()
    assert [export(other).status_code for other in (stranger, foreign, dub)] == [404, 404, 404]


def test_runs_without_a_source_share_no_export(client, team, reader):
    one, two = (make_dub(make_ready_run(team), ["la"], language) for language in ("fr-fr", "de-de"))
    assert client.get(reverse("runs-export-pair", args=[one.pk, "csv", two.pk])).status_code == 404


def test_the_run_names_its_source_and_what_looks_like_it(client, team, reader):
    french, _german = make_source(team, "fr-fr", "de-de")
    [polish] = make_runs(team, 1, title="Pilot (Polish)")
    Run.objects.update(suggestion=polish.pk)
    text = text_of_html(run_page(client, french))
    assert "Source: Pilot" in text
    assert "1 other run looks like a dub of this original." in text
    client.force_login(make_member(team, "viewer"))
    page = run_page(client, french)
    assert "Source: <bdi>Pilot</bdi>" in " ".join(page.split()).replace("> ", ">").replace(":<", ": <")
    assert reverse("runs-source", args=[french.pk]) not in page
