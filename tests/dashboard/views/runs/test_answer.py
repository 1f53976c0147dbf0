"""CAMB.AI's answer on a run's page: its problems, the raw answer as a file, and the unit of its times."""

import json
import zlib

import pytest
from django.urls import reverse
from django.utils import timezone

from results.camb.parse import read_run
from results.models import Cue, RawAnswer, Run
from results.refresh.merge import Merge
from teams.models import Membership
from tests.factories import make_member, make_run, make_user

pytestmark = pytest.mark.django_db

Role = Membership.Role
MUSIC = {
    "audio_url": "https://m.example/a.m4a",
    "transcript": [{"start": 0, "end": 1_200, "text": "Kettle drums"}] * 3,
}
NOTES = "Problems in CAMB.AI's answer"


def answered(team, value, **fields) -> Run:
    """Return a run of the team to which CAMB.AI gave this answer."""
    run = make_run(team, **fields)
    merging = Merge([run])
    merging.merge(run, read_run(run.camb_run_id, value), timezone.now())
    merging.write()
    run.save()
    return run


def run_page(client, run) -> str:
    return client.get(reverse("runs-detail", args=[run.pk])).content.decode()


# --- The raw answer ----------------------------------------------------------------------------------


def test_an_answer_of_unknown_form_is_noted_and_one_click_away(team, member):
    value = {"one": {"audio_url": "https://m.example/é.m4a"}, "two": {"audio_url": "https://m.example/2.m4a"}}
    run = answered(team, value, title="料理", camb_run_id=1344)
    body = run_page(member, run)
    url = reverse("runs-export-answer", args=[run.pk])
    assert '<details class="run-notes" open>' in body
    assert "CAMB.AI answered in a form that Dubroom does not know." in body
    assert f'href="{url}"' in body
    response = member.get(url)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="[1344].answer.json"; ')
    assert response.headers["Content-Disposition"].endswith("%5B1344%5D.answer.json")
    assert json.loads(response.content) == value


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.MEMBER, 200), (Role.VIEWER, 403), (None, 404)]
)
def test_only_owners_and_members_get_the_raw_answer(client, team, role, status):
    run = answered(team, MUSIC)
    client.force_login(make_member(team, role) if role else make_user())
    assert client.get(reverse("runs-export-answer", args=[run.pk])).status_code == status


def test_a_viewer_reads_the_problems_but_is_offered_neither_answer_nor_unit(client, team):
    run = answered(team, MUSIC)
    client.force_login(make_member(team, Role.VIEWER))
    body = run_page(client, run)
    assert NOTES in body
    assert "milliseconds instead of seconds" in body
    assert reverse("runs-export-answer", args=[run.pk]) not in body
    assert reverse("runs-edit-times", args=[run.pk]) not in body


def test_a_run_without_an_answer_offers_none(team, member):
    run = make_run(team)
    assert reverse("runs-export-answer", args=[run.pk]) not in run_page(member, run)
    assert member.get(reverse("runs-export-answer", args=[run.pk])).status_code == 404


def test_the_poll_brings_the_problems_too(team, member):
    run = answered(team, {"status": "ON_HOLD"})
    body = member.get(reverse("runs-detail-poll", args=[run.pk])).content.decode()
    assert "CAMB.AI reports the status “ON_HOLD”." in body
    assert reverse("runs-export-answer", args=[run.pk]) in body


def test_an_answer_without_problems_is_offered_in_the_history(team, member):
    run = answered(team, MUSIC | {"transcript": [{"start": 0.5, "end": 2.5, "text": "The kettle is on."}]})
    body = run_page(member, run)
    assert NOTES not in body
    _, drawer = body.split('<details class="run-notes history-drawer"')
    assert f'href="{reverse("runs-export-answer", args=[run.pk])}"' in drawer
    assert f'href="{reverse("runs-edit-times", args=[run.pk])}"' in drawer


# --- The unit of times -------------------------------------------------------------------------------


def test_a_member_switches_the_unit_and_the_page_follows(team, member):
    run = answered(team, MUSIC)
    url = reverse("runs-edit-times", args=[run.pk])
    assert f'action="{url}"' in run_page(member, run)
    response = member.post(url, {"unit": "seconds"})
    assert (response.status_code, response["Location"]) == (302, reverse("runs-detail", args=[run.pk]))
    assert set(Cue.objects.values_list("end_ms", flat=True)) == {1_200_000}
    body = run_page(member, run)
    assert "The times are read as seconds, as chosen for this run." in body
    assert '<option value="seconds" selected>' in body
    member.post(url, {"unit": ""})
    assert set(Cue.objects.values_list("end_ms", flat=True)) == {1_200}


def test_a_switch_that_has_to_wait_for_a_refresh_says_so(team, member):
    run = answered(team, MUSIC)
    RawAnswer.objects.update(body=zlib.compress(b'{"audio'), is_cut=True)
    response = member.post(reverse("runs-edit-times", args=[run.pk]), {"unit": "seconds"}, follow=True)
    assert "The times change when the run is refreshed" in response.content.decode()
    run.refresh_from_db()
    assert run.time_unit == "seconds"


def test_an_unknown_unit_is_refused_on_a_page_of_its_own(team, member):
    run = answered(team, MUSIC)
    response = member.post(reverse("runs-edit-times", args=[run.pk]), {"unit": "frames"})
    assert response.status_code == 422
    assert "frames is not one of the available choices" in response.content.decode()
    assert member.get(reverse("runs-edit-times", args=[run.pk])).status_code == 200


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (None, 404)])
def test_only_owners_and_members_switch_the_unit(client, team, role, status):
    run = answered(team, MUSIC)
    client.force_login(make_member(team, role) if role else make_user())
    assert client.post(reverse("runs-edit-times", args=[run.pk]), {"unit": "seconds"}).status_code == status
    run.refresh_from_db()
    assert run.time_unit == ""
