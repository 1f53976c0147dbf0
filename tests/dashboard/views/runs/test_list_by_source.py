"""The list by source: one row a source, its dubs with their status, filters, bulk actions and polls."""

import re

import pytest
from django.urls import reverse

from dashboard.pages.run_query import RunListQuery, get_page
from results.models import LanguageSource, Run, TeamVersion
from results.runs.archive import archive_runs
from results.runs.source import join_runs, take_apart
from tests.dashboard.page_helpers import shown, text_of, text_of_html
from tests.factories import make_key, make_ready_run, make_run, make_runs, make_source, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
AUDIO = "https://media.example/1.mp3"
BY_SOURCE = RunListQuery(by="source")


def listed(team, **wanted) -> list[int]:
    runs = get_page(Run.objects.filter(team=team), RunListQuery(by="source", **wanted)).runs
    return [run.pk for run in runs]


def open_list(client, team, **query):
    return client.get(reverse("runs-list", args=[team.slug]), {"by": "source", **query})


def test_a_source_is_one_row_with_a_chip_for_each_dub(client, team, reader):
    alone = make_ready_run(team, title="Alone")
    french, german = make_source(team, "fr-fr", "de-de")
    waiting = make_run(team, title="Pilot (Polish)", status=Run.Status.WAITING)
    join_runs(team, [french.pk, waiting.pk])
    answer = open_list(client, team)
    assert shown(answer) == [waiting.pk, alone.pk]
    chips = re.findall(r'<a class="tag dub-chip (\w+)" href="([^"]+)".*?<bdi>(.*?)</bdi>', answer.content.decode())
    assert chips == [
        ("ready", f"/runs/{french.pk}/?dub=fr-fr", "French (France)"),
        ("ready", f"/runs/{german.pk}/?dub=de-de", "German (Germany)"),
        ("waiting", f"/runs/{waiting.pk}/", "Pilot (Polish)"),
        ("ready", f"/runs/{alone.pk}/", f"Run {alone.camb_run_id}"),
    ]
    assert "2 of 3 ready" in text_of(answer)


def test_a_guessed_language_looks_like_a_guess(client, team, reader):
    run, _other = make_source(team, "fr-fr", "de-de")
    run.dubs.update(language_source=LanguageSource.GUESS)
    assert "French (France)?" in text_of(open_list(client, team))


def test_a_source_is_found_by_any_of_its_runs_that_match(client, team, reader):
    ready = make_source(team, "fr-fr", "de-de")
    failed = make_run(team, title="Pilot (Polish)", status=Run.Status.FAILED)
    join_runs(team, [ready[0].pk, failed.pk])
    assert listed(team) == [failed.pk]
    assert listed(team, status="ready") == [ready[1].pk]
    assert listed(team, q="fr-fr") == [ready[0].pk]
    assert listed(team, status="failed", q="fr-fr") == []
    text = text_of(open_list(client, team))
    assert "All 3 Ready 2 Failed 1" in text


def test_archived_runs_have_rows_of_their_own(team):
    runs = make_source(team, "fr-fr", "de-de")
    archive_runs(team, [runs[1].pk])
    assert (listed(team), listed(team, status="archived")) == ([runs[0].pk], [runs[1].pk])


@pytest.mark.parametrize("order", ["", "oldest"])
def test_pages_follow_each_other_without_gap_or_repetition(team, order):
    sources = [make_source(team, "fr-fr", "de-de", "es-es", title=f"Part {n}") for n in range(7)]
    newest = [runs[-1].pk for runs in sources]
    wanted = RunListQuery(by="source", order=order)
    seen: list[int] = []
    while True:
        page = get_page(Run.objects.filter(team=team), wanted, 3)
        seen += [run.pk for run in page.runs]
        if not page.after:
            break
        wanted = RunListQuery(by="source", order=order, after=page.runs[-1].pk)
    assert seen == (newest if order else newest[::-1])


def test_another_teams_sources_are_not_listed(client, team, reader):
    make_source(make_team(), "fr-fr", "de-de")
    own = make_source(team, "fr-fr", "de-de")
    assert shown(open_list(client, team)) == [own[1].pk]


def test_thirty_sources_take_as_many_queries_as_one(client, team, reader, django_assert_num_queries):
    make_key(team)
    make_source(team, "fr-fr", "de-de")
    open_list(client, team)
    with django_assert_num_queries(19):
        open_list(client, team)
    for number in range(29):
        make_source(team, "fr-fr", "de-de", "es-es", title=f"Part {number}")
    with django_assert_num_queries(19):
        open_list(client, team)


def test_a_bulk_action_on_a_source_acts_on_its_runs_that_match(client, team, reader):
    runs = make_source(team, "fr-fr", "de-de")
    failed = make_run(team, status=Run.Status.FAILED)
    join_runs(team, [runs[0].pk, failed.pk])
    stranger = make_ready_run(team)
    address = reverse("runs-bulk-tag", args=[team.slug])
    client.post(address, {"pk": [runs[1].pk], "by": "source", "status": "ready", "tags": "done"})
    assert set(Run.objects.filter(tags__name="done").pks()) == {run.pk for run in runs}
    answer = client.post(
        reverse("runs-bulk-archive", args=[team.slug]), {"pk": [failed.pk], "by": "source", "order": "oldest"}
    )
    assert answer.headers["Location"].endswith("?order=oldest&by=source")
    assert Run.objects.current().pks() == [stranger.pk]


def poll(client, team, since: int, ids: list[int], **query):
    values = {"by": "source", "since": since, "loaded": since, "ids": ",".join(map(str, ids)), **query}
    return client.get(reverse("runs-list-poll", args=[team.slug]), values)


def test_a_poll_brings_the_row_of_a_source_when_any_of_its_runs_changes(client, team, reader):
    runs, others = make_source(team, "fr-fr", "de-de"), make_source(team, "fr-fr", "de-de", title="Other")
    since, ids = TeamVersion.current(team.pk), [others[1].pk, runs[1].pk]
    assert poll(client, team, since, ids).status_code == 204
    archive_runs(team, [runs[0].pk])
    answer = poll(client, team, since, ids)
    assert shown(answer) == [runs[1].pk]
    assert "1 of 1 ready" in text_of(answer)
    take_apart(Run.objects.get(pk=others[0].pk))
    assert others[1].pk in shown(poll(client, team, since, ids))


def test_a_poll_counts_a_new_source_and_not_a_new_run_of_one_that_is_shown(client, team, reader):
    runs = make_source(team, "fr-fr", "de-de")
    since = TeamVersion.current(team.pk)
    new = make_run(team)
    join_runs(team, [runs[0].pk, new.pk])
    assert "new run" not in text_of(poll(client, team, since, [runs[1].pk]))
    make_source(team, "es-es", "pl-pl", title="Other")
    assert "1 new run" in text_of(poll(client, team, since, [runs[1].pk]))


def test_both_lists_lead_to_each_other_and_the_filter_stays(client, team, reader):
    make_source(team, "fr-fr", "de-de")
    page = open_list(client, team, status="ready").content.decode()
    assert 'href="?status=ready"' in page
    assert 'href="?status=ready&amp;by=source"' in page
    assert '<input type="hidden" name="by" value="source">' in page


def test_hostile_names_are_escaped(client, team, reader):
    runs = make_runs(team, 2, title="<script>alert(1)</script>")
    join_runs(team, [run.pk for run in runs])
    page = open_list(client, team).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_list_says_what_looks_like_one_source(client, team, reader):
    runs = make_runs(team, 3, title="Pilot")
    Run.objects.filter(pk__in=[run.pk for run in runs[:2]]).update(suggestion=runs[1].pk)
    page = open_list(client, team).content.decode()
    assert "2 runs look like dubs of 1 original." in text_of_html(page)
    assert reverse("source-suggestions", args=[team.slug]) in page
