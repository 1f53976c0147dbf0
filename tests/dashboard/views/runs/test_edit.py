"""Actions on one run: rename, tag, refresh, archive, restore and remove it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from results import clock, tags
from results.models import Attempt, Call, Run, TeamVersion
from teams.models import Membership
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_dub, make_key, make_member, make_ready_run, make_run, make_team

pytestmark = pytest.mark.django_db


def test_a_saved_title_bumps_the_version(team, member):
    run = make_run(team, camb_run_id=1344)
    since = TeamVersion.current(team.pk)
    response = member.post(reverse("runs-edit-title", args=[run.pk]), {"title": "  Harbour lights "})
    assert (response.status_code, response["Location"]) == (302, reverse("runs-detail", args=[run.pk]))
    run.refresh_from_db()
    assert (run.title, run.version) == ("Harbour lights", since + 1)


def test_an_invisible_title_counts_as_empty(team, member):
    run = make_run(team, title="Harbour lights")
    member.post(reverse("runs-edit-title", args=[run.pk]), {"title": "\u200b\u200b"})
    run.refresh_from_db()
    assert run.title == ""


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("Har\x0bbour \x1blights", "Har bour lights"), ("a\r\nb\x85c\u2028d", "a b c d"), ("\x07", ""), ("‍😀", "‍😀")],
)
def test_a_title_has_no_control_characters(team, member, typed, stored):
    run = make_run(team, title="Pilot")
    assert member.post(reverse("runs-edit-title", args=[run.pk]), {"title": typed}).status_code == 302
    run.refresh_from_db()
    assert run.title == stored


def test_a_title_form_within_a_page_gets_the_title_alone(team, member):
    run = make_run(team)
    response = member.post(
        reverse("runs-edit-title", args=[run.pk]), {"title": "Lights & <b>"}, headers={"HX-Request": "true"}
    )
    assert response.content.decode().strip() == (
        f'<bdi id="run-{run.pk}-name" hx-swap-oob="true">Lights &amp; &lt;b&gt;</bdi>'
    )


def test_a_title_can_be_removed(team, member):
    run = make_run(team, camb_run_id=1344, title="Harbour lights")
    member.post(reverse("runs-edit-title", args=[run.pk]), {"title": ""})
    run.refresh_from_db()
    assert str(run) == "Run 1344"


@pytest.mark.parametrize(
    ("title", "sentence"),
    [("x" * 201, "A title has at most 200 characters."), ("a\0b", "Null characters are not allowed.")],
)
def test_an_invalid_title_is_refused_and_not_lost(title, sentence, team, member):
    run = make_run(team, title="Harbour lights")
    response = member.post(reverse("runs-edit-title", args=[run.pk]), {"title": title})
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert f'value="{title}"' in response.content.decode()
    run.refresh_from_db()
    assert run.title == "Harbour lights"


def test_only_the_title_can_be_changed_by_its_form(team, member):
    run = make_run(team, camb_run_id=1344)
    member.post(reverse("runs-edit-title", args=[run.pk]), {"title": "x", "camb_run_id": 7, "team": make_team().pk})
    run.refresh_from_db()
    assert (run.camb_run_id, run.team) == (1344, team)


def test_tags_are_added_and_removed(team, member):
    run = make_run(team)
    url = reverse("runs-edit-tags", args=[run.pk])
    response = member.post(url, {"tags": "Launch, Two words"})
    assert (response.status_code, response["Location"]) == (302, reverse("runs-detail", args=[run.pk]))
    page = member.get(response["Location"]).content.decode()
    assert f'href="{reverse("runs-list", args=[team.slug])}?tag=Two%20words"><bdi>Two words</bdi>' in page
    assert '<option value="Launch"></option>' in page
    member.post(url, {"remove": "Launch"})
    assert run.tag_names == ["Two words"]


def test_a_tag_form_within_a_page_comes_back_with_the_focus(team, member):
    run = make_run(team)
    response = member.post(reverse("runs-edit-tags", args=[run.pk]), {"tags": "x"}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert re.search(r'<input id="tags-of-run" name="tags" value="" [^>]*autofocus', response.content.decode())


def test_an_invalid_tag_is_refused_and_not_lost(team, member):
    run = make_run(team)
    typed = "fine, " + "x" * 41
    response = member.post(reverse("runs-edit-tags", args=[run.pk]), {"tags": typed})
    assert response.status_code == 422
    assert f"A tag has at most 40 characters: “{'x' * 40}…” is longer." in text_of(response)
    assert f'name="tags" value="{typed}"' in response.content.decode()
    assert run.tag_names == []


def test_a_viewer_sees_tags_and_no_way_to_change_them(team):
    run = make_run(team)
    tags.add_tags(team, {run.pk: ["launch"]})
    page = signed_in(make_member(team, Membership.Role.VIEWER)).get(reverse("runs-detail", args=[run.pk]))
    assert "<bdi>launch</bdi>" in page.content.decode()
    assert reverse("runs-edit-tags", args=[run.pk]) not in page.content.decode()


def test_an_archived_run_keeps_its_page_and_can_be_restored(team, member):
    make_key(team)
    run = make_dub(make_run(team, status="waiting"), ["Hello"]).run
    url = reverse("runs-detail", args=[run.pk])
    response = member.post(reverse("runs-edit-archive", args=[run.pk]))
    assert (response.status_code, response["Location"]) == (302, url)
    page = member.get(url)
    assert "Archived: not in the list" in text_of(page)
    assert "Hello" in text_of(page)
    assert "data-poll" not in page.content.decode()
    assert reverse("runs-edit-refresh", args=[run.pk]) not in page.content.decode()
    member.post(reverse("runs-edit-refresh", args=[run.pk]))
    assert "Restore it first." in text_of(member.get(url))
    member.post(reverse("runs-edit-unarchive", args=[run.pk]))
    assert "is restored. It appears in search" in text_of(member.get(url))
    run.refresh_from_db()
    assert (run.archived_at, run.due_at is None) == (None, False)


def test_a_viewer_sees_that_a_run_is_archived_and_no_way_to_restore_it(team):
    run = make_run(team, archived_at=timezone.now(), due_at=None)
    page = signed_in(make_member(team, Membership.Role.VIEWER)).get(reverse("runs-detail", args=[run.pk]))
    assert "Archived: not in the list" in text_of(page)
    assert reverse("runs-edit-unarchive", args=[run.pk]) not in page.content.decode()


def test_refresh_now_claims_the_run(team, member):
    make_key(team)
    run = make_run(team, status="ready", due_at=None)
    response = member.post(reverse("runs-edit-refresh", args=[run.pk]))
    assert (response.status_code, response["Location"]) == (302, reverse("runs-detail", args=[run.pk]))
    run.refresh_from_db()
    assert run.lease is not None
    page = text_of(member.get(reverse("runs-detail", args=[run.pk])))
    assert "checking now" in page
    member.post(reverse("runs-edit-refresh", args=[run.pk]))
    assert "already being refreshed" in text_of(member.get(reverse("runs-list", args=[team.slug])))


def test_a_failed_attempt_is_shown_until_the_run_is_answered(team, member):
    make_key(team)
    now = timezone.now()
    run = make_run(team, status="ready", checked_at=now - timedelta(minutes=3), due_at=now + timedelta(minutes=1))
    address = reverse("runs-detail", args=[run.pk])
    outcomes = [(20, Call.Outcome.UNAVAILABLE), (10, Call.Outcome.ANSWERED), (5, Call.Outcome.UNAVAILABLE)]
    for age, outcome in outcomes:
        at = now - timedelta(seconds=age)
        call = Call.objects.create(team=team, at=at, ms=9, outcome=outcome, run_count=1, message="No answer.")
        Attempt.objects.create(call=call, run=run)
        sentence = "last check failed" if outcome != Call.Outcome.ANSWERED else "3m ago · next check in"
        assert sentence in text_of(member.get(address))
    page = member.get(address).content.decode()
    assert re.search(r'title="No answer\."[^>]*>last check failed <time[^>]*>\d+s ago', page)
    Run.objects.update(checked_at=now)
    assert "last check failed" not in text_of(member.get(address))


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (None, "This team has no CAMB.AI key yet"),
        ({"state": "refused", "message": "CAMB.AI refused the key."}, "CAMB.AI refused the key."),
    ],
)
def test_refresh_now_says_why_camb_cannot_be_asked(key, sentence, team, member):
    if key:
        make_key(team, retry_at=timezone.now() + timedelta(hours=1), **key)
    member.post(reverse("runs-edit-refresh", args=[make_ready_run(team).pk]))
    assert sentence in text_of(member.get(reverse("runs-list", args=[team.slug])))


@pytest.mark.usefixtures("_broker_is_away")
def test_a_refresh_says_that_no_worker_can_be_reached_and_is_not_lost(team, member):
    make_key(team)
    run = make_ready_run(team)
    response = member.post(reverse("runs-edit-refresh", args=[run.pk]))
    assert (response.status_code, response["Location"]) == (302, reverse("runs-detail", args=[run.pk]))
    page = text_of(member.get(response["Location"]))
    assert "Refresh is delayed by a problem on this server. It starts by itself once that is fixed." in page
    assert Run.objects.due(clock.now()).pks() == [run.pk]


@pytest.mark.parametrize("is_finished", [False, True])
def test_the_obstacle_to_a_refresh_is_shown_once(is_finished, team, member):
    in_an_hour = timezone.now() + timedelta(hours=1)
    make_key(team, state="unavailable", message="CAMB.AI is resting.", retry_at=in_an_hour)
    run = make_ready_run(team) if is_finished else make_run(team)
    member.post(reverse("runs-edit-refresh", args=[run.pk]))
    page = text_of(member.get(reverse("runs-detail", args=[run.pk])))
    assert page.count("CAMB.AI is resting.") == 1
    assert ("paused · next check in" in page) is not is_finished


def test_a_run_is_removed_after_a_confirmation(team, member):
    run = make_run(team, title="Harbour lights")
    url = reverse("runs-edit-remove", args=[run.pk])
    assert "Remove Harbour lights ?" in text_of(member.get(url))
    assert Run.objects.present().filter(pk=run.pk).exists()
    response = member.post(url)
    assert (response.status_code, response["Location"]) == (302, reverse("runs-list", args=[team.slug]))
    assert not Run.objects.present().filter(pk=run.pk).exists()


def test_a_rename_locks_the_run_before_the_team_version(team, member):
    run = make_run(team)
    with CaptureQueriesContext(connection) as queries:
        member.post(f"/runs/{run.pk}/title/", {"title": "Pilot"})
    statements = [query["sql"] for query in queries]
    bump = next(
        at for at, sql in enumerate(statements) if sql.startswith("UPDATE") and "results_teamversion" in sql
    )
    begin = max(at for at, sql in enumerate(statements[:bump]) if sql.startswith("SAVEPOINT"))
    assert any("results_run" in sql for sql in statements[begin:bump])
    run.refresh_from_db()
    assert run.title == "Pilot"
