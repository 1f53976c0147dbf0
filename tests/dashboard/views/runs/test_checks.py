"""Dismissing a review check with a reason, and bringing it back."""

import re

import pytest
from django.urls import reverse

from results.models import DismissedCheck
from teams.models import Membership
from tests.dashboard.page_helpers import run_page, signed_in, text_of, undo
from tests.factories import make_dub, make_member, make_ready_run, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def checked_dub(team):
    return make_dub(make_ready_run(team), ["x" * 70, "fine"], audio_url="https://cdn.example.com/a.m4a")


def address(dub, kind="fast", position=1):
    line = dub.cues.get(position=position).pk
    return f"{reverse('runs-checks-dismiss', args=[dub.run_id])}?line={line}&kind={kind}"


def checks_in(body):
    return re.findall(r'<small><span dir="auto">(.*?)</span></small>', body)


def test_a_check_is_dismissed_with_a_reason_and_listed_with_it(member, checked_dub):
    [check] = checks_in(run_page(member, checked_dub.run))
    assert check in text_of(member.get(address(checked_dub)))
    answer = member.post(address(checked_dub), {"reason": " Sung "})
    assert answer.headers["Location"] == f"{reverse('runs-detail', args=[checked_dub.run_id])}?dub=en-us#cue-1"
    body = run_page(member, checked_dub.run)
    assert checks_in(body) == []
    assert "0 review checks" in body
    [dismissed] = checks_in(run_page(member, checked_dub.run, "?check=dismissed"))
    assert dismissed.startswith(f"{check} · dismissed · Sung · ")


def test_a_dismissed_check_is_brought_back(member, checked_dub):
    member.post(address(checked_dub), {"reason": "Sung"})
    assert "Show it again" in text_of(member.get(address(checked_dub)))
    member.post(address(checked_dub), {"restore": "1"})
    assert len(checks_in(run_page(member, checked_dub.run))) == 1
    assert "dismissed" not in run_page(member, checked_dub.run)


def test_a_reason_is_asked_for(member, checked_dub):
    answer = member.post(address(checked_dub), {"reason": "  "})
    assert (answer.status_code, "Say why in a few words." in text_of(answer)) == (422, True)


def test_a_line_in_another_language_can_be_dismissed(member, checked_dub):
    checked_dub.foreign_lines = [[2, 2, "fr-fr"]]
    checked_dub.save()
    assert checks_in(run_page(member, checked_dub.run))[1:] == ["Another language: French (France)"]
    member.post(address(checked_dub, "foreign", 2), {"reason": "A name"})
    assert len(checks_in(run_page(member, checked_dub.run))) == 1


def test_a_check_that_is_gone_is_not_dismissed(member, checked_dub):
    for gone in (
        address(checked_dub, "long", 2),
        address(checked_dub, "nonsense"),
        address(checked_dub).replace("line=", "line=9"),
    ):
        assert member.post(gone, {"reason": "Sung"}).headers["Location"] == f"/runs/{checked_dub.run_id}/"
    assert not DismissedCheck.objects.exists()


def test_a_line_of_another_run_is_not_dismissed(member, team, checked_dub):
    other = make_dub(make_ready_run(make_team()), ["x" * 70])
    line = other.cues.get().pk
    url = reverse("runs-checks-dismiss", args=[checked_dub.run_id])
    member.post(f"{url}?line={line}&kind=fast", {"reason": "Sung"})
    assert not DismissedCheck.objects.exists()


def test_a_viewer_sees_the_checks_without_links(team, checked_dub):
    body = run_page(signed_in(make_member(team, Membership.Role.VIEWER)), checked_dub.run)
    assert len(checks_in(body)) == 1
    assert "/checks/dismiss/" not in body


def test_a_reason_is_escaped(member, checked_dub):
    member.post(address(checked_dub), {"reason": "<script>alert(1)</script>"})
    for query in ("", "?check=dismissed"):
        assert "<script>alert" not in run_page(member, checked_dub.run, query)


def test_all_checks_of_the_kind_are_dismissed_with_undo(member, team, checked_dub):
    dub = make_dub(make_ready_run(team), ["x" * 70, "fine", "y" * 70])
    assert "All 2 in this dub" in member.get(address(dub)).content.decode()
    member.post(address(dub), {"reason": "Sung", "scope": "dub"})
    body = run_page(member, dub.run)
    assert checks_in(body) == []
    assert "2 review checks were dismissed." in body
    undo(member, team)
    assert len(checks_in(run_page(member, dub.run))) == 2
    # A single check has no such choice.
    assert "scope" not in member.get(address(checked_dub)).content.decode()
    assert member.post(address(checked_dub), {"reason": "Sung", "scope": "dub"}).status_code == 422


def test_a_passage_in_another_language_is_dismissed_alone(member, team):
    foreign = [[1, 2, "fr-fr"], [4, 4, "fr-fr"]]
    dub = make_dub(make_ready_run(team), ["a", "b", "c", "d"], foreign_lines=foreign)
    assert "The 2 lines of this passage" in member.get(address(dub, "foreign", 2)).content.decode()
    answer = member.post(
        address(dub, "foreign", 2), {"reason": "A song", "scope": "stretch"}, headers={"HX-Request": "true"}
    )
    assert answer.headers["HX-Refresh"] == "true"
    assert len(checks_in(run_page(member, dub.run))) == 1
