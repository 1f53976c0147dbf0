"""A new team's first steps: what ticks them, and who is shown the way."""

import pytest
from django.urls import reverse

from dashboard.pages.first_steps import get_first_steps
from results.models import ApiKey
from results.refresh import keys
from teams.models import Invitation, Membership
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def done(membership) -> list[bool]:
    return [step.is_done for step in get_first_steps(membership)]


def test_each_step_ticks_itself_once_the_team_has_what_it_asks_for(team, owner):
    own = team.memberships.get()
    assert done(own) == [False, False, False]
    keys.save_key(team, "camb-0123456789")
    assert done(own) == [False, False, False]  # saved, but not proven
    ApiKey.objects.update(state="working")
    assert done(own) == [True, False, False]
    make_run(team)
    assert done(own) == [True, True, False]
    Invitation.objects.issue(team=team, email="kim@example.org", role=Membership.Role.MEMBER, invited_by=owner)
    assert done(own) == [True, True, True]


def test_a_colleague_who_joined_ticks_the_invitation(team):
    make_member(team)
    assert done(team.memberships.get(role="owner")) == [False, False, True]


def test_members_are_led_only_where_they_may_go(team):
    steps = get_first_steps(make_member(team).memberships.get())
    assert [bool(step.href) for step in steps] == [False, True, False]
    assert steps[0].text == "An owner of the team can do this."
    assert steps[2].text == "An owner or a manager of the team can do this."


def test_the_empty_list_leads_to_the_first_open_step(team, owner):
    page = signed_in(owner).get(reverse("runs-list", args=[team.slug])).content.decode()
    assert f'<a class="button primary" href="{reverse("keys", args=[team.slug])}">Add the key</a>' in page
    viewer = signed_in(make_member(team, Membership.Role.VIEWER))
    assert "Get started in three steps" not in viewer.get(reverse("runs-list", args=[team.slug])).content.decode()
